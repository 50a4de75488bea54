// SPDX-License-Identifier: MIT
//
// System calls that tell about files: stat and its kin, access, readlink, statfs.
#include "kernel/file/device.h"
#include "kernel/file/tmpfs.h"
#include "kernel/machine/user_copy.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/stat.h>

#define ST_VALID    0x0020 // f_flags of statfs(2)
#define ST_RELATIME 0x1000

// ---- stat ----
static int stat_descriptor(int descriptor, struct stat *status)
{
	struct file *file = file_get_descriptor(descriptor);

	if (!file)
		return -EBADF;
	file_stat(file, status);
	file_put(file);
	return 0;
}

static bool is_empty_path(uintptr_t path)
{
	char first;

	return copy_from_user(&first, path, 1) == 0 && first == '\0';
}

// What the `*at` calls look at; `flags` are AT_*.
static int stat_at(int directory, uintptr_t path, int flags, struct stat *status)
{
	struct inode *inode;
	int result;

	if ((flags & AT_EMPTY_PATH) && directory != AT_FDCWD && is_empty_path(path))
		return stat_descriptor(directory, status);
	result = lookup_user_path(directory, path,
				  flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0,
				  flags & AT_EMPTY_PATH, &inode);
	if (result)
		return result;
	inode_stat(inode, status);
	inode_put(inode);
	return 0;
}

static long stat_to_user(int directory, uintptr_t path, int flags, uintptr_t user_status)
{
	struct stat status;
	int result = stat_at(directory, path, flags, &status);

	return result ? result : copy_to_user(user_status, &status, sizeof(status));
}

long sys_stat(uintptr_t path, uintptr_t status)
{
	return stat_to_user(AT_FDCWD, path, 0, status);
}

long sys_lstat(uintptr_t path, uintptr_t status)
{
	return stat_to_user(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status);
}

long sys_fstat(int descriptor, uintptr_t user_status)
{
	struct stat status;
	int result = stat_descriptor(descriptor, &status);

	return result ? result : copy_to_user(user_status, &status, sizeof(status));
}

long sys_newfstatat(int directory, uintptr_t path, uintptr_t status, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	return stat_to_user(directory, path, flags, status);
}

static struct statx_timestamp timestamp(unsigned long seconds, unsigned long nanoseconds)
{
	return (struct statx_timestamp){.tv_sec = (int64_t)seconds,
					.tv_nsec = (uint32_t)nanoseconds};
}

static void to_statx(const struct stat *from, struct statx *to)
{
	memset(to, 0, sizeof(*to));
	to->stx_mask = STATX_BASIC_STATS;
	to->stx_blksize = (uint32_t)from->st_blksize;
	to->stx_nlink = (uint32_t)from->st_nlink;
	to->stx_uid = from->st_uid;
	to->stx_gid = from->st_gid;
	to->stx_mode = (uint16_t)from->st_mode;
	to->stx_ino = from->st_ino;
	to->stx_size = (uint64_t)from->st_size;
	to->stx_blocks = (uint64_t)from->st_blocks;
	to->stx_atime = timestamp(from->st_atime, from->st_atime_nsec);
	to->stx_ctime = timestamp(from->st_ctime, from->st_ctime_nsec);
	to->stx_mtime = timestamp(from->st_mtime, from->st_mtime_nsec);
	to->stx_rdev_major = (uint32_t)from->st_rdev >> 8 & 0xfff;
	to->stx_rdev_minor = from->st_rdev & 0xff;
	to->stx_dev_major = (uint32_t)from->st_dev >> 8 & 0xfff;
	to->stx_dev_minor = from->st_dev & 0xff;
}

