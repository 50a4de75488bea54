// SPDX-License-Identifier: MIT
//
// Paths and descriptors as system calls take them.
#include "kernel/syscall/file_arguments.h"
#include "kernel/file/place.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

int get_path(uintptr_t user_path, char **path)
{
	char *buffer = kmalloc(PATH_MAX);
	long length;

	if (!buffer)
		return -ENOMEM;
	length = strncpy_from_user(buffer, user_path, PATH_MAX);
	if (length < 0) {
		kfree(buffer);
		return (int)length;
	}
	*path = buffer;
	return 0;
}

int get_start(int directory, const char *path, struct inode **start)
{
	struct file *file;
	int result = 0;

	if (*path == '/') {
		*start = inode_get(root_inode);
		return 0;
	}
	if (directory == AT_FDCWD) {
		*start = current_directory();
		return 0;
	}
	file = file_get_descriptor(directory);
	if (!file)
		return -EBADF;
	if (!file->inode || !inode_is(file->inode, S_IFDIR))
		result = -ENOTDIR;
	else
		*start = inode_get(file->inode);
	file_put(file);
	return result;
}

int lookup_descriptor(int descriptor, struct inode **found)
{
	struct file *file;

	if (descriptor == AT_FDCWD) {
		*found = current_directory();
		return 0;
	}
	file = file_get_descriptor(descriptor);
	if (!file)
		return -EBADF;
	*found = file->inode ? inode_get(file->inode) : NULL;
	file_put(file);
	return *found ? 0 : -EBADF;
}

int lookup_user_path(int directory, uintptr_t user_path, unsigned flags, bool allow_empty,
		     struct inode **found)
{
	struct inode *start;
	char *path = NULL;
	int result = get_path(user_path, &path);

	if (result)
		return result;
	if (*path == '\0') {
		result = allow_empty ? lookup_descriptor(directory, found) : -ENOENT;
	} else {
		result = get_start(directory, path, &start);
		if (result == 0) {
			result = path_lookup_at(start, path, flags, found);
			inode_put(start);
		}
	}
	kfree(path);
	return result;
}

int lookup_user_name(int directory, uintptr_t user_path, struct path_name *name)
{
	struct inode *start;
	char *path = NULL;
	int result = get_path(user_path, &path);

	if (result)
		return result;
	result = *path ? get_start(directory, path, &start) : -ENOENT;
	if (result == 0) {
		result = path_lookup_name(start, path, name);
		inode_put(start);
	}
	kfree(path);
	return result;
}

struct file *get_open_file(int descriptor)
{
	struct file *file = file_get_descriptor(descriptor);

	if (file && (file->flags & O_PATH)) {
		file_put(file);
		return NULL;
	}
	return file;
}

unsigned descriptor_limit(void)
{
	struct rlimit64 limit = process_limit(current_process(), RLIMIT_NOFILE);

	return limit.rlim_cur < FILES_MAX ? (unsigned)limit.rlim_cur : FILES_MAX;
}
