// SPDX-License-Identifier: MIT
//
// The interval timer that sends SIGALRM (setitimer's ITIMER_REAL, alarm).
#pragma once

#include <stdint.h>

struct alarm;
struct process;

struct alarm_setting {
	uint64_t left;     // nanoseconds until it fires, 0: not set
	uint64_t interval; // and then again after each so many, 0: once
};

struct alarm_setting alarm_get(struct process *process);
// For the running process; what it was before. 0 or -ENOMEM.
int alarm_set(const struct alarm_setting *setting, struct alarm_setting *old);
// At a process's end, when it has no thread left that could set it.
void alarm_release(struct process *process);
