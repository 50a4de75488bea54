// SPDX-License-Identifier: MIT
//
// Allocations that fail on purpose: see mm/failure.h. Two counters are looked at, the one of the
// whole boot and the running task's; each counts down and fires once at zero, as Linux's
// /proc/<pid>/fail-nth does. While neither is armed the price is one untaken branch.

#include "mm/failure.h"
#include "mm/machine.h"
#include <stddef.h>

static int boot_countdown; // 0: not armed; atomic
int failure_armed;         // counters that are not zero: atomic
static uint64_t fired;     // failures that there were: atomic

void failure_arm(int nth)
{
	int before = __atomic_exchange_n(&boot_countdown, nth, __ATOMIC_RELAXED);

	__atomic_add_fetch(&failure_armed, (nth != 0) - (before != 0), __ATOMIC_RELAXED);
}

void failure_task_armed(bool armed)
{
	__atomic_add_fetch(&failure_armed, armed ? 1 : -1, __ATOMIC_RELAXED);
}

// Counts one down; whether that was the last.
static bool expire(int *countdown)
{
	if (*countdown <= 0 || --*countdown > 0)
		return false;
	failure_task_armed(false);
	__atomic_add_fetch(&fired, 1, __ATOMIC_RELAXED);
	return true;
}

uint64_t failures_made(void)
{
	return __atomic_load_n(&fired, __ATOMIC_RELAXED);
}

bool failure_count(void)
{
	int *task = machine_fail_nth();

	return expire(&boot_countdown) || (task && expire(task));
}
