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
// For the running process. 0 or -ENOMEM.
int alarm_set(const struct alarm_setting *setting);
// At a process's end.
void alarm_release(struct process *process);
