// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

struct process;

// Sums over a process: times in timer ticks (TICKS_PER_SECOND), memory in pages.
struct usage {
	uint64_t user_ticks, kernel_ticks;
	uint64_t minor_faults, major_faults;
	uint64_t peak_resident;
};

// `who`: RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_BOTH, or RUSAGE_THREAD for the running thread's
// times and its process's memory.
void process_usage_ticks(struct process *process, int who, struct usage *usage);
