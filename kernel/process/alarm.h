// SPDX-License-Identifier: MIT
//
// The three interval timers of a process (setitimer, alarm): SIGALRM by the clock on the wall,
// SIGVTALRM by the time spent in ring 3, SIGPROF by all the time it ran.
#pragma once

#include <stdint.h>

struct alarm;
struct process;

struct alarm_setting {
	uint64_t left;     // nanoseconds until it fires, 0: not set
	uint64_t interval; // and then again after each so many, 0: once
};

// `which`: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF.
struct alarm_setting alarm_get(struct process *process, int which);
// For the running process; what it was before. 0 or -ENOMEM.
int alarm_set(int which, const struct alarm_setting *setting, struct alarm_setting *old);
// At a process's end, when it has no thread left that could set it.
void alarm_release(struct process *process);
