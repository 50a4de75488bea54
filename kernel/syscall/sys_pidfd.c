// SPDX-License-Identifier: MIT
//
// System calls on descriptors that stand for a process.
#include "kernel/file/files.h"
#include "kernel/file/pidfd.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/file_arguments.h"
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
	process = pidfd_or_directory_process(descriptor);
	if (!process)
		return -EBADF;
	result = send(process, signal, info);
	process_put(process);
	return result;
}

// A process's open file, with a reference: 0, -ESRCH (it has ended), -EPERM or -EBADF.
static int find_file(struct process *process, int descriptor, struct file **file)
{
	struct task *task = process_main_task(process);
	struct files *files = task ? task_files(task) : NULL;

	*file = files ? files_lookup(files, descriptor) : NULL;
	if (files)
		files_put(files);
	if (task)
		task_put(task);
	if (!files)
		return -ESRCH;
	return *file ? 0 : -EBADF;
}

static long copy_descriptor(struct process *process, int number)
{
	struct file *file;
	int error = credentials_may_inspect(process) ? find_file(process, number, &file) : -EPERM;
	int descriptor;

	if (error)
		return error;
	descriptor = files_install(current_task()->files, file, 0, descriptor_limit(), true);
	if (descriptor < 0)
		file_put(file);
	return descriptor;
}

long sys_pidfd_getfd(int descriptor, int number, uint32_t flags)
{
	struct process *process;
	long result;

	if (flags)
		return -EINVAL;
	process = pidfd_process(descriptor, NULL);
	if (!process)
		return -EBADF;
	result = copy_descriptor(process, number);
	process_put(process);
	return result;
}
