// SPDX-License-Identifier: MIT
//
// Timers that a process makes for itself (timer_create): by any clock, with a signal or without.
// They end with the program: exec and exit delete them, fork does not copy them.
#pragma once

#include "kernel/process/alarm.h"
#include "kernel/process/clock_id.h"

struct posix_timer_request {
	int clock;
	int notify; // SIGEV_SIGNAL, SIGEV_NONE, or SIGEV_THREAD_ID with SIGEV_SIGNAL or without
	int signal;
	int tid;        // SIGEV_THREAD_ID: who gets it
	bool named;     // `value` was given; else it is the timer's number
	uint64_t value; // sigval
};

// For the running process. The number of a new timer, -EINVAL, -EOPNOTSUPP, -EAGAIN (too many) or
// -ENOMEM.
int posix_timer_create(const struct posix_timer_request *request);
// `absolute`: `left` is a time of the timer's clock. `old` may be NULL. 0 or -EINVAL.
int posix_timer_set(int id, bool absolute, const struct alarm_setting *setting,
		    struct alarm_setting *old);
int posix_timer_get(int id, struct alarm_setting *setting);
// How often the timer has fired beyond the signal that was delivered last, or -EINVAL.
int posix_timer_overrun(int id);
int posix_timer_delete(int id);

// All of a process's: at exec by the only thread left, at exit by the last one.
void posix_timers_release(struct process *process);
