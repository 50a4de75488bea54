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

struct futex_key {
	const void *space; // struct mm or struct object
	uint64_t offset;   // address in it, and a bit that says that it is shared
};

struct futex_bucket {
	struct spinlock lock;
	bool ready;           // `sleepers` is initialised
	struct list sleepers; // struct futex_sleeper by `link`, first come first
};

// Lives with its task. It leaves only after having held its bucket's lock once more, so that
// whoever wakes it is through with it by then.
struct futex_sleeper {
	struct list link; // this and all below: guarded by the bucket's lock once it is queued
	struct task *task;
	struct futex_key key;
	struct futex_bucket *bucket;
	uint32_t bitset;
	bool woken; // and off the list
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
