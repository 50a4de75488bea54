// SPDX-License-Identifier: MIT
//
// kcmp: whether two tasks share something. Left out: what an epoll descriptor watches.
//
// Locks: process_lock, for both tasks' pointers at one moment; a file is held meanwhile.
#include "kernel/file/file.h"
#include "kernel/file/files.h"
#include "kernel/machine/irq.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>
#include <linux/kcmp.h>

// As Linux: a kind of order, of which only equality means something.
static long compare(const void *a, const void *b)
{
	return a == b ? 0 : a < b ? 1 : 2;
}

static struct file *open_file(struct task *task, int descriptor)
{
	struct files *files = task_files(task);
	struct file *file = files ? files_lookup(files, descriptor) : NULL;

	if (files)
		files_put(files);
	return file;
}

static long compare_files(struct task *one, struct task *other, int first, int second)
{
	struct file *a = open_file(one, first), *b = open_file(other, second);
	long result = a && b ? compare(a, b) : -EBADF;

	file_put(a);
	file_put(b);
	return result;
}

static bool share_actions(const struct process *one, const struct process *other)
{
	const struct process *sharer;

	list_for_each_entry (sharer, &one->signals.sharers, signals.sharers) {
		if (sharer == other)
			return true;
	}
	return one == other;
}

static long compare_pointers(int type, const struct task *one, const struct task *other)
{
	switch (type) {
	case KCMP_VM:
		return compare(one->mm, other->mm);
	case KCMP_FILES:
		return compare(one->files, other->files);
	case KCMP_FS:
		return compare(one->place, other->place);
	case KCMP_SIGHAND:
		return share_actions(one->process, other->process)
			       ? 0
			       : compare(other->process, one->process);
	case KCMP_IO: // nobody has one
	case KCMP_SYSVSEM:
		return 0;
	default:
		return -EINVAL;
	}
}

static long compare_tasks(struct task *one, struct task *other, int type, int first, int second)
{
	uint64_t flags;
	long result;

	if (!credentials_may_inspect(one->process) || !credentials_may_inspect(other->process))
		return -EPERM;
	if (type == KCMP_FILE)
		return compare_files(one, other, first, second);
	flags = spin_lock_irqsave(&process_lock);
	result = compare_pointers(type, one, other);
	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

long sys_kcmp(int one, int other, int type, uint64_t first, uint64_t second)
{
	struct task *a = task_find(one), *b = task_find(other);
	long result = a && b ? compare_tasks(a, b, type, (int)first, (int)second) : -ESRCH;

	if (a)
		task_put(a);
	if (b)
		task_put(b);
	return result;
}
