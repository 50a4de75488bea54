// SPDX-License-Identifier: MIT
//
// Sleeping until a word of ring 3's memory changes, or one of several.
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex.h"
#include "kernel/process/futex_internal.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "mm/slab.h"
#include <linux/errno.h>

static int queue_if_present(struct futex_sleeper *sleeper, uintptr_t address, uint32_t value)
{
	struct futex_bucket *bucket = futex_bucket_of(&sleeper->key);
	uint32_t now;
	int error;

	futex_lock_bucket(bucket);
	error = user_load32_present(&now, address);
	if (!error && now != value)
		error = -EAGAIN;
	if (!error)
		futex_enqueue(bucket, sleeper);
	spin_unlock(&bucket->lock);
	return error;
}

int futex_queue_if_equal(struct futex_sleeper *sleeper, uintptr_t address, uint32_t value)
{
	uint32_t ignored;
	int error;

	do
		error = queue_if_present(sleeper, address, value);
	while (error == -EFAULT && !user_load32(&ignored, address));
	return error;
}

static bool any_woken(const struct futex_sleeper *sleepers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (__atomic_load_n(&sleepers[i].woken, __ATOMIC_ACQUIRE))
			return true;
	}
	return false;
}

static unsigned long waits; // atomic

unsigned long futex_wait_count(void)
{
	return __atomic_load_n(&waits, __ATOMIC_RELAXED);
}

static int sleep(const struct futex_sleeper *sleepers, size_t count, uint64_t deadline)
{
	int error = 0;

	__atomic_fetch_add(&waits, 1, __ATOMIC_RELAXED);
	for (;;) {
		wait_prepare();
		if (error || any_woken(sleepers, count)) {
			wait_cancel();
			return error;
		}
		error = wait_sleep(deadline);
	}
}

// It may be moved to another bucket until its bucket is locked.
static bool leave(struct futex_sleeper *sleeper)
{
	struct futex_bucket *bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
	bool woken;

	futex_lock_bucket(bucket);
	while (bucket != sleeper->bucket) {
		spin_unlock(&bucket->lock);
		bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
		futex_lock_bucket(bucket);
	}
	woken = sleeper->woken;
	if (!woken)
		list_del(&sleeper->link);
	spin_unlock(&bucket->lock);
	return woken;
}

static long restart_wait(struct restart *restart)
{
	return futex_wait(restart->address, restart->flags >> 32, (uint32_t)restart->value,
			  (uint32_t)restart->flags, restart->deadline);
}

long futex_wait(uintptr_t address, bool private, uint32_t value, uint32_t bitset,
		uint64_t deadline)
{
	struct futex_sleeper sleeper = {.task = current_task(), .bitset = bitset};
	int error;

	if (!bitset)
		return -EINVAL;
	error = futex_find_key(address, private, &sleeper.key);
	if (!error)
		error = futex_queue_if_equal(&sleeper, address, value);
	if (error)
		return error;
	error = sleep(&sleeper, 1, deadline);
	if (leave(&sleeper))
		return 0;
	if (error != -ERESTARTSYS || deadline == WAIT_FOREVER)
		return error;
	current_task()->restart = (struct restart){
		.function = restart_wait,
		.deadline = deadline,
		.address = address,
		.value = value,
		.flags = (uint64_t) private << 32 | bitset,
	};
	return -ERESTART_RESTARTBLOCK;
}

// ---- several words ----
static int queue_all(struct futex_sleeper *sleepers, const struct futex_wait_word *words,
		     size_t count, size_t *queued)
{
	int error = 0;

	for (*queued = 0; *queued < count; ++*queued) {
		const struct futex_wait_word *word = &words[*queued];
		struct futex_sleeper *sleeper = &sleepers[*queued];

		*sleeper = (struct futex_sleeper){.task = current_task(),
						  .bitset = FUTEX_BITSET_MATCH_ANY};
		error = futex_find_key(word->address, word->is_private, &sleeper->key);
		if (!error)
			error = futex_queue_if_equal(sleeper, word->address, word->value);
		if (error)
			break;
	}
	return error;
}

// The last of those that have been woken, or -1.
static long leave_all(struct futex_sleeper *sleepers, size_t count)
{
	long woken = -1;

	for (size_t i = 0; i < count; i++) {
		if (leave(&sleepers[i]))
			woken = (long)i;
	}
	return woken;
}

long futex_wait_several(const struct futex_wait_word *words, size_t count, uint64_t deadline)
{
	struct futex_sleeper *sleepers = kmalloc(count * sizeof(*sleepers));
	size_t queued;
	long woken;
	int error;

	if (!sleepers)
		return -ENOMEM;
	error = queue_all(sleepers, words, count, &queued);
	if (!error)
		error = sleep(sleepers, count, deadline);
	woken = leave_all(sleepers, queued);
	kfree(sleepers);
	return woken >= 0 ? woken : error;
}
