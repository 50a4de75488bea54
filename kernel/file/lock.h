// SPDX-License-Identifier: MIT
//
// Locks that programs take on files, to keep each other out: fcntl's on ranges, which belong to a
// process (its descriptor table) or to an open file, and flock's on whole files.
#pragma once

#include <linux/fcntl.h>
#include <stdbool.h>
#include <stdint.h>

struct file;
struct files;

// F_GETLK and F_OFD_GETLK: *lock becomes one that is in the way, or its l_type F_UNLCK. 0 or
// -errno.
long lock_get(struct file *file, struct flock *lock, bool of_file);
// F_SETLK, F_SETLKW and the same of open files. 0, -EAGAIN, -EDEADLK, -ERESTARTSYS, or -errno.
long lock_set(struct file *file, const struct flock *lock, bool of_file, bool wait);
// flock(2): LOCK_SH, LOCK_EX or LOCK_UN, and LOCK_NB. 0 or -errno.
long lock_whole(struct file *file, int operation);

// A table's descriptor of this file is closed: the table's locks on it go. `file` may be NULL.
void lock_table_closed(const struct files *files, const struct file *file);
// The open file is gone, and its locks with it.
void lock_file_closed(const struct file *file);
