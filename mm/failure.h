// SPDX-License-Identifier: MIT
//
// Making allocations fail on purpose, so that every path of "out of memory" can be walked.
#pragma once

#include <stdbool.h>

// Boot option fail-nth=N: the Nth allocation (frames and slabs) from now on fails, once. 0: none.
void failure_arm(int nth);

// Some task's counter (machine_fail_nth) became non-zero or zero again.
void failure_task_armed(bool armed);

// Counts one allocation; whether it must fail. For mm/'s allocators only.
bool failure_due(void);
