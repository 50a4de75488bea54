// SPDX-License-Identifier: MIT
#pragma once

#include <linux/resource.h>
#include <linux/time.h>
#include <sys/types.h>

int getrlimit(int resource, struct rlimit *limit);
int setrlimit(int resource, const struct rlimit *limit);
int getrusage(int who, struct rusage *usage);
