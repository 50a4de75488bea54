// SPDX-License-Identifier: MIT
//
// System calls on limits and on what was used.
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>
#include <linux/resource.h>

long sys_getrlimit(uint32_t resource, uintptr_t limit)
{
	struct rlimit64 now;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	now = process_limit(current_process(), resource);
	return copy_to_user(limit, &now, sizeof(now));
}

long sys_setrlimit(uint32_t resource, uintptr_t limit)
{
	struct rlimit64 new, old;

	if (copy_from_user(&new, limit, sizeof(new)))
		return -EFAULT;
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	return process_set_limit(current_process(), resource, &new, &old);
}

// Another task's limits are for its user to see and set, or for CAP_SYS_RESOURCE.
static bool may_limit(const struct process *process, int tid)
{
	struct credentials *other;
	bool same;

	if (tid == current_task()->tid)
		return true;
	other = credentials_of(process, tid);
	same = credentials_same_user(other);
	credentials_put(other);
	return same || capable(CAP_SYS_RESOURCE);
}

static long change(struct process *process, uint32_t resource, const struct rlimit64 *new,
		   uintptr_t to)
{
	struct rlimit64 old;
	int error = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new)
		error = process_set_limit(process, resource, new, &old);
	else
		old = process_limit(process, resource);
	if (error)
		return error;
	return to && copy_to_user(to, &old, sizeof(old)) ? -EFAULT : 0;
}

// The process that has this thread, or that had it as its first, with a reference.
static struct process *process_of(int tid)
{
	struct task *task = task_find(tid);
	struct process *process;

	if (!task)
		return process_find(tid);
	process = process_get(task->process);
	task_put(task);
	return process;
}

long sys_prlimit64(int pid, uint32_t resource, uintptr_t limit, uintptr_t old)
{
	int tid = pid ? pid : current_task()->tid;
	struct process *process;
	struct rlimit64 new;
	long result;

	if (limit && copy_from_user(&new, limit, sizeof(new)))
		return -EFAULT;
	process = process_of(tid);
	if (!process)
		return -ESRCH;
	if (may_limit(process, tid))
		result = change(process, resource, limit ? &new : NULL, old);
	else
		result = -EPERM;
	process_put(process);
	return result;
}

long sys_getrusage(int who, uintptr_t usage)
{
	struct rusage used;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	process_usage(current_process(), who, &used);
	return copy_to_user(usage, &used, sizeof(used));
}
