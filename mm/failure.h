// SPDX-License-Identifier: MIT
//
// Making allocations fail on purpose, so that every path of "out of memory" can be walked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Boot option fail-nth=N: the Nth allocation (frames and slabs) from now on fails, once. 0: none.
void failure_arm(int nth);

// Some task's counter (machine_fail_nth) was set from zero to a positive number, or back to zero
// by anything but having fired.
void failure_task_armed(bool armed);

// How many allocations have failed on purpose.
uint64_t failures_made(void);

// For mm/'s allocators only: counts one allocation; whether it must fail.
extern int failure_armed;
bool failure_count(void);

static inline bool failure_due(void)
{
	return __builtin_expect(failure_armed, 0) && failure_count();
}
