// SPDX-License-Identifier: MIT
//
// Sleeping on a word until somebody moves the sleeper to a mutex with priority inheritance:
// condition variables of such mutexes. A waker takes the mutex for the first sleeper if it is
// free, and wakes it; or else it queues the first and the others up for it, and they go on
// sleeping.
//
// Locks: those of both words' buckets, and pi_lock below them (futex_pi.c). A sleeper is on its
// bucket's list until it is woken or moved, of which it learns under the bucket's lock; nothing
// else takes it from there (futex.c refuses).
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex.h"
#include "kernel/process/futex_internal.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include <linux/errno.h>

// ---- moving; both buckets' locks are held ----
static int move(struct futex_sleeper *sleeper, uintptr_t to, enum futex_attempt *done)
{
	int error = futex_pi_attempt(sleeper->pi, to, false, done);

	if (error || *done == AGAIN || *done == FAULT)
		return error;
	list_del(&sleeper->link);
	if (*done == QUEUED) {
		sleeper->moved = true;
		return 0;
	}
	__atomic_store_n(&sleeper->woken, true, __ATOMIC_RELEASE);
	task_wake(sleeper->task);
	return 0;
}

// Goes on counting in *moved. As Linux: without one to wake, one more is queued up.
static int move_some(const struct futex_pair *pair, const struct futex_key *from,
		     const struct futex_key *to, long *moved, enum futex_attempt *done)
{
	struct futex_sleeper *sleeper, *following;
	int error;

	list_for_each_entry_safe (sleeper, following, &futex_bucket_of(from)->sleepers, link) {
		if (*moved - pair->wake >= pair->other)
			break;
		if (!futex_same_key(&sleeper->key, from))
			continue;
		if (!sleeper->pi || !futex_same_key(&sleeper->pi->key, to))
			return -EINVAL;
		sleeper->pi->set_waiters = pair->other;
		error = move(sleeper, pair->to, done);
		if (error || *done == AGAIN || *done == FAULT)
			return error;
		++*moved;
	}
	return 0;
}

static int move_if_equal(const struct futex_pair *pair, const struct futex_key *from,
			 const struct futex_key *to, uint32_t expected, long *moved,
			 enum futex_attempt *done)
{
	uint32_t now, word;

	*done = TAKEN;
	// Once it has begun, it is not held up by what the word is now.
	if (!*moved) {
		if (user_load32_present(&now, pair->from))
			return -EFAULT;
		if (now != expected)
			return -EAGAIN;
		if (user_load32_present(&word, pair->to))
			*done = FAULT;
	}
	return *done == FAULT ? 0 : move_some(pair, from, to, moved, done);
}

// Whether to try again: brings in what was missing, or lets the mutex's owner go on ending. 0, or
// the error that it all ends with.
static int prepare_again(const struct futex_pair *pair, int error, enum futex_attempt done)
{
	uint32_t ignored;

	if (error)
		return error == -EFAULT ? user_load32(&ignored, pair->from) : error;
	if (done == FAULT)
		return futex_touch(pair->to);
	schedule();
	return signal_fatal_pending() ? -EINTR : 0;
}

static int move_all(const struct futex_pair *pair, const struct futex_key *from,
		    const struct futex_key *to, uint32_t expected, long *moved)
{
	struct futex_bucket *bucket = futex_bucket_of(from), *other = futex_bucket_of(to);
	enum futex_attempt done;
	int error;

	do {
		futex_lock_two(bucket, other);
		error = move_if_equal(pair, from, to, expected, moved, &done);
		futex_unlock_two(bucket, other);
		if (!error && done != AGAIN && done != FAULT)
			return 0;
		error = prepare_again(pair, error, done);
	} while (!error);
	return error;
}

long futex_cmp_requeue_pi(const struct futex_pair *pair, uint32_t expected)
{
	struct futex_key from, to;
	long moved = 0;
	int error;

	if (pair->wake != 1 || pair->other < 0 || pair->from == pair->to)
		return -EINVAL;
	error = futex_find_key(pair->from, pair->private, &from);
	if (!error)
		error = futex_find_key(pair->to, pair->private, &to);
	if (!error && futex_same_key(&from, &to))
		error = -EINVAL;
	if (!error)
		error = move_all(pair, &from, &to, expected, &moved);
	return error ? error : moved;
}

// ---- waiting ----
static int sleep(const struct futex_sleeper *sleeper, uint64_t deadline)
{
	int error = 0;

	for (;;) {
		wait_prepare();
		if (error || __atomic_load_n(&sleeper->woken, __ATOMIC_ACQUIRE) ||
		    futex_pi_granted(sleeper->pi)) {
			wait_cancel();
			return error;
		}
		error = wait_sleep(deadline);
	}
}

// Whether it was still there.
static bool leave(struct futex_sleeper *sleeper)
{
	bool there;

	futex_lock_bucket(sleeper->bucket);
	there = !sleeper->woken && !sleeper->moved;
	if (there)
		list_del(&sleeper->link);
	spin_unlock(&sleeper->bucket->lock);
	return there;
}

long futex_wait_requeue_pi(const struct futex_wait_word *word, uintptr_t to, uint64_t deadline)
{
	struct futex_pi_waiter waiter = {.task = current_task()};
	struct futex_sleeper sleeper = {
		.task = current_task(), .pi = &waiter, .bitset = FUTEX_BITSET_MATCH_ANY};
	int error;

	if (word->address == to)
		return -EINVAL;
	error = futex_find_key(to, word->is_private, &waiter.key);
	if (!error)
		error = futex_find_key(word->address, word->is_private, &sleeper.key);
	if (!error)
		error = futex_queue_if_equal(&sleeper, word->address, word->value);
	if (error)
		return error;
	error = futex_same_key(&sleeper.key, &waiter.key) ? -EINVAL : sleep(&sleeper, deadline);
	if (leave(&sleeper))
		return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
	if (!sleeper.moved || futex_pi_finish(&waiter, to))
		return 0;
	// Starting again would find that the first word has changed.
	return error == -ERESTARTSYS ? -EAGAIN : error;
}
