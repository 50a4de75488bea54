// SPDX-License-Identifier: MIT
//
// System calls that change what a name stands for: size, room, permissions, owner, times.
#include "kernel/file/tmpfs.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

// tv_nsec of utimensat that are no time (sys/stat.h; no header of the ABI has them).
#define UTIME_NOW  ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)

// ---- size ----
// As on Linux, files in /proc and /sys take any size and stay as they are.
long sys_truncate(uintptr_t path, int64_t length)
{
	struct inode *inode;
	int result;

	if (length < 0)
		return -EINVAL;
	result = lookup_user_path(AT_FDCWD, path, 0, false, &inode);
	if (result)
		return result;
	if (inode_is(inode, S_IFDIR))
		result = -EISDIR;
	else if (!inode_is(inode, S_IFREG))
		result = -EINVAL;
	else
		result = inode_permission(inode, 2);
	if (result == 0)
		result = inode->ops->resize ? inode->ops->resize(inode, (uint64_t)length) : 0;
	inode_put(inode);
	return result;
}

long sys_ftruncate(int descriptor, uint64_t length)
{
	struct file *file;
	long result = -EINVAL;

	if ((int64_t)length < 0)
		return -EINVAL;
	file = get_open_file(descriptor);
	if (!file)
		return -EBADF;
	if (file->inode && inode_is(file->inode, S_IFREG) && file_writable(file))
		result = file->inode->ops->resize ? file->inode->ops->resize(file->inode, length)
						  : 0;
	file_put(file);
	return result;
}

// Linux's order (vfs_fallocate): arguments, then what the file is.
static long allocate(struct file *file, int mode, uint64_t offset, uint64_t length)
{
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_NO_HIDE_STALE |
		     FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE |
		     FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!file_writable(file))
		return -EBADF;
	if (!file->inode || inode_is(file->inode, S_IFIFO))
		return -ESPIPE;
	if (inode_is(file->inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(file->inode, S_IFREG))
		return -ENODEV;
	if (offset + length > INT64_MAX)
		return -EFBIG;
	return tmpfs_regular(file) ? tmpfs_allocate(file, mode, offset, length) : -EOPNOTSUPP;
}

long sys_fallocate(int descriptor, int mode, int64_t offset, int64_t length)
{
	struct file *file = get_open_file(descriptor);
	long result = -EINVAL;

	if (!file)
		return -EBADF;
	if (offset >= 0 && length > 0)
		result = allocate(file, mode, (uint64_t)offset, (uint64_t)length);
	file_put(file);
	return result;
}

// ---- attributes ----
// What is to be done to an inode; checked and done by `change`.
struct change {
	int (*change)(struct inode *inode, const struct change *change);
	uint32_t mode;
	uint32_t user, group;              // UINT32_MAX: as it is
	bool now;                          // both times
	struct __kernel_timespec times[2]; // of access and modification
};

// What is not in the file system in memory does not change.
static int change_inode(struct inode *inode, const struct change *change)
{
	return inode_is_tmpfs(inode) ? change->change(inode, change) : -EPERM;
}

static long change_at(int directory, uintptr_t path, int flags, const struct change *change)
{
	struct inode *inode;
	int result;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = lookup_user_path(directory, path,
				  flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0,
				  flags & AT_EMPTY_PATH, &inode);
	if (result)
		return result;
	result = change_inode(inode, change);
	inode_put(inode);
	return result;
}

static long change_descriptor(int descriptor, const struct change *change)
{
	struct file *file = get_open_file(descriptor);
	int result;

	if (!file)
		return -EBADF;
	result = file->inode ? change_inode(file->inode, change) : -EPERM;
	file_put(file);
	return result;
}

// ---- permissions ----
// Who is not in the file's group can not make programs run as it.
static int change_mode(struct inode *inode, const struct change *change)
{
	uint32_t mode = change->mode & 07777;

	if (!inode_owned(inode))
		return -EPERM;
	if (inode_is(inode, S_IFLNK))
		return -EOPNOTSUPP;
	if (inode_is(inode, S_IFREG) && (tmpfs_inode(inode)->file.seals & F_SEAL_EXEC) &&
	    ((mode ^ inode->mode) & 0111))
		return -EPERM;
	if (current_credentials()->groups.files != inode->gid &&
	    !credentials_in_group(inode->gid) && !capable(CAP_FSETID))
		mode &= ~(uint32_t)S_ISGID;
	spin_lock(&inode->lock);
	inode->mode = (inode->mode & S_IFMT) | mode;
	spin_unlock(&inode->lock);
	inode_touch(inode, TIME_CHANGE);
	return 0;
}

long sys_fchmodat(int directory, uintptr_t path, uint32_t mode)
{
	return change_at(directory, path, 0,
			 &(struct change){.change = change_mode, .mode = mode});
}

long sys_chmod(uintptr_t path, uint32_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int descriptor, uint32_t mode)
{
	return change_descriptor(descriptor,
				 &(struct change){.change = change_mode, .mode = mode});
}

