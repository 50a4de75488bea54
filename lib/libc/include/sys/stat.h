// SPDX-License-Identifier: MIT
#pragma once

// asm/stat.h names the times' halves st_atime and st_atime_nsec, as POSIX has the first.
#include <asm/stat.h>
#include <linux/stat.h>
#include <sys/types.h>

int stat(const char *restrict path, struct stat *restrict status);
int lstat(const char *restrict path, struct stat *restrict status);
int fstat(int fd, struct stat *status);
int mkdir(const char *path, mode_t mode);
