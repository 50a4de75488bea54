// SPDX-License-Identifier: MIT
//
// Arguments that many system calls on files have in common.
#pragma once

#include "kernel/file/files.h"
#include <stdbool.h>
#include <stdint.h>

// A path of ring 3, copied; free with kfree. -EFAULT, -ENAMETOOLONG, -ENOMEM. May be "".
int get_path(uintptr_t user_path, char **path);

// Where a relative path starts, with a reference: AT_FDCWD or a descriptor. For an absolute path
// the descriptor is not looked at. -EBADF, -ENOTDIR.
int get_start(int directory, const char *path, struct inode **start);

// Looks up a path of ring 3; `flags` are LOOKUP_*. With `allow_empty` (AT_EMPTY_PATH) "" names
// what `directory` stands for, -EBADF if that has no inode. Results as path_lookup_at's.
int lookup_user_path(int directory, uintptr_t user_path, unsigned flags, bool allow_empty,
		     struct inode **found);

// What a descriptor stands for, with a reference: -EBADF when that has no inode.
int lookup_descriptor(int descriptor, struct inode **found);

// The last component of a path of ring 3, which is not looked up, and its directory, which is
// held.
int lookup_user_name(int directory, uintptr_t user_path, struct path_name *name);

// An open file that is not O_PATH, with a reference; NULL: -EBADF.
struct file *get_open_file(int descriptor);

// RLIMIT_NOFILE of the running process.
unsigned descriptor_limit(void);