long sys_statx(int directory, uintptr_t path, int flags, uint32_t mask, uintptr_t user_status)
{
	struct stat status;
	struct statx statx;
	int result;

	if (mask & STATX__RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	result = stat_at(directory, path, flags, &status);
	if (result)
		return result;
	to_statx(&status, &statx);
	return copy_to_user(user_status, &statx, sizeof(statx));
}

// ---- access ----
static long access_at(int directory, uintptr_t path, int mode, int flags)
{
	struct inode *inode;
	int result;

	if (mode & ~7)
		return -EINVAL;
	result = lookup_user_path(directory, path,
				  flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0,
				  flags & AT_EMPTY_PATH, &inode);
	if (result)
		return result;
	result = flags & AT_EACCESS ? inode_permission(inode, (unsigned)mode)
				    : inode_permission_real(inode, (unsigned)mode);
	inode_put(inode);
	return result;
}

long sys_access(uintptr_t path, int mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}

long sys_faccessat(int directory, uintptr_t path, int mode)
{
	return access_at(directory, path, mode, 0);
}

long sys_faccessat2(int directory, uintptr_t path, int mode, int flags)
{
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return access_at(directory, path, mode, flags);
}

// ---- readlink ----
static long read_target(struct inode *link, uintptr_t buffer, size_t size)
{
	char *target;
	long length;

	target = kmalloc(PATH_MAX);
	if (!target)
		return -ENOMEM;
	length = link->ops->readlink(link, target, size < PATH_MAX ? size : PATH_MAX);
	if (length > 0 && copy_to_user(buffer, target, (size_t)length))
		length = -EFAULT;
	kfree(target);
	return length;
}

long sys_readlinkat(int directory, uintptr_t path, uintptr_t buffer, int size)
{
	bool empty = is_empty_path(path);
	struct inode *link;
	long result;

	if (size <= 0)
		return -EINVAL;
	result = lookup_user_path(directory, path, LOOKUP_NO_FOLLOW, directory != AT_FDCWD, &link);
	if (result)
		return result;
	if (link->ops->readlink)
		result = read_target(link, buffer, (size_t)size);
	else
		result = empty ? -ENOENT : -EINVAL;
	inode_put(link);
	return result;
}

long sys_readlink(uintptr_t path, uintptr_t buffer, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buffer, size);
}

// ---- statfs ----
static void fill_tmpfs(const struct inode *inode, struct statfs *status)
{
	struct space_figures space = tmpfs_space(inode);

	status->f_type = tmpfs_inode(inode)->volume->is_ramfs ? RAMFS_MAGIC : TMPFS_MAGIC;
	status->f_blocks = (long)space.blocks;
	status->f_bfree = status->f_bavail = (long)space.blocks_free;
	status->f_files = (long)space.inodes;
	status->f_ffree = (long)space.inodes_free;
	status->f_flags |= ST_RELATIME;
}

static void fill_statfs(const struct inode *inode, struct statfs *status)
{
	memset(status, 0, sizeof(*status));
	status->f_bsize = PAGE_SIZE;
	status->f_frsize = PAGE_SIZE;
	status->f_namelen = NAME_MAX;
	status->f_flags = ST_VALID;
	if (!inode)
		status->f_type = PIPEFS_MAGIC;
	else if (inode_is_tmpfs(inode))
		fill_tmpfs(inode, status);
	else
		status->f_type = inode->device == PROC_DEVICE ? PROC_SUPER_MAGIC : SYSFS_MAGIC;
}

long sys_statfs(uintptr_t path, uintptr_t user_status)
{
	struct statfs status;
	struct inode *inode;
	int result = lookup_user_path(AT_FDCWD, path, 0, false, &inode);

	if (result)
		return result;
	fill_statfs(inode, &status);
	inode_put(inode);
	return copy_to_user(user_status, &status, sizeof(status));
}

long sys_fstatfs(int descriptor, uintptr_t user_status)
{
	struct file *file = file_get_descriptor(descriptor);
	struct statfs status;

	if (!file)
		return -EBADF;
	fill_statfs(file->inode, &status);
	file_put(file);
	return copy_to_user(user_status, &status, sizeof(status));
}