// ---- owners ----
// Only root gives a file away; its owner may give it to his own group.
static bool may_change_owner(const struct inode *inode, const struct change *change)
{
	const struct credentials *mine = current_credentials();

	if (capable(CAP_CHOWN))
		return true;
	if (mine->users.files != inode->uid)
		return change->user == UINT32_MAX && change->group == UINT32_MAX;
	return (change->user == UINT32_MAX || change->user == inode->uid) &&
	       (change->group == UINT32_MAX || change->group == inode->gid ||
		change->group == mine->groups.files || credentials_in_group(change->group));
}

static int change_owner(struct inode *inode, const struct change *change)
{
	if (!may_change_owner(inode, change))
		return -EPERM;
	spin_lock(&inode->lock);
	if (change->user != UINT32_MAX)
		inode->uid = change->user;
	if (change->group != UINT32_MAX)
		inode->gid = change->group;
	if (!inode_is(inode, S_IFDIR)) {
		inode->mode &= ~(uint32_t)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(uint32_t)S_ISGID;
	}
	spin_unlock(&inode->lock);
	inode_touch(inode, TIME_CHANGE);
	return 0;
}

long sys_fchownat(int directory, uintptr_t path, uint32_t user, uint32_t group, int flags)
{
	return change_at(directory, path, flags,
			 &(struct change){.change = change_owner, .user = user, .group = group});
}

long sys_chown(uintptr_t path, uint32_t user, uint32_t group)
{
	return sys_fchownat(AT_FDCWD, path, user, group, 0);
}

long sys_lchown(uintptr_t path, uint32_t user, uint32_t group)
{
	return sys_fchownat(AT_FDCWD, path, user, group, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int descriptor, uint32_t user, uint32_t group)
{
	return change_descriptor(
		descriptor,
		&(struct change){.change = change_owner, .user = user, .group = group});
}

// ---- times ----
static void set_time(struct __kernel_timespec *time, const struct __kernel_timespec *wanted,
		     const struct __kernel_timespec *now)
{
	if (wanted->tv_nsec == UTIME_NOW)
		*time = *now;
	else if (wanted->tv_nsec != UTIME_OMIT)
		*time = *wanted;
}

// Who may write a file may say that it was used now; other times are its owner's to set.
static int change_times(struct inode *inode, const struct change *change)
{
	struct __kernel_timespec now;

	if (!inode_owned(inode) && (!change->now || inode_permission(inode, 2)))
		return change->now ? -EACCES : -EPERM;
	inode_touch(inode, TIME_CHANGE);
	spin_lock(&inode->lock);
	now = inode->times.change;
	set_time(&inode->times.access, &change->times[0], &now);
	set_time(&inode->times.modification, &change->times[1], &now);
	spin_unlock(&inode->lock);
	return 0;
}

static bool time_valid(const struct __kernel_timespec *time)
{
	return time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT ||
	       (time->tv_nsec >= 0 && time->tv_nsec < 1000000000);
}

// 1: nothing is to be changed.
static int get_times(uintptr_t user_times, struct change *change)
{
	struct __kernel_timespec *times = change->times;

	change->change = change_times;
	change->now = true;
	times[0].tv_nsec = times[1].tv_nsec = UTIME_NOW;
	if (!user_times)
		return 0;
	if (copy_from_user(times, user_times, sizeof(change->times)))
		return -EFAULT;
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return 1;
	if (!time_valid(&times[0]) || !time_valid(&times[1]))
		return -EINVAL;
	change->now = times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW;
	return 0;
}

static long set_times(int directory, uintptr_t path, const struct change *change, int flags)
{
	if (path || directory == AT_FDCWD)
		return change_at(directory, path, flags, change);
	return flags ? -EINVAL : change_descriptor(directory, change);
}

long sys_utimensat(int directory, uintptr_t path, uintptr_t times, int flags)
{
	struct change change = {0};
	int result = get_times(times, &change);

	if (result)
		return result == 1 ? 0 : result;
	return set_times(directory, path, &change, flags);
}

// The older calls: microseconds, or seconds.
long sys_futimesat(int directory, uintptr_t path, uintptr_t user_times)
{
	struct change change = {.change = change_times, .now = !user_times};
	struct __kernel_old_timeval times[2];

	for (int i = 0; i < 2; i++)
		change.times[i].tv_nsec = UTIME_NOW;
	if (user_times && copy_from_user(times, user_times, sizeof(times)))
		return -EFAULT;
	for (int i = 0; user_times && i < 2; i++) {
		if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
			return -EINVAL;
		change.times[i].tv_sec = times[i].tv_sec;
		change.times[i].tv_nsec = times[i].tv_usec * 1000;
	}
	return set_times(directory, path, &change, 0);
}

long sys_utimes(uintptr_t path, uintptr_t times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long sys_utime(uintptr_t path, uintptr_t user_times)
{
	struct change change = {.change = change_times, .now = !user_times};
	__kernel_old_time_t times[2];

	for (int i = 0; i < 2; i++)
		change.times[i].tv_nsec = UTIME_NOW;
	if (user_times && copy_from_user(times, user_times, sizeof(times)))
		return -EFAULT;
	for (int i = 0; user_times && i < 2; i++)
		change.times[i] = (struct __kernel_timespec){.tv_sec = times[i]};
	return set_times(AT_FDCWD, path, &change, 0);
}
