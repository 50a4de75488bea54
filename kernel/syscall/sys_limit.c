// SPDX-License-Identifier: MIT
//
// System calls on limits and on what was used.
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
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

// Another process's limits are for its user to see and set, or for CAP_SYS_RESOURCE.
static bool may_limit(const struct process *process)
{
	const struct process *self = current_process();
	uint32_t user = self->uid, group = self->gid;

	if (process == self)
		return true;
	if (user == process->euid && user == process->suid && user == process->uid &&
	    group == process->egid && group == process->sgid && group == process->gid)
		return true;
	return capable(CAP_SYS_RESOURCE);
}

static long change(struct process *process, uint32_t resource, const struct rlimit64 *new,
		   uintptr_t to)
{
	struct rlimit64 old;
	int error = 0;

	if (!may_limit(process))
		return -EPERM;
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

long sys_prlimit64(int pid, uint32_t resource, uintptr_t limit, uintptr_t old)
{
	struct process *process;
	struct rlimit64 new;
	long result;

	if (limit && copy_from_user(&new, limit, sizeof(new)))
		return -EFAULT;
	process = pid ? process_find(pid) : process_get(current_process());
	if (!process)
		return -ESRCH;
	result = change(process, resource, limit ? &new : NULL, old);
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
