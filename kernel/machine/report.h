// SPDX-License-Identifier: MIT
//
// The end: what the kernel says when it can not go on, and the stop that follows. It never
// reboots silently. panic() is declared in mm/machine.h.
#pragma once

#include "kernel/machine/registers.h"
#include <stdbool.h>
#include <stdint.h>

// Reports an exception of the kernel itself, and stops.
_Noreturn void kernel_fault(struct registers *registers, unsigned vector, uintptr_t address);

// Asked first about each exception of ring 0, and about those of ring 3 but page faults; true: it
// has been dealt with. Set by the ring-0 tests, which cause exceptions on purpose; else NULL.
typedef bool exception_hook(struct registers *registers, unsigned vector, uintptr_t address);
extern exception_hook *fault_hook;

// From the NMI's handler: halts this CPU for good if another one has reported the end.
void report_stop_if_asked(void);
