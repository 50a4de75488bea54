// SPDX-License-Identifier: MIT
//
// System calls on the working directory and the umask.
#include "kernel/file/place.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

long sys_getcwd(uintptr_t buffer, size_t size)
{
	struct inode *cwd = current_directory();
	char *path = kmalloc(PATH_MAX);
	long length = -ENOMEM;

	if (path && !cwd->links) {
		length = -ENOENT; // it was removed
	} else if (path) {
		length = inode_path(cwd, path, PATH_MAX);
		if (length >= 0)
			length++; // the NUL counts
		if (length > 0 && (size_t)length > size)
			length = -ERANGE;
		if (length > 0 && copy_to_user(buffer, path, (size_t)length))
			length = -EFAULT;
	}
	kfree(path);
	inode_put(cwd);
	return length;
}

long sys_chdir(uintptr_t path)
{
	struct inode *directory;
	int result = lookup_user_path(AT_FDCWD, path, LOOKUP_DIRECTORY, false, &directory);

	if (result)
		return result;
	result = inode_permission(directory, 1);
	if (result == 0)
		change_directory(directory);
	inode_put(directory);
	return result;
}

long sys_fchdir(int descriptor)
{
	struct file *file = file_get_descriptor(descriptor);
	long result = 0;

	if (!file)
		return -EBADF;
	if (!file->inode || !inode_is(file->inode, S_IFDIR))
		result = -ENOTDIR;
	else
		result = inode_permission(file->inode, 1);
	if (result == 0)
		change_directory(file->inode);
	file_put(file);
	return result;
}

long sys_umask(uint32_t mask)
{
	return change_umask(mask & 0777);
}
