// SPDX-License-Identifier: MIT
//
// Descriptors for events: a counter, a timer, pending signals.
#pragma once

#include "kernel/process/alarm.h"
#include <stdbool.h>
#include <stdint.h>

#define EFD_SEMAPHORE 1 // the headers of Linux 6.1 leave it out

// Each makes a descriptor of the running process; `flags`: O_CLOEXEC, O_NONBLOCK. The descriptor,
// -EMFILE or -ENOMEM.
int eventfd_install(uint32_t count, int flags); // and EFD_SEMAPHORE
int timerfd_install(bool realtime, int flags);
int signalfd_install(uint64_t mask, int flags);

// Changes what a descriptor of signals is for: 0, -EBADF, -EINVAL when it is none.
int signalfd_change(int descriptor, uint64_t mask);

// 0, -EBADF, or -EINVAL when it is no timer's. `absolute`: `left` is a time of its clock.
int timerfd_set(int descriptor, bool absolute, const struct alarm_setting *setting,
		struct alarm_setting *old);
int timerfd_get(int descriptor, struct alarm_setting *setting);
