// SPDX-License-Identifier: MIT
//
// futex: which operation, and what its many-purpose arguments mean for it.
#include "kernel/machine/timer.h"
#include "kernel/process/futex.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>

// FUTEX_WAIT's time says how long, FUTEX_WAIT_BITSET's when, by one of two clocks.
static long read_deadline(int operation, uintptr_t timeout, uint64_t *deadline)
{
	uint64_t time, now = clock_monotonic();
	long error;

	*deadline = WAIT_FOREVER;
	if (!timeout)
		return 0;
	error = user_duration_read(timeout, &time);
	if (error)
		return error;
	if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
		*deadline = time_add(now, time);
	else if (!(operation & FUTEX_CLOCK_REALTIME))
		*deadline = time;
	else
		*deadline = time_add(now, time > clock_realtime() ? time - clock_realtime() : 0);
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

	if (operation & FUTEX_CLOCK_REALTIME && command != FUTEX_WAIT_BITSET)
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
	default:
		return -ENOSYS;
	}
}
