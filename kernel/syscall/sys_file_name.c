// SPDX-License-Identifier: MIT
//
// System calls that make, remove and move names. What a path leads to is found here, with Linux's
// checks in Linux's order; the rest is the directory's file system's.
#include "kernel/file/place.h"
#include "kernel/process/credentials.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

// ---- new names ----
// Whether the last component can be a new name at all, and nothing is there yet: 0 or -errno.
static int check_new(const struct path_name *name, bool directory)
{
	struct inode *found;
	int result;

	if (name->kind != NAME_ORDINARY)
		return -EEXIST;
	result = name->directory->ops->lookup(name->directory, name->name, name->length, &found);
	if (result == 0) {
		inode_put(found);
		return -EEXIST;
	}
	if (result != -ENOENT)
		return result;
	return name->slash && !directory ? -ENOENT : 0;
}

static int make(const struct path_name *name, const struct new_name *what)
{
	struct inode *made;
	int result = check_new(name, (what->mode & S_IFMT) == S_IFDIR);

	if (result)
		return result;
	if (!name->directory->ops->make)
		return -EPERM;
	result = name->directory->ops->make(name->directory, what, &made);
	if (result == 0)
		inode_put(made);
	return result;
}

static long make_at(int directory, uintptr_t path, uint32_t mode, uint32_t special,
		    const char *target)
{
	struct path_name name;
	struct new_name what = {.mode = mode, .special = special, .target = target};
	int result = lookup_user_name(directory, path, &name);

	if (result)
		return result;
	what.name = name.name;
	what.length = name.length;
	result = make(&name, &what);
	inode_put(name.directory);
	return result;
}

// Permissions as a new file gets them.
static uint32_t masked(uint32_t permissions)
{
	return permissions & ~place_umask(current_task()->place);
}

long sys_mkdirat(int directory, uintptr_t path, uint32_t mode)
{
	return make_at(directory, path, S_IFDIR | masked(mode & (0777 | S_ISVTX)), 0, NULL);
}

long sys_mkdir(uintptr_t path, uint32_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int directory, uintptr_t path, uint32_t mode, uint32_t device)
{
	uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;

	switch (type) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		device = 0;
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (!capable(CAP_MKNOD))
			return -EPERM;
		break;
	default:
		return type == S_IFDIR ? -EPERM : -EINVAL;
	}
	return make_at(directory, path, type | masked(mode & 07777), device, NULL);
}

long sys_mknod(uintptr_t path, uint32_t mode, uint32_t device)
{
	return sys_mknodat(AT_FDCWD, path, mode, device);
}

long sys_symlinkat(uintptr_t user_target, int directory, uintptr_t path)
{
	char *target;
	long result = get_path(user_target, &target);

	if (result)
		return result;
	if (*target)
		result = make_at(directory, path, S_IFLNK | 0777, 0, target);
	else
		result = -ENOENT;
	kfree(target);
	return result;
}

