// SPDX-License-Identifier: MIT
//
// Which CPUs a task may run on, and which one it runs on. Left out: cpusets, which would keep it
// from some of them whatever it asks for.
#include "kernel/machine/cpu.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>

static uint64_t present_cpus(void)
{
	return cpu_count == 64 ? ~0ul : (1ul << cpu_count) - 1;
}

// With a reference; 0 is the caller.
static struct task *named_task(int tid)
{
	return tid ? task_find(tid) : task_get(current_task());
}

long sys_sched_getaffinity(int tid, uint32_t size, uintptr_t mask)
{
	struct task *task;
	uint64_t cpus;

	if (size * 8ul < cpu_count || size % sizeof(cpus))
		return -EINVAL;
	task = named_task(tid);
	if (!task)
		return -ESRCH;
	cpus = __atomic_load_n(&task->allowed, __ATOMIC_RELAXED) & present_cpus();
	task_put(task);
	return copy_to_user(mask, &cpus, sizeof(cpus)) ? -EFAULT : (long)sizeof(cpus);
}

static bool may_move(const struct task *task)
{
	uint32_t user = current_credentials()->users.effective;
	struct credentials *owner = credentials_of(task->process, task->tid);
	bool same = user == owner->users.real || user == owner->users.effective;

	credentials_put(owner);
	return same || capable(CAP_SYS_NICE);
}

long sys_sched_setaffinity(int tid, uint32_t size, uintptr_t mask)
{
	struct task *task;
	uint64_t cpus = 0;
	long result = 0;

	if (copy_from_user(&cpus, mask, size < sizeof(cpus) ? size : sizeof(cpus)))
		return -EFAULT;
	task = named_task(tid);
	if (!task)
		return -ESRCH;
	if (!may_move(task))
		result = -EPERM;
	else if (!(cpus & present_cpus()))
		result = -EINVAL;
	else
		task_set_allowed(task, cpus & present_cpus());
	task_put(task);
	return result;
}

long sys_getcpu(uintptr_t cpu, uintptr_t node)
{
	uint32_t number = this_cpu()->number, zero = 0;

	if (cpu && copy_to_user(cpu, &number, sizeof(number)))
		return -EFAULT;
	if (node && copy_to_user(node, &zero, sizeof(zero)))
		return -EFAULT;
	return 0;
}
