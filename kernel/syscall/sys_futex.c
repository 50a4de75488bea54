// SPDX-License-Identifier: MIT
//
// futex and futex_waitv: which operation, and what its many-purpose arguments mean for it.
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/time.h>

// A time of the monotonic clock for one of the real-time clock.
static uint64_t by_monotonic(uint64_t realtime)
{
	uint64_t now = clock_realtime();

	return time_add(clock_monotonic(), realtime > now ? realtime - now : 0);
}

// FUTEX_WAIT's time says how long, the others' when, by one of two clocks.
static long read_deadline(int operation, uintptr_t timeout, uint64_t *deadline)
{
	const int command = operation & FUTEX_CMD_MASK;
	uint64_t time;
	long error;

	*deadline = WAIT_FOREVER;
	if (!timeout)
		return 0;
	error = user_duration_read(timeout, &time);
	if (error)
		return error;
	if (command == FUTEX_WAIT)
		*deadline = time_add(clock_monotonic(), time);
	else if (operation & FUTEX_CLOCK_REALTIME || command == FUTEX_LOCK_PI)
		*deadline = by_monotonic(time);
	else
		*deadline = time;
	return 0;
}

static long wait(uintptr_t address, int operation, uint32_t value, uintptr_t timeout,
		 uint32_t bitset)
{
	uint64_t deadline;
	long error = read_deadline(operation, timeout, &deadline);

	if (error)
		return error;
	return futex_wait(address, operation & FUTEX_PRIVATE_FLAG, value, bitset, deadline);
}

static long lock_pi(uintptr_t address, int operation, uintptr_t timeout)
{
	uint64_t deadline;
	long error = read_deadline(operation, timeout, &deadline);

	if (error)
		return error;
	return futex_lock_pi(address, operation & FUTEX_PRIVATE_FLAG, false, deadline);
}

static long wait_requeue_pi(const struct futex_pair *pair, int operation, uint32_t value,
			    uintptr_t timeout)
{
	const struct futex_wait_word word = {
		.address = pair->from, .value = value, .is_private = pair->private};
	uint64_t deadline;
	long error = read_deadline(operation, timeout, &deadline);

	return error ? error : futex_wait_requeue_pi(&word, pair->to, deadline);
}

long sys_futex(uintptr_t address, int operation, uint32_t value, uintptr_t timeout,
	       uintptr_t address2, uint32_t value3)
{
	const int command = operation & FUTEX_CMD_MASK;
	const bool private = operation & FUTEX_PRIVATE_FLAG;
	const struct futex_pair pair = {
		.from = address,
		.to = address2,
		.private = private,
		.wake = (int)value,
		.other = (int)timeout,
	};

	if (operation & FUTEX_CLOCK_REALTIME && command != FUTEX_WAIT_BITSET &&
	    command != FUTEX_LOCK_PI2 && command != FUTEX_WAIT_REQUEUE_PI)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT:
		return wait(address, operation, value, timeout, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return wait(address, operation, value, timeout, value3);
	case FUTEX_WAKE:
		return futex_wake(address, private, (int)value, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(address, private, (int)value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(&pair, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(&pair, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(&pair, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return lock_pi(address, operation, timeout);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(address, private, true, WAIT_FOREVER);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(address, private);
	case FUTEX_WAIT_REQUEUE_PI:
		return wait_requeue_pi(&pair, operation, value, timeout);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(&pair, value3);
	default:
		return -ENOSYS;
	}
}

// Words of 64 bits are declared in the structure, but only those of 32 exist.
static long read_words(struct futex_wait_word *words, uintptr_t from, uint32_t count)
{
	struct futex_waitv one;

	for (uint32_t i = 0; i < count; i++) {
		if (copy_from_user(&one, from + i * sizeof(one), sizeof(one)))
			return -EFAULT;
		if ((one.flags & ~(uint32_t)FUTEX_PRIVATE_FLAG) != FUTEX_32 || one.__reserved ||
		    one.val > UINT32_MAX)
			return -EINVAL;
		words[i] = (struct futex_wait_word){
			.address = one.uaddr,
			.value = (uint32_t)one.val,
			.is_private = one.flags & FUTEX_PRIVATE_FLAG,
		};
	}
	return 0;
}

static long waitv_deadline(uintptr_t timeout, int clock, uint64_t *deadline)
{
	uint64_t time;
	long error;

	*deadline = WAIT_FOREVER;
	if (!timeout)
		return 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	error = user_duration_read(timeout, &time);
	*deadline = clock == CLOCK_REALTIME ? by_monotonic(time) : time;
	return error;
}

long sys_futex_waitv(uintptr_t from, uint32_t count, uint32_t flags, uintptr_t timeout, int clock)
{
	struct futex_wait_word *words;
	uint64_t deadline;
	long result;

	if (flags || !count || count > FUTEX_WAITV_MAX || !from)
		return -EINVAL;
	result = waitv_deadline(timeout, clock, &deadline);
	if (result)
		return result;
	words = kmalloc(count * sizeof(*words));
	if (!words)
		return -ENOMEM;
	result = read_words(words, from, count);
	if (!result)
		result = futex_wait_several(words, count, deadline);
	kfree(words);
	return result;
}
