// SPDX-License-Identifier: MIT
//
// Who looks at the page faults of programs before mm_fault() does: the audit (boot option
// audit=N), and a debugger that waits for some of them (mm-break-fault of tools/gdb). It writes
// the conditions into the kernel's memory, because one that gdb would look at itself costs a
// thousand times as much as a fault. Nobody in the kernel writes them, and nothing guards them:
// the machine stands still meanwhile.
#pragma once

#include "kernel/process/task.h"
#include <stdint.h>

#define FAULT_WATCH_AUDIT    1 // options.audit is set
#define FAULT_WATCH_DEBUGGER 2 // there is something in fault_breaks
extern uint32_t fault_watch;   // 0: nobody does

struct fault_break {
	uintptr_t start, end;      // faults at [start, end); empty: none
	int32_t pid;               // in this process; 0: in any
	char name[TASK_NAME_SIZE]; // of tasks with this name; "": of any
};

#define FAULT_BREAKS 4
extern struct fault_break fault_breaks[FAULT_BREAKS];
