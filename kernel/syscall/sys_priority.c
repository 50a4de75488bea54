// SPDX-License-Identifier: MIT
//
// System calls on priorities. They are kept and told; tasks take turns all the same.
#include "kernel/machine/user_copy.h"
#include "kernel/process/priority.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>
#include <linux/sched.h>

#define ROUND_ROBIN_SLICE 100000000 // ns: RR_TIMESLICE of Linux
#define FAIR_SLICE        3000000   // ns: what Linux says of other policies varies

long sys_getpriority(int which, int who)
{
	return priority_get(which, who);
}

long sys_setpriority(int which, int who, int nice)
{
	return priority_set(which, who, nice);
}

// `param`: a struct sched_param, whose only member is the priority.
static long set_class(int tid, int policy, uintptr_t param)
{
	struct schedule_class class = {
		.policy = policy < 0 ? -1 : policy & ~SCHED_RESET_ON_FORK,
		.reset_on_fork = policy >= 0 && (policy & SCHED_RESET_ON_FORK),
	};

	if (!param || tid < 0)
		return -EINVAL;
	if (copy_from_user(&class.priority, param, sizeof(class.priority)))
		return -EFAULT;
	return schedule_class_set(tid, &class);
}

long sys_sched_setscheduler(int tid, int policy, uintptr_t param)
{
	return policy < 0 ? -EINVAL : set_class(tid, policy, param);
}

long sys_sched_setparam(int tid, uintptr_t param)
{
	return set_class(tid, -1, param);
}

long sys_sched_getscheduler(int tid)
{
	struct schedule_class class;
	long error = schedule_class_get(tid, &class);

	if (error)
		return error;
	return class.policy | (class.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(int tid, uintptr_t param)
{
	struct schedule_class class;
	long error = param ? schedule_class_get(tid, &class) : -EINVAL;

	return error ? error : copy_to_user(param, &class.priority, sizeof(class.priority));
}

long sys_sched_get_priority_max(int policy)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return 99;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_get_priority_min(int policy)
{
	long most = sys_sched_get_priority_max(policy);

	return most > 0 ? 1 : most;
}

long sys_sched_rr_get_interval(int tid, uintptr_t interval)
{
	struct schedule_class class;
	long error = schedule_class_get(tid, &class);

	if (error)
		return error;
	if (class.policy == SCHED_FIFO)
		return user_time_write(interval, 0);
	return user_time_write(interval,
			       class.policy == SCHED_RR ? ROUND_ROBIN_SLICE : FAIR_SLICE);
}
