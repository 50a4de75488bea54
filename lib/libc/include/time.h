// SPDX-License-Identifier: MIT
#pragma once

#include <linux/time.h>
#include <stddef.h>
#include <sys/types.h>

#define CLOCKS_PER_SEC 1000000L

int clock_gettime(clockid_t clock, struct timespec *now);
int clock_getres(clockid_t clock, struct timespec *resolution);
int nanosleep(const struct timespec *request, struct timespec *remaining);
time_t time(time_t *now);
clock_t clock(void);
