// SPDX-License-Identifier: MIT
//
// What the files of the futexes share: keys, which say what word is meant, and the table of those
// who sleep on one. The locks are described in futex_table.c.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <stdbool.h>
#include <stdint.h>

struct task;
struct futex_pi_waiter;

struct futex_key {
	const void *space; // struct mm or struct object
	uint64_t offset;   // address in it, and a bit that says that it is shared
};

struct futex_bucket {
	struct spinlock lock;
	bool ready; // `sleepers` is initialised
	struct list
		sleepers; // struct futex_sleeper by `link`: by urgency, of equals first come first
};

// Lives with its task. It leaves only after having held its bucket's lock once more, so that
// whoever wakes it is through with it by then.
struct futex_sleeper {
	struct list link; // this and all below: guarded by the bucket's lock once it is queued
	struct task *task;
	struct futex_key key;
	struct futex_bucket *bucket;
	struct futex_pi_waiter *pi; // to be moved to that mutex, not to be woken; else NULL
	uint32_t bitset;
	bool woken; // and off the list
	bool moved; // to the mutex, and off the list
};

// Lives on its task's stack.
struct futex_pi_waiter {
	struct list link;
	struct task *task;
	struct task *owner; // whom it waits for, held
	struct futex_key key;
	bool set_waiters; // when it gets the mutex at once, the word says all the same that others
			  // wait
	bool granted;     // the mutex is this task's
	bool died;        // because its owner ended: the word is still to be written
};

static inline bool futex_same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->offset == b->offset;
}

// What word is at `address` of the running task: 0, -EINVAL or -EFAULT.
int futex_find_key(uintptr_t address, bool is_private, struct futex_key *key);

struct futex_bucket *futex_bucket_of(const struct futex_key *key);
void futex_lock_bucket(struct futex_bucket *bucket);
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);
// Both with the bucket's lock held.
void futex_enqueue(struct futex_bucket *bucket, struct futex_sleeper *sleeper);
bool futex_has_sleeper(const struct futex_key *key);

// Brings the page of a word in for writing. 0 or -EFAULT.
int futex_touch(uintptr_t address);

// Queues the sleeper when the word is `value`: 0, -EAGAIN or -EFAULT.
int futex_queue_if_equal(struct futex_sleeper *sleeper, uintptr_t address, uint32_t value);

// Whether somebody waits for a mutex with that word. Its bucket's lock is held.
bool futex_pi_waited(const struct futex_key *key);

// What came of an attempt to have a mutex: it is the task's; it is queued up for it; nothing, and
// it has to be tried again, after the word's page has been brought in for FAULT.
enum futex_attempt { TAKEN, QUEUED, AGAIN, FAULT };

// Takes the mutex whose word the running task has at `address` for `waiter`, whoever that is, or
// queues it up. Its bucket's lock is held. `try`: does not queue it up. 0, or why it can not be
// had.
int futex_pi_attempt(struct futex_pi_waiter *waiter, uintptr_t address, bool try,
		     enum futex_attempt *done);

// For who was queued up: whether the mutex is its own; and to leave the queue, with the same as
// result. `address` is where it has the word itself.
bool futex_pi_granted(const struct futex_pi_waiter *waiter);
bool futex_pi_finish(struct futex_pi_waiter *waiter, uintptr_t address);
