// SPDX-License-Identifier: MIT
//
// Descriptors for processes. Left out: those for single threads, ioctls, and /proc/PID/fdinfo.
//
// Locks: none of its own. The process's state is read without process_lock: who makes the zombie
// wakes `end_wait` afterwards.
#include "kernel/file/pidfd.h"

#include "kernel/file/anonymous.h"
#include "kernel/file/files.h"
#include "kernel/file/poll.h"
#include "kernel/file/pseudo.h"
#include "kernel/process/process.h"
#include <linux/fcntl.h>
#include <linux/poll.h>

static unsigned pidfd_poll(struct file *file, struct poll_table *table)
{
	struct process *process = file->data;
	uint8_t state;

	poll_wait(table, &process->end_wait);
	state = __atomic_load_n(&process->state, __ATOMIC_ACQUIRE);
	if (state == PROCESS_REAPED)
		return POLLIN | POLLRDNORM | POLLHUP;
	return state == PROCESS_ZOMBIE ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *file)
{
	process_put(file->data);
}

static const struct file_ops pidfd_ops = {
	.name = "[pidfd]",
	.poll = pidfd_poll,
	.stat = anonymous_stat,
	.release = pidfd_release,
};

int pidfd_install(struct process *process, unsigned flags)
{
	int descriptor = anonymous_install(&pidfd_ops, process_get(process),
					   O_RDWR | O_CLOEXEC | (flags & O_NONBLOCK));

	if (descriptor < 0)
		process_put(process);
	return descriptor;
}

struct process *pidfd_or_directory_process(int descriptor)
{
	struct process *process = pidfd_process(descriptor, NULL);
	struct file *file;

	if (process)
		return process;
	file = file_get_descriptor(descriptor);
	if (file && file->inode && !(file->flags & O_PATH))
		process = pseudo_directory_process(file->inode);
	file_put(file);
	return process;
}

struct process *pidfd_process(int descriptor, bool *nonblocking)
{
	struct file *file = file_get_descriptor(descriptor);
	struct process *process = NULL;

	if (file && file->ops == &pidfd_ops) {
		process = process_get(file->data);
		if (nonblocking)
			*nonblocking = file->flags & O_NONBLOCK;
	}
	file_put(file);
	return process;
}
