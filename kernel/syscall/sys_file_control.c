// SPDX-License-Identifier: MIT
//
// System calls that ask and steer an open file: fcntl, ioctl, getdents64. Left out of fcntl:
// leases, owners.
#include "kernel/file/lock.h"
#include "kernel/file/pipe.h"
#include "kernel/file/tmpfs.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

// What F_SETFL can change.
#define CHANGEABLE (O_APPEND | O_NONBLOCK | O_NOATIME)

static long duplicate_from(struct file *file, uint64_t lowest, bool close_on_exec)
{
	int result;

	if (lowest >= descriptor_limit())
		return -EINVAL;
	result = files_install(current_task()->files, file_get(file), (unsigned)lowest,
			       descriptor_limit(), close_on_exec);
	if (result < 0)
		file_put(file);
	return result;
}

static long set_flags(struct file *file, uint64_t flags)
{
	uint32_t old = __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
	uint32_t new;

	do
		new = (old & ~(uint32_t)CHANGEABLE) | ((uint32_t)flags & CHANGEABLE);
	while (!__atomic_compare_exchange_n(&file->flags, &old, new, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	return 0;
}

// A pipe's size is what it is: asking for as much or less is granted as Linux rounds it up.
static long pipe_size(struct file *file, uint64_t wanted)
{
	if (!file_is_pipe(file))
		return -EBADF;
	if (wanted > INT32_MAX)
		return -EINVAL;
	return wanted > PIPE_CAPACITY ? -EPERM : PIPE_CAPACITY;
}

// What even an O_PATH descriptor can do; -EBADF: not among it.
static long control_descriptor(int descriptor, struct file *file, unsigned command,
			       uint64_t argument)
{
	struct files *files = current_task()->files;

	switch (command) {
	case F_DUPFD:
		return duplicate_from(file, argument, false);
	case F_DUPFD_CLOEXEC:
		return duplicate_from(file, argument, true);
	case F_GETFD:
		return files_close_on_exec_get(files, (unsigned)descriptor) ? FD_CLOEXEC : 0;
	case F_SETFD:
		files_close_on_exec_set(files, (unsigned)descriptor, argument & FD_CLOEXEC);
		return 0;
	case F_GETFL:
		return file->flags;
	default:
		return -EBADF;
	}
}

// ---- locks ----
static long get_lock(struct file *file, uintptr_t argument, bool of_file)
{
	struct flock lock;
	long result;

	if (copy_from_user(&lock, argument, sizeof(lock)))
		return -EFAULT;
	result = lock_get(file, &lock, of_file);
	return result ? result : copy_to_user(argument, &lock, sizeof(lock));
}

static long set_lock(struct file *file, uintptr_t argument, bool of_file, bool wait)
{
	struct flock lock;

	if (copy_from_user(&lock, argument, sizeof(lock)))
		return -EFAULT;
	return lock_set(file, &lock, of_file, wait);
}

long sys_flock(int descriptor, int operation)
{
	struct file *file = get_open_file(descriptor);
	long result;

	if (!file)
		return -EBADF;
	result = lock_whole(file, operation);
	file_put(file);
	return result;
}

// What the locks among fcntl's commands do; -EINVAL: it is none of them.
static long control_lock(struct file *file, unsigned command, uint64_t argument)
{
	switch (command) {
	case F_GETLK:
	case F_OFD_GETLK:
		return get_lock(file, argument, command == F_OFD_GETLK);
	case F_SETLK:
	case F_OFD_SETLK:
		return set_lock(file, argument, command == F_OFD_SETLK, false);
	case F_SETLKW:
	case F_OFD_SETLKW:
		return set_lock(file, argument, command == F_OFD_SETLKW, true);
	default:
		return -EINVAL;
	}
}

static long control_file(int descriptor, struct file *file, unsigned command, uint64_t argument)
{
	if (file->flags & O_PATH)
		return control_descriptor(descriptor, file, command, argument);
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return control_descriptor(descriptor, file, command, argument);
	case F_SETFL:
		return set_flags(file, argument);
	case F_GETPIPE_SZ:
		return pipe_size(file, 0);
	case F_SETPIPE_SZ:
		return pipe_size(file, argument);
	case F_ADD_SEALS:
		return tmpfs_add_seals(file, argument);
	case F_GET_SEALS:
		return tmpfs_regular(file) ? (long)tmpfs_regular(file)->file.seals : -EINVAL;
	default:
		return control_lock(file, command, argument);
	}
}

long sys_fcntl(int descriptor, uint32_t command, uint64_t argument)
{
	struct file *file = file_get_descriptor(descriptor);
	long result;

	if (!file)
		return -EBADF;
	result = control_file(descriptor, file, command, argument);
	file_put(file);
	return result;
}

// ---- ioctl ----
static long set_nonblocking(struct file *file, uintptr_t argument)
{
	int on;

	if (copy_from_user(&on, argument, sizeof(on)))
		return -EFAULT;
	return set_flags(file,
			 on ? file->flags | O_NONBLOCK : file->flags & ~(uint32_t)O_NONBLOCK);
}

static long regular_left(struct file *file, uintptr_t argument)
{
	int left = (int)(inode_size(file->inode) - file->offset);

	return copy_to_user(argument, &left, sizeof(left));
}

static long control_device(int descriptor, struct file *file, unsigned command, uintptr_t argument)
{
	switch (command) {
	case FIOCLEX:
	case FIONCLEX:
		files_close_on_exec_set(current_task()->files, (unsigned)descriptor,
					command == FIOCLEX);
		return 0;
	case FIONBIO:
		return set_nonblocking(file, argument);
	case FIONREAD:
		if (file->inode && inode_is(file->inode, S_IFREG))
			return regular_left(file, argument);
		break;
	}
	return file->ops->ioctl ? file->ops->ioctl(file, command, argument) : -ENOTTY;
}

long sys_ioctl(int descriptor, uint32_t command, uintptr_t argument)
{
	struct file *file = get_open_file(descriptor);
	long result;

	if (!file)
		return -EBADF;
	result = control_device(descriptor, file, command, argument);
	file_put(file);
	return result;
}

// ---- directories ----
long sys_getdents64(int descriptor, uintptr_t entries, uint32_t size)
{
	struct file *file = get_open_file(descriptor);
	struct io io;
	long result;

	if (!file)
		return -EBADF;
	result = file->ops->directory ? io_user(&io, entries, size) : -ENOTDIR;
	if (result == 0)
		result = file_lock_position(file);
	if (result == 0) {
		result = file->ops->directory(file, &io);
		file_unlock_position(file);
	}
	file_put(file);
	return result;
}
