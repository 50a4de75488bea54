// SPDX-License-Identifier: MIT
//
// signalfd: signals that are read instead of handled. Who reads gets its own signals, whoever made
// the descriptor.
//
// Locks: none of its own; the mask is one word. Who sends a signal wakes the process's `arrived`.
#include "kernel/file/event.h"

#include "kernel/file/anonymous.h"
#include "kernel/file/files.h"
#include "kernel/file/poll.h"
#include "kernel/process/process.h"
#include "kernel/process/signal_action.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/signalfd.h>

static uint64_t mask_of(const struct file *file)
{
	return __atomic_load_n((const uint64_t *)file->data, __ATOMIC_RELAXED);
}

static bool is_pending(void *file)
{
	const struct task *task = current_task();

	return (task->pending | task->process->signals.pending) & mask_of(file);
}

static void fill(struct signalfd_siginfo *to, const struct signal_info *from)
{
	memset(to, 0, sizeof(*to));
	to->ssi_signo = (uint32_t)from->signal;
	to->ssi_errno = from->error;
	to->ssi_code = from->code;
	if (from->code == SI_TIMER) {
		to->ssi_tid = (uint32_t)from->timer;
		to->ssi_overrun = (uint32_t)from->overrun;
	} else if (from->code > 0 && from->signal != SIGCHLD && from->code != SI_KERNEL) {
		to->ssi_addr = from->address;
		return;
	} else {
		to->ssi_pid = (uint32_t)from->pid;
		to->ssi_uid = (uint32_t)from->uid;
	}
	if (from->signal == SIGCHLD && from->code > 0) {
		to->ssi_status = from->status;
		to->ssi_utime = (uint64_t)from->user_time;
		to->ssi_stime = (uint64_t)from->kernel_time;
		return;
	}
	to->ssi_int = (int32_t)from->value;
	to->ssi_ptr = from->value;
}

static int take(struct file *file, struct signal_info *info, bool wait)
{
	struct process *process = current_process();
	int error = 0;

	while (!signal_take(mask_of(file), info)) {
		error = wait ? wait_until(&process->signals.arrived, is_pending, file) : -EAGAIN;
		if (error)
			return error;
	}
	return 0;
}

static long signalfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct signalfd_siginfo record;
	struct signal_info info;
	long done = 0;
	int error;

	(void)offset;
	if (io->left < sizeof(record))
		return -EINVAL;
	while (io->left >= sizeof(record)) {
		error = take(file, &info, !done && !(file->flags & O_NONBLOCK));
		if (error)
			return done ? done : error;
		fill(&record, &info);
		if (io_to(io, &record, sizeof(record)) != sizeof(record))
			return done ? done : -EFAULT;
		done += (long)sizeof(record);
	}
	return done;
}

static unsigned signalfd_poll(struct file *file, struct poll_table *table)
{
	poll_wait(table, &current_process()->signals.arrived);
	return is_pending(file) ? POLLIN : 0;
}

static void signalfd_release(struct file *file)
{
	kfree(file->data);
}

static const struct file_ops signalfd_ops = {
	.name = "[signalfd]",
	.read = signalfd_read,
	.poll = signalfd_poll,
	.stat = anonymous_stat,
	.release = signalfd_release,
};

int signalfd_install(uint64_t mask, int flags)
{
	uint64_t *own = kmalloc(sizeof(*own));
	int descriptor;

	if (!own)
		return -ENOMEM;
	*own = mask;
	descriptor = anonymous_install(&signalfd_ops, own,
				       O_RDWR | (unsigned)(flags & (O_CLOEXEC | O_NONBLOCK)));
	if (descriptor < 0)
		kfree(own);
	return descriptor;
}

int signalfd_change(int descriptor, uint64_t mask)
{
	struct file *file = file_get_descriptor(descriptor);
	int error = !file ? -EBADF : file->ops == &signalfd_ops ? 0 : -EINVAL;

	if (!error) {
		__atomic_store_n((uint64_t *)file->data, mask, __ATOMIC_RELAXED);
		wake_all(&current_process()->signals.arrived);
	}
	file_put(file);
	return error;
}
