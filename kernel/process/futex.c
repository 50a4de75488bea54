// SPDX-License-Identifier: MIT
//
// Futexes: the operations that wake, or let others sleep on another word. Sleeping is in
// futex_wait.c, the locks in futex_table.c.
#include "kernel/process/futex.h"

#include "kernel/machine/user_copy.h"
#include "kernel/process/futex_internal.h"
#include "kernel/process/scheduler.h"
#include "lib/mutant.h"
#include <linux/errno.h>

static int find_keys(const struct futex_pair *pair, struct futex_key *from, struct futex_key *to)
{
	int error = futex_find_key(pair->from, pair->private, from);

	return error ? error : futex_find_key(pair->to, pair->private, to);
}

// ---- waking; the bucket's lock is held ----
static void wake(struct futex_sleeper *sleeper)
{
	list_del(&sleeper->link);
	__atomic_store_n(&sleeper->woken, true, __ATOMIC_RELEASE);
	task_wake(sleeper->task);
}

// As Linux: `count` is looked at after each, so that one is woken whatever it is. -EINVAL: the
// word is a mutex's with priority inheritance, or who sleeps on it is to be moved to such a mutex.
static int wake_some(struct futex_bucket *bucket, const struct futex_key *key, int count,
		     uint32_t bitset)
{
	struct futex_sleeper *sleeper, *following;
	int woken = 0;

	if (futex_pi_waited(key))
		return -EINVAL;
	list_for_each_entry_safe (sleeper, following, &bucket->sleepers, link) {
		if (!futex_same_key(&sleeper->key, key))
			continue;
		if (sleeper->pi)
			return -EINVAL;
		if (!(sleeper->bitset & bitset) && !MUTANT(futex_bits_ignored))
			continue;
		wake(sleeper);
		if (++woken >= count)
			break;
	}
	return woken;
}

static void move(struct futex_sleeper *sleeper, struct futex_bucket *bucket,
		 const struct futex_key *key)
{
	sleeper->key = *key;
	if (sleeper->bucket == bucket)
		return;
	list_del(&sleeper->link);
	futex_enqueue(bucket, sleeper);
}

static long wake_and_move(const struct futex_pair *pair, const struct futex_key *from,
			  const struct futex_key *to)
{
	struct futex_bucket *bucket = futex_bucket_of(from);
	struct futex_sleeper *sleeper, *following;
	long done = 0;

	if (done - pair->wake < pair->other && futex_pi_waited(from))
		return -EINVAL;
	list_for_each_entry_safe (sleeper, following, &bucket->sleepers, link) {
		if (done - pair->wake >= pair->other)
			break;
		if (!futex_same_key(&sleeper->key, from))
			continue;
		if (sleeper->pi)
			return -EINVAL;
		if (++done <= pair->wake)
			wake(sleeper);
		else
			move(sleeper, futex_bucket_of(to), to);
	}
	return done;
}

// ---- the operations that wake ----
long futex_wake(uintptr_t address, bool private, int count, uint32_t bitset)
{
	struct futex_key key;
	struct futex_bucket *bucket;
	long result;

	if (!bitset)
		return -EINVAL;
	result = futex_find_key(address, private, &key);
	if (result)
		return result;
	bucket = futex_bucket_of(&key);
	futex_lock_bucket(bucket);
	result = wake_some(bucket, &key, count, bitset);
	spin_unlock(&bucket->lock);
	return result;
}

static long requeue_if_equal(const struct futex_pair *pair, const struct futex_key *from,
			     const struct futex_key *to, const uint32_t *expected)
{
	uint32_t now = 0;
	long result = 0;

	futex_lock_two(futex_bucket_of(from), futex_bucket_of(to));
	if (expected)
		result = user_load32_present(&now, pair->from);
	if (!result && expected && now != *expected && !MUTANT(requeue_unchecked))
		result = -EAGAIN;
	if (!result)
		result = wake_and_move(pair, from, to);
	futex_unlock_two(futex_bucket_of(from), futex_bucket_of(to));
	return result;
}

long futex_requeue(const struct futex_pair *pair, const uint32_t *expected)
{
	struct futex_key from, to;
	uint32_t ignored;
	long result;

	if (pair->wake < 0 || pair->other < 0)
		return -EINVAL;
	result = find_keys(pair, &from, &to);
	if (result)
		return result;
	do
		result = requeue_if_equal(pair, &from, &to, expected);
	while (result == -EFAULT && !user_load32(&ignored, pair->from));
	return result;
}

// What FUTEX_WAKE_OP does to a word, in fields of 4, 4, 12 and 12 bits.
static uint32_t apply(uint32_t operation, uint32_t old, int *error)
{
	// The argument is signed: shifted up and down again.
	uint32_t argument = (uint32_t)((int32_t)(operation << 8) >> 20);

	if (operation >> 28 & FUTEX_OP_OPARG_SHIFT)
		argument = 1u << (argument & 31);
	switch (operation >> 28 & 7) {
	case FUTEX_OP_SET:
		return argument;
	case FUTEX_OP_ADD:
		return old + argument;
	case FUTEX_OP_OR:
		return old | argument;
	case FUTEX_OP_ANDN:
		return old & ~argument;
	case FUTEX_OP_XOR:
		return old ^ argument;
	default:
		*error = -ENOSYS;
		return 0;
	}
}

static int compare(uint32_t operation, uint32_t old)
{
	int argument = (int32_t)(operation << 20) >> 20, value = (int)old;

	switch (operation >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return value == argument;
	case FUTEX_OP_CMP_NE:
		return value != argument;
	case FUTEX_OP_CMP_LT:
		return value < argument;
	case FUTEX_OP_CMP_GE:
		return value >= argument;
	case FUTEX_OP_CMP_LE:
		return value <= argument;
	case FUTEX_OP_CMP_GT:
		return value > argument;
	default:
		return -ENOSYS;
	}
}

// The word's old value decides: 1, 0 or -errno.
static int change_word(uintptr_t address, uint32_t operation)
{
	uint32_t old, seen, new;
	int error = user_load32_present(&seen, address);

	do {
		old = seen;
		new = apply(operation, old, &error);
		if (!error)
			error = user_compare_exchange32_present(address, &seen, new);
	} while (!error && seen != old);
	if (error)
		return error;
	return MUTANT(wake_op_wakes_always) ? 1 : compare(operation, old);
}

static long change_and_wake(const struct futex_pair *pair, const struct futex_key *from,
			    const struct futex_key *to, uint32_t operation)
{
	int result, woken, compared;

	futex_lock_two(futex_bucket_of(from), futex_bucket_of(to));
	result = compared = change_word(pair->to, operation);
	if (result >= 0)
		result =
			wake_some(futex_bucket_of(from), from, pair->wake, FUTEX_BITSET_MATCH_ANY);
	if (result >= 0 && compared > 0) {
		woken = wake_some(futex_bucket_of(to), to, pair->other, FUTEX_BITSET_MATCH_ANY);
		result = woken < 0 ? woken : result + woken;
	}
	futex_unlock_two(futex_bucket_of(from), futex_bucket_of(to));
	return result;
}

long futex_wake_op(const struct futex_pair *pair, uint32_t operation)
{
	struct futex_key from, to;
	long result = find_keys(pair, &from, &to);

	if (result)
		return result;
	do
		result = change_and_wake(pair, &from, &to, operation);
	while (result == -EFAULT && !futex_touch(pair->to));
	return result;
}
