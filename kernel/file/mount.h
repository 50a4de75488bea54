// SPDX-License-Identifier: MIT
//
// File systems in memory that are mounted on directories of the tree: tmpfs and ramfs, each with
// inodes, pages and limits of its own (a volume of tmpfs.h).
//
// Left out: other file systems, mounting what is mounted already (MS_BIND, MS_MOVE, MS_REMOUNT),
// read-only ones, name spaces and what spreads between them. MS_NOSUID, MS_NODEV, MS_NOEXEC and
// what is said of times are told by /proc/mounts and change nothing.
#pragma once

#include "kernel/file/inode.h"

struct text;

// What mount(2) was asked for, in kernel memory.
struct mount_request {
	const char *source, *type;
	char *options; // NULL: none. Taken apart
	unsigned long flags;
};

// On the directory `point`: 0, -ENODEV (no such type), -EINVAL, -ENOTDIR, -EBUSY, -ENOENT,
// -ENOMEM.
int mount_on(struct inode *point, const struct mount_request *request);

// `root`: of what is to go. -EINVAL: it is no root of a mount; -EBUSY: somebody uses what is in
// it. With `detach` it leaves the tree all the same; what is in it goes at a later call, when
// nobody uses it any more. Takes over the caller's reference.
int mount_remove(struct inode *root, bool detach);

// /proc/mounts from the first of them on.
void mounts_show(struct text *text);
