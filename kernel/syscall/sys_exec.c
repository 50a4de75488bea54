// SPDX-License-Identifier: MIT
//
// execve and execveat: which file is meant, and what the program is told of its path.
#include "kernel/file/inode.h"
#include "kernel/process/exec.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define PREFIX_SIZE sizeof("/dev/fd/2147483647/")

// By which path the file can be reached, as long as its descriptor is open: from kmalloc, or NULL.
static char *path_by_descriptor(int descriptor, const char *path)
{
	const size_t size = PREFIX_SIZE + strlen(path) + 1;
	char *name = kmalloc(size);

	if (name)
		snprintf(name, size, *path ? "/dev/fd/%d/%s" : "/dev/fd/%d", descriptor, path);
	return name;
}

static long execute(struct inode *inode, int directory, const char *path, uintptr_t argv,
		    uintptr_t envp)
{
	struct exec_file file = {.inode = inode, .path = path};
	char *name;
	long result;

	if (directory == AT_FDCWD || *path == '/')
		return exec_from_user(&file, argv, envp);
	name = path_by_descriptor(directory, path);
	file.path = name;
	file.unreachable = files_close_on_exec_get(current_task()->files, (unsigned)directory);
	result = name ? exec_from_user(&file, argv, envp) : -ENOMEM;
	kfree(name);
	return result;
}

static long look_up(int directory, const char *path, unsigned flags, struct inode **file)
{
	struct inode *start;
	long result = get_start(directory, path, &start);

	if (result)
		return result;
	result = path_lookup_at(start, path, flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0,
				file);
	inode_put(start);
	if (!result && inode_is(*file, S_IFLNK)) {
		inode_put(*file);
		return -ELOOP;
	}
	return result;
}

long sys_execveat(int directory, uintptr_t user_path, uintptr_t argv, uintptr_t envp,
		  unsigned flags)
{
	struct inode *file;
	char *path;
	long result;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = get_path(user_path, &path);
	if (result)
		return result;
	if (*path)
		result = look_up(directory, path, flags, &file);
	else
		result = flags & AT_EMPTY_PATH ? lookup_descriptor(directory, &file) : -ENOENT;
	if (!result) {
		result = execute(file, directory, path, argv, envp);
		inode_put(file);
	}
	kfree(path);
	return result;
}

long sys_execve(uintptr_t path, uintptr_t argv, uintptr_t envp)
{
	return sys_execveat(AT_FDCWD, path, argv, envp, 0);
}
