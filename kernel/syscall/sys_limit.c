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
	return sys_prlimit64(0, resource, 0, limit);
}

long sys_setrlimit(uint32_t resource, uintptr_t limit)
{
	struct rlimit64 probe;

	// With a null pointer prlimit64 would just do nothing.
	if (copy_from_user(&probe, limit, sizeof(probe)))
		return -EFAULT;
	return sys_prlimit64(0, resource, limit, 0);
}

static int raise_allowed(const struct rlimit64 *old, const struct rlimit64 *new)
{
	return new->rlim_max > old->rlim_max &&current_process()->euid ? -EPERM : 0;
}

static long change(struct process *process, uint32_t resource, uintptr_t limit, uintptr_t old)
{
	struct rlimit64 before = process_limit(process, resource), after;
	int error;

	if (limit) {
		if (copy_from_user(&after, limit, sizeof(after)))
			return -EFAULT;
		error = after.rlim_cur > after.rlim_max ? -EINVAL : raise_allowed(&before, &after);
		if (!error)
			error = process_set_limit(process, resource, &after);
		if (error)
			return error;
	}
	return old && copy_to_user(old, &before, sizeof(before)) ? -EFAULT : 0;
}

long sys_prlimit64(int pid, uint32_t resource, uintptr_t limit, uintptr_t old)
{
	struct process *process;
	long result;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	process = pid ? process_find(pid) : process_get(current_process());
	if (!process)
		return -ESRCH;
	result = change(process, resource, limit, old);
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
