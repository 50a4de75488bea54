// SPDX-License-Identifier: MIT
//
// Clocks that count what a process or a task has run, and timers by them.
#pragma once

#include "lib/list.h"
#include <stdbool.h>
#include <stdint.h>

struct process;
struct task;

// Linux's three ways of counting, in the two low bits of a clock's number.
enum cpu_clock {
	CPU_CLOCK_TICKS, // ring 3 and ring 0, by the timer's ticks (ITIMER_PROF)
	CPU_CLOCK_USER,  // ring 3 alone, by the ticks (ITIMER_VIRTUAL)
	CPU_CLOCK_EXACT, // both, exactly (CLOCK_PROCESS_CPUTIME_ID)
};

// Nanoseconds. `task` NULL: of the whole process. process_lock is held.
uint64_t cpu_clock_locked(const struct process *process, const struct task *task,
			  enum cpu_clock clock);
// The same, takes the lock itself.
uint64_t cpu_clock_read(const struct process *process, const struct task *task,
			enum cpu_clock clock);

// Guarded by process_lock.
struct cpu_timer {
	struct list link;     // on the process's cpu_timers
	bool armed;           // it is there
	enum cpu_clock clock; // constant while armed, as the two below
	const struct task *task;
	struct process *process;
	uint64_t when;
	// In the tick, process_lock held. When it is to fire again; 0: not by itself.
	uint64_t (*fire)(struct cpu_timer *timer, uint64_t now);
};

// process_lock is held. The timer stays the caller's and must not go away while armed.
void cpu_timer_arm(struct cpu_timer *timer, uint64_t when);
void cpu_timer_disarm(struct cpu_timer *timer);

// Fires those of the running task's process whose time has come. From the tick.
void cpu_timers_expire(const struct task *task);