long sys_symlink(uintptr_t target, uintptr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

// fs.protected_hardlinks: of others' files only harmless ones get new names.
static bool link_is_safe(const struct inode *inode)
{
	const uint32_t group = S_ISGID | S_IXGRP;

	return inode_owned(inode) ||
	       (inode_is(inode, S_IFREG) && !(inode->mode & S_ISUID) &&
		(inode->mode & group) != group && inode_permission(inode, 4 | 2) == 0);
}

static int link_to(struct inode *inode, const struct path_name *name)
{
	int result = check_new(name, false);

	if (result)
		return result;
	if (inode->device != name->directory->device)
		return -EXDEV;
	if (!link_is_safe(inode))
		return -EPERM;
	if (!name->directory->ops->link)
		return -EPERM;
	return name->directory->ops->link(name->directory, name->name, name->length, inode);
}

long sys_linkat(int from_directory, uintptr_t from, int to_directory, uintptr_t to, int flags)
{
	struct path_name name;
	struct inode *inode;
	int result;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = lookup_user_path(from_directory, from,
				  flags & AT_SYMLINK_FOLLOW ? 0 : LOOKUP_NO_FOLLOW,
				  flags & AT_EMPTY_PATH, &inode);
	if (result)
		return result;
	result = lookup_user_name(to_directory, to, &name);
	if (result == 0) {
		result = link_to(inode, &name);
		inode_put(name.directory);
	}
	inode_put(inode);
	return result;
}

long sys_link(uintptr_t from, uintptr_t to)
{
	return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

// ---- names that go ----
// A file system without changes still knows what the name stands for.
static int refuse_removal(const struct path_name *name, bool want_directory)
{
	struct inode *found;
	bool is_directory;
	int result =
		name->directory->ops->lookup(name->directory, name->name, name->length, &found);

	if (result)
		return result;
	is_directory = inode_is(found, S_IFDIR);
	result = inode_may_remove(name->directory, found);
	inode_put(found);
	if (result)
		return result;
	if (is_directory != want_directory)
		return is_directory ? -EISDIR : -ENOTDIR;
	return -EPERM;
}

static int unlink_name(const struct path_name *name)
{
	if (name->kind != NAME_ORDINARY)
		return -EISDIR;
	if (!name->directory->ops->unlink)
		return refuse_removal(name, false);
	return name->directory->ops->unlink(name->directory, name->name, name->length,
					    name->slash);
}

static int rmdir_name(const struct path_name *name)
{
	switch (name->kind) {
	case NAME_DOT_DOT:
		return -ENOTEMPTY;
	case NAME_DOT:
		return -EINVAL;
	case NAME_ROOT:
		return -EBUSY;
	default:
		break;
	}
	if (!name->directory->ops->rmdir)
		return refuse_removal(name, true);
	return name->directory->ops->rmdir(name->directory, name->name, name->length);
}

long sys_unlinkat(int directory, uintptr_t path, int flags)
{
	struct path_name name;
	int result;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	result = lookup_user_name(directory, path, &name);
	if (result)
		return result;
	result = flags & AT_REMOVEDIR ? rmdir_name(&name) : unlink_name(&name);
	inode_put(name.directory);
	return result;
}

long sys_unlink(uintptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(uintptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

// ---- names that move ----
static int rename_names(const struct path_name *from, const struct path_name *to, uint32_t flags)
{
	struct rename_request request = {
		.from = from->directory,
		.to = to->directory,
		.from_name = from->name,
		.to_name = to->name,
		.from_length = from->length,
		.to_length = to->length,
		.from_slash = from->slash,
		.to_slash = to->slash,
		.flags = flags,
	};

	if (from->directory->device != to->directory->device)
		return -EXDEV;
	if (from->kind != NAME_ORDINARY)
		return -EBUSY;
	if (to->kind != NAME_ORDINARY)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!from->directory->ops->rename)
		return -EPERM;
	return from->directory->ops->rename(&request);
}

static long rename_user(int from_directory, uintptr_t from, int to_directory, uintptr_t to,
			uint32_t flags)
{
	struct path_name old, new;
	long result = lookup_user_name(from_directory, from, &old);

	if (result)
		return result;
	result = lookup_user_name(to_directory, to, &new);
	if (result == 0) {
		result = rename_names(&old, &new, flags);
		inode_put(new.directory);
	}
	inode_put(old.directory);
	return result;
}

// Left out: whiteouts, which only layered file systems ask for.
long sys_renameat2(int from_directory, uintptr_t from, int to_directory, uintptr_t to,
		   uint32_t flags)
{
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	return rename_user(from_directory, from, to_directory, to, flags);
}

long sys_renameat(int from_directory, uintptr_t from, int to_directory, uintptr_t to)
{
	return sys_renameat2(from_directory, from, to_directory, to, 0);
}

long sys_rename(uintptr_t from, uintptr_t to)
{
	return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}
