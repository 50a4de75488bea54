// SPDX-License-Identifier: MIT
#pragma once

#include <linux/sched.h>

int sched_yield(void);
