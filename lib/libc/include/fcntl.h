// SPDX-License-Identifier: MIT
#pragma once

#include <linux/fcntl.h>
#include <sys/types.h>

int open(const char *path, int flags, ...);
int openat(int directory, const char *path, int flags, ...);
int creat(const char *path, mode_t mode);
int fcntl(int fd, int command, ...);
