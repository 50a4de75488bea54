// SPDX-License-Identifier: MIT
//
// Clocks by the numbers that ring 3 has for them (CLOCK_* of <linux/time.h>, and those that stand
// for the CPU time of a process or a thread).
#pragma once

#include "kernel/process/cpu_timer.h"
#include <stdint.h>

struct process;
struct task;

enum clock_kind {
	CLOCK_KIND_REALTIME,
	CLOCK_KIND_MONOTONIC,
	CLOCK_KIND_CPU,
};

struct clock_id {
	int number;
	enum clock_kind kind;
	enum cpu_clock cpu;      // CLOCK_KIND_CPU: how it counts,
	struct process *process; // whose time, held,
	struct task *task;       // and of which thread alone, held; NULL: of all
};

// 0 or -EINVAL. On success clock_id_put() is to follow.
int clock_id_find(int number, struct clock_id *clock);
void clock_id_put(struct clock_id *clock);

uint64_t clock_id_now(const struct clock_id *clock); // nanoseconds

// Whether it moves in ticks only, and what one can not sleep by or set timers by.
bool clock_id_is_coarse(const struct clock_id *clock);
