// SPDX-License-Identifier: MIT
//
// The root file system at its beginning: the cpio archives the loader brought, as a tree in memory
// (tmpfs.h). The archive stays there too and plays the disk: pages of files are copied out of it
// on first use.
#pragma once

#include <stddef.h>

// Builds the tree from `size` bytes at `archive` (may be NULL, 0) and adds /dev, /proc and /sys,
// and the directories that programs write into (/tmp, /dev/shm).
// What is wrong in the archive is logged and left out. 0, or -ENOMEM, with which the machine can
// not go on. Once, after mm_start.
int initrd_start(const void *archive, size_t size);
