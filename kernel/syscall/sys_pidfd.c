// SPDX-License-Identifier: MIT
//
// System calls on descriptors that stand for a process.
#include "kernel/file/pidfd.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/signal.h"
#include "kernel/syscall/calls.h"
#include <asm/siginfo.h>
#include <linux/errno.h>
#include <linux/pidfd.h>

long sys_pidfd_open(int pid, uint32_t flags)
{
	struct process *process;
	struct task *task;
	long result;

	if (flags & ~(uint32_t)PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	process = process_find(pid);
	if (!process) {
		// As Linux: a thread that is not its process's first can not be meant.
		task = task_find(pid);
		if (!task)
			return -ESRCH;
		task_put(task);
		return -ENOENT;
	}
	result = pidfd_install(process, flags);
	process_put(process);
	return result;
}

static long send(struct process *process, int signal, uintptr_t from)
{
	struct signal_info info;
	int error;

	if (!from) {
		info = signal_from_self(signal, SI_USER);
		return signal_kill_process(process, &info);
	}
	error = signal_info_from_user(&info, from);
	if (error)
		return error;
	if (info.signal != signal)
		return -EINVAL;
	if (signal_pretends(&info) && process != current_process())
		return -EPERM;
	return signal_kill_process(process, &info);
}

long sys_pidfd_send_signal(int descriptor, int signal, uintptr_t info, uint32_t flags)
{
	struct process *process;
	long result;

	if (flags)
		return -EINVAL;
	process = pidfd_process(descriptor, NULL);
	if (!process)
		return -EBADF;
	result = send(process, signal, info);
	process_put(process);
	return result;
}
