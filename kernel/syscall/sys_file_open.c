// SPDX-License-Identifier: MIT
//
// System calls that make and close descriptors: open, close, pipe, dup.
#include "kernel/file/place.h"
#include "kernel/file/pipe.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

// Everything open may be asked for; openat2 refuses the rest, open ignores it.
#define OPEN_FLAGS                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
	 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
	 O_PATH | __O_TMPFILE)

static int current_install(struct file *file, unsigned lowest, bool close_on_exec)
{
	int result = files_install(current_task()->files, file, lowest, descriptor_limit(),
				   close_on_exec);

	if (result < 0)
		file_put(file);
	return result;
}

static int open_path(int directory, const char *path, unsigned flags, uint32_t mode)
{
	struct inode *start;
	struct file *file;
	int result = get_start(directory, path, &start);

	if (result)
		return result;
	mode &= ~place_umask(current_task()->place);
	result = file_open(start, path, flags & ~(unsigned)O_CLOEXEC, mode & 07777, &file);
	inode_put(start);
	if (result)
		return result;
	return current_install(file, 0, flags & O_CLOEXEC);
}

// What flags can not stand together: 0 or -EINVAL.
static int check_flags(unsigned flags)
{
	if (flags & O_PATH)
		return 0;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	if (!(flags & __O_TMPFILE))
		return 0;
	return (flags & O_DIRECTORY) && (flags & O_ACCMODE) != O_RDONLY ? 0 : -EINVAL;
}

static long open_user_path(int directory, uintptr_t user_path, unsigned flags, uint32_t mode)
{
	char *path;
	int result = check_flags(flags);

	if (result == 0)
		result = get_path(user_path, &path);
	if (result)
		return result;
	result = open_path(directory, path, flags, mode);
	kfree(path);
	return result;
}

// A 64-bit program's files are large whether it says so or not.
static unsigned open_flags(int flags)
{
	if (flags & O_PATH) // nothing else makes a difference then
		return (unsigned)flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return ((unsigned)flags & OPEN_FLAGS) | O_LARGEFILE;
}

long sys_open(uintptr_t path, int flags, uint32_t mode)
{
	return open_user_path(AT_FDCWD, path, open_flags(flags), mode);
}

long sys_openat(int directory, uintptr_t path, int flags, uint32_t mode)
{
	return open_user_path(directory, path, open_flags(flags), mode);
}

long sys_creat(uintptr_t path, uint32_t mode)
{
	return open_user_path(AT_FDCWD, path, open_flags(O_CREAT | O_WRONLY | O_TRUNC), mode);
}

// Bytes behind the structure this kernel knows must be zeros: -E2BIG otherwise.
static int check_zeros(uintptr_t address, size_t count)
{
	while (count) {
		char bytes[64];
		size_t step = count < sizeof(bytes) ? count : sizeof(bytes);

		if (copy_from_user(bytes, address, step))
			return -EFAULT;
		for (size_t i = 0; i < step; i++)
			if (bytes[i])
				return -E2BIG;
		address += step;
		count -= step;
	}
	return 0;
}

static int get_open_how(uintptr_t user_how, size_t size, struct open_how *how)
{
	int result;

	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	result = check_zeros(user_how + sizeof(*how), size - sizeof(*how));
	if (result)
		return result;
	if (copy_from_user(how, user_how, sizeof(*how)))
		return -EFAULT;
	if (how->flags & ~(uint64_t)OPEN_FLAGS)
		return -EINVAL;
	if (how->mode & ~07777ull || (how->mode && !(how->flags & (O_CREAT | __O_TMPFILE))))
		return -EINVAL;
	// Restrictions on the lookup are not known here: better none than half of them.
	return how->resolve ? -EINVAL : 0;
}

long sys_openat2(int directory, uintptr_t path, uintptr_t user_how, size_t size)
{
	struct open_how how;
	int result = get_open_how(user_how, size, &how);

	if (result)
		return result;
	return open_user_path(directory, path, (unsigned)how.flags | O_LARGEFILE,
			      (uint32_t)how.mode);
}

long sys_close(int descriptor)
{
	return files_close(current_task()->files, (unsigned)descriptor);
}

long sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
	struct files *files;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && files_unshare())
		return -ENOMEM;
	files = current_task()->files;
	for (uint32_t i = first; i <= last && i < files_end(files); i++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			files_close_on_exec_set(files, i, true);
		else
			files_close(files, i);
	}
	return 0;
}

// ---- pipe ----
long sys_pipe2(uintptr_t descriptors, int flags)
{
	struct files *files = current_task()->files;
	struct file *ends[2];
	int numbers[2];
	int result;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT) || (flags & O_DIRECT))
		return -EINVAL;
	result = pipe_create(flags & O_NONBLOCK, &ends[0], &ends[1]);
	if (result)
		return result;
	numbers[0] = current_install(ends[0], 0, flags & O_CLOEXEC);
	if (numbers[0] < 0) {
		file_put(ends[1]);
		return numbers[0];
	}
	numbers[1] = current_install(ends[1], 0, flags & O_CLOEXEC);
	result = numbers[1] < 0 ? numbers[1] : copy_to_user(descriptors, numbers, sizeof(numbers));
	if (result == 0)
		return 0;
	files_close(files, (unsigned)numbers[0]);
	if (numbers[1] >= 0)
		files_close(files, (unsigned)numbers[1]);
	return result;
}

long sys_pipe(uintptr_t descriptors)
{
	return sys_pipe2(descriptors, 0);
}

// ---- dup ----
long sys_dup(int descriptor)
{
	struct file *file = file_get_descriptor(descriptor);

	return file ? current_install(file, 0, false) : -EBADF;
}

static long duplicate_to(int from, int to, bool close_on_exec)
{
	struct file *file;
	int result;

	if ((unsigned)to >= descriptor_limit())
		return -EBADF;
	file = file_get_descriptor(from);
	if (!file)
		return -EBADF;
	result = files_replace(current_task()->files, file, (unsigned)to, descriptor_limit(),
			       close_on_exec);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_dup2(int from, int to)
{
	if (from == to) {
		struct file *file = file_get_descriptor(from);

		if (!file)
			return -EBADF;
		file_put(file);
		return to;
	}
	return duplicate_to(from, to, false);
}

long sys_dup3(int from, int to, int flags)
{
	if (flags & ~O_CLOEXEC || from == to)
		return -EINVAL;
	return duplicate_to(from, to, flags & O_CLOEXEC);
}
