// SPDX-License-Identifier: MIT
//
// System calls that would change a file system. The root is read-only and the pseudo file systems
// have a fixed tree, so each ends in an error; which one is Linux's choice, made in Linux's order.
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

// Why an inode, or a name in this directory, can not be changed.
static int refusal(const struct inode *inode)
{
	return inode->read_only ? -EROFS : -EPERM;
}

// A name that must not exist yet.
static long refuse_create(int directory, uintptr_t path)
{
	struct inode *inode;
	int result =
		lookup_user_path(directory, path, LOOKUP_PARENT | LOOKUP_NO_FOLLOW, false, &inode);

	if (result < 0)
		return result;
	result = result == 0 ? -EEXIST : refusal(inode);
	inode_put(inode);
	return result;
}

// A name that would go: whether it exists is not looked at on a read-only file system.
static long refuse_remove(int directory, uintptr_t path)
{
	struct inode *inode;
	int result =
		lookup_user_path(directory, path, LOOKUP_PARENT | LOOKUP_NO_FOLLOW, false, &inode);

	if (result < 0)
		return result;
	result = result == 1 && !inode->read_only ? -ENOENT : refusal(inode);
	inode_put(inode);
	return result;
}

// Attributes of something that exists.
static long refuse_attributes(int directory, uintptr_t path, int flags)
{
	struct inode *inode;
	int result = lookup_user_path(directory, path,
				      flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0,
				      flags & AT_EMPTY_PATH, &inode);

	if (result)
		return result;
	result = refusal(inode);
	inode_put(inode);
	return result;
}

static long refuse_descriptor(int descriptor)
{
	struct file *file = get_open_file(descriptor);
	int result;

	if (!file)
		return -EBADF;
	result = file->inode ? refusal(file->inode) : -EPERM;
	file_put(file);
	return result;
}

// ---- size ----
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
	else
		result = inode_is(inode, S_IFREG) ? refusal(inode) : -EINVAL;
	inode_put(inode);
	return result;
}

// No regular file can be open for writing.
long sys_ftruncate(int descriptor, uint64_t length)
{
	struct file *file;

	if ((int64_t)length < 0)
		return -EINVAL;
	file = get_open_file(descriptor);
	if (!file)
		return -EBADF;
	file_put(file);
	return -EINVAL;
}

long sys_fallocate(int descriptor, int mode, int64_t offset, int64_t length)
{
	struct file *file = get_open_file(descriptor);
	long result = -ENODEV;

	(void)mode;
	if (!file)
		return -EBADF;
	if (offset < 0 || length <= 0)
		result = -EINVAL;
	else if (!file_writable(file))
		result = -EBADF;
	else if (!file->inode)
		result = -ESPIPE;
	file_put(file);
	return result;
}

// ---- new names ----
long sys_mkdirat(int directory, uintptr_t path, uint32_t mode)
{
	(void)mode;
	return refuse_create(directory, path);
}

long sys_mkdir(uintptr_t path, uint32_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int directory, uintptr_t path, uint32_t mode, uint32_t device)
{
	(void)device;
	if ((mode & S_IFMT) == S_IFDIR)
		return -EPERM;
	return refuse_create(directory, path);
}

long sys_mknod(uintptr_t path, uint32_t mode, uint32_t device)
{
	return sys_mknodat(AT_FDCWD, path, mode, device);
}

long sys_symlinkat(uintptr_t target, int directory, uintptr_t path)
{
	(void)target;
	return refuse_create(directory, path);
}

long sys_symlink(uintptr_t target, uintptr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(int from_directory, uintptr_t from, int to_directory, uintptr_t to, int flags)
{
	struct inode *inode;
	int result;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = lookup_user_path(from_directory, from,
				  flags & AT_SYMLINK_FOLLOW ? 0 : LOOKUP_NO_FOLLOW,
				  flags & AT_EMPTY_PATH, &inode);
	if (result)
		return result;
	inode_put(inode);
	return refuse_create(to_directory, to);
}

long sys_link(uintptr_t from, uintptr_t to)
{
	return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

// ---- names that go ----
long sys_unlinkat(int directory, uintptr_t path, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return refuse_remove(directory, path);
}

long sys_unlink(uintptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(uintptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

long sys_renameat2(int from_directory, uintptr_t from, int to_directory, uintptr_t to,
		   uint32_t flags)
{
	struct inode *inode;
	int result;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	result = lookup_user_path(from_directory, from, LOOKUP_PARENT | LOOKUP_NO_FOLLOW, false,
				  &inode);
	if (result < 0)
		return result;
	inode_put(inode);
	return refuse_remove(to_directory, to);
}

long sys_renameat(int from_directory, uintptr_t from, int to_directory, uintptr_t to)
{
	return sys_renameat2(from_directory, from, to_directory, to, 0);
}

long sys_rename(uintptr_t from, uintptr_t to)
{
	return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

// ---- attributes ----
long sys_fchmodat(int directory, uintptr_t path, uint32_t mode)
{
	(void)mode;
	return refuse_attributes(directory, path, 0);
}

long sys_chmod(uintptr_t path, uint32_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int descriptor, uint32_t mode)
{
	(void)mode;
	return refuse_descriptor(descriptor);
}

long sys_fchownat(int directory, uintptr_t path, uint32_t user, uint32_t group, int flags)
{
	(void)user, (void)group;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return refuse_attributes(directory, path, flags);
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
	(void)user, (void)group;
	return refuse_descriptor(descriptor);
}

long sys_utimensat(int directory, uintptr_t path, uintptr_t times, int flags)
{
	(void)times;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return path ? refuse_attributes(directory, path, flags) : refuse_descriptor(directory);
}
