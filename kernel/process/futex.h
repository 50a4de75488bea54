// SPDX-License-Identifier: MIT
//
// Futexes: sleeping until a word of ring 3's memory changes, and waking who sleeps on one.
// `address` is the word's, of the running task; `private` says that only its own threads use it
// (FUTEX_PRIVATE_FLAG). All give Linux's results and errors: -EINVAL for an address that is no
// multiple of 4, -EFAULT for one that can not be reached.
#pragma once

#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;

// Sleeps while the word is `value`, until somebody wakes one of the bits in `bitset` or `deadline`
// (clock_monotonic(), or WAIT_FOREVER) comes. 0, -EAGAIN when the word is another, -ETIMEDOUT, or
// -ERESTARTSYS or -ERESTART_RESTARTBLOCK for a signal.
long futex_wait(uintptr_t address, bool private, uint32_t value, uint32_t bitset,
		uint64_t deadline);

// Times since boot that a task lay down in the calls above and below: the contention of locks.
unsigned long futex_wait_count(void);

// futex_waitv: the same for several words. Which one was woken (of several the last).
struct futex_wait_word {
	uintptr_t address;
	uint32_t value;
	bool is_private;
};
long futex_wait_several(const struct futex_wait_word *words, size_t count, uint64_t deadline);

// Wakes up to `count` sleepers, but at least one: how many there were.
long futex_wake(uintptr_t address, bool private, int count, uint32_t bitset);

// Two words at once.
struct futex_pair {
	uintptr_t from, to;
	bool private;
	int wake;  // sleepers on `from` to wake
	int other; // of `from` to move to `to`; futex_wake_op: of `to` to wake
};

// Wakes some of `from` and lets others sleep on `to` instead: how many in all. When `expected` is
// not NULL the word at `from` must have that value: else -EAGAIN.
long futex_requeue(const struct futex_pair *pair, const uint32_t *expected);

// FUTEX_WAKE_OP: changes the word at `to` as `operation` says, wakes some of `from`, and some of
// `to` if its old value is as `operation` says.
long futex_wake_op(const struct futex_pair *pair, uint32_t operation);

// Mutexes with priority inheritance (futex_pi.c): the word holds the owner's tid, and the kernel
// hands it from one owner to the next. 0, -EDEADLK, -ESRCH, -EAGAIN (futex_lock_pi with `try`),
// -ETIMEDOUT, -EPERM (futex_unlock_pi by another), or -ERESTARTNOINTR for a signal.
long futex_lock_pi(uintptr_t address, bool is_private, bool try, uint64_t deadline);
long futex_unlock_pi(uintptr_t address, bool is_private);

// Sleeps on the word at `address` as futex_wait() does, until somebody moves it to the mutex at
// `to`, and then until it has that (futex_requeue_pi.c). 0, or as futex_wait(); -EAGAIN also for
// a signal after it has been moved.
long futex_wait_requeue_pi(const struct futex_wait_word *word, uintptr_t to, uint64_t deadline);
// While the word at `from` is `expected`: the first of its sleepers gets the mutex at `to` or
// queues up for it, and up to `other` more queue up: how many in all.
long futex_cmp_requeue_pi(const struct futex_pair *pair, uint32_t expected);

// At a task's end, or when it leaves its memory: whoever waits for a mutex that it holds gets it,
// with FUTEX_OWNER_DIED. `ends`: nobody can wait for this task any more.
void futex_release_pi(struct task *task, bool ends);

// At a task's end, or when it leaves its memory: every robust mutex it holds gets
// FUTEX_OWNER_DIED, and one who sleeps on it is woken.
void futex_release_robust(struct task *task);
