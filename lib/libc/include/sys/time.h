// SPDX-License-Identifier: MIT
#pragma once

#include <linux/time.h>
#include <sys/types.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone);
