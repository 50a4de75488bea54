// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/machine/timer.h"
#include <stdint.h>

struct process;

// Sums over a process: times in nanoseconds, memory in pages.
struct usage {
	uint64_t cpu_time;               // exact
	uint64_t user_time, kernel_time; // the same divided up, by what the ticks found
	uint64_t user_ticks, kernel_ticks;
	uint64_t minor_faults, major_faults;
	uint64_t peak_resident;
};

// Nanoseconds in clock ticks, as ring 3 counts them (USER_HZ).
static inline uint64_t usage_ticks(uint64_t nanoseconds)
{
	return nanoseconds / (1000000000 / TICKS_PER_SECOND);
}

// `who`: RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_BOTH, or RUSAGE_THREAD for the running thread's
// times and its process's memory.
void process_usage_sums(struct process *process, int who, struct usage *usage);

// What RUSAGE_SELF says; process_lock is held.
struct usage process_usage_locked(struct process *process);

// How long a process, or a task, has run on CPUs, in nanoseconds. For the process process_lock is
// held.
uint64_t process_cpu_time_locked(const struct process *process);
uint64_t task_cpu_nanoseconds(const struct task *task);
