// SPDX-License-Identifier: MIT
#pragma once

#include <linux/mman.h>
#include <sys/types.h>

#define MAP_FAILED ((void *)-1)
#define MAP_ANON   MAP_ANONYMOUS

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int munmap(void *address, size_t length);
int mprotect(void *address, size_t length, int protection);
void *mremap(void *old, size_t old_length, size_t length, int flags, ...);
int madvise(void *address, size_t length, int advice);
int msync(void *address, size_t length, int flags);
int mincore(void *address, size_t length, unsigned char *resident);
