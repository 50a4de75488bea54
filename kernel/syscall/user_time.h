// SPDX-License-Identifier: MIT
//
// Times between ring 3's structures and the kernel's nanoseconds.
#pragma once

#include "kernel/process/alarm.h"
#include <stdint.h>

#define NANOSECONDS 1000000000ul // in a second

// A struct timespec of ring 3 that says how long: nanoseconds, as many as 64 bits hold. 0,
// -EFAULT, or -EINVAL when negative or not normalised.
int user_duration_read(uintptr_t from, uint64_t *nanoseconds);
int user_time_write(uintptr_t to, uint64_t nanoseconds); // 0 or -EFAULT

// A struct itimerspec. 0 or -EFAULT.
int user_setting_write(uintptr_t to, const struct alarm_setting *setting);

// a + b, or the latest time there is: WAIT_FOREVER.
static inline uint64_t time_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
