// SPDX-License-Identifier: MIT
//
// Priorities: see kernel/process/priority.h. Everything under process_lock.
#include "kernel/process/priority.h"

#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>

#define NICE_MIN     (-20)
#define NICE_MAX     19
#define PRIORITY_MAX 99

void task_inherit_priority(struct task *child, const struct task *parent)
{
	child->nice = parent->nice;
	child->policy = parent->policy;
	child->priority = parent->priority;
	child->reset_on_fork = false;
	if (!parent->reset_on_fork)
		return;
	if (child->priority) {
		child->policy = SCHED_NORMAL;
		child->priority = 0;
	}
	if (child->nice < 0)
		child->nice = 0;
}

static bool same_owner(const struct task *task)
{
	uint32_t user = current_credentials()->users.effective;
	const struct ids *owner = &task->credentials->users;

	return user == owner->real || user == owner->effective;
}

// Limits count nice values from 1 (19) to 40 (-20).
static long as_limit(int nice)
{
	return NICE_MAX + 1 - nice;
}

static bool may_be_nice(const struct task *task, int nice)
{
	return (uint64_t)as_limit(nice) <= process_limit_locked(task->process, RLIMIT_NICE) ||
	       capable(CAP_SYS_NICE);
}

// What is done to each task that was meant; `result` is what was so far, -ESRCH at first.
typedef long visit(struct task *task, int nice, long result);

static long get_one(struct task *task, int nice, long result)
{
	long mine = as_limit(task->nice);

	(void)nice;
	return mine > result ? mine : result;
}

static long set_one(struct task *task, int nice, long result)
{
	if (!same_owner(task) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < task->nice && !may_be_nice(task, nice))
		return -EACCES;
	task->nice = (int8_t)nice;
	return result == -ESRCH ? 0 : result;
}

static bool is_meant(const struct task *task, int which, int who)
{
	const struct task *self = current_task();

	if (which == PRIO_PGRP)
		return task->process->group == (who ? who : self->process->group);
	return task->credentials->users.real ==
	       (who ? (uint32_t)who : self->credentials->users.real);
}

static long for_each_meant(int which, int who, int nice, visit *visit)
{
	struct process *process;
	long result = -ESRCH;
	struct task *task;

	if (which == PRIO_PROCESS) {
		task = who ? pid_task(who) : current_task();
		return task ? visit(task, nice, result) : result;
	}
	list_for_each_entry (process, &all_processes, link) {
		list_for_each_entry (task, &process->tasks, thread_link) {
			if (is_meant(task, which, who))
				result = visit(task, nice, result);
		}
	}
	return result;
}

static long visit_all(int which, int who, int nice, visit *visit)
{
	uint64_t flags;
	long result;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	result = for_each_meant(which, who, nice, visit);
	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

long priority_get(int which, int who)
{
	return visit_all(which, who, 0, get_one);
}

long priority_set(int which, int who, int nice)
{
	if (nice < NICE_MIN)
		nice = NICE_MIN;
	if (nice > NICE_MAX)
		nice = NICE_MAX;
	return visit_all(which, who, nice, set_one);
}

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_valid(const struct schedule_class *class)
{
	bool fair = class->policy == SCHED_NORMAL || class->policy == SCHED_BATCH ||
		    class->policy == SCHED_IDLE;

	if (!fair && !is_real_time(class->policy))
		return false;
	if (class->priority < 0 || class->priority > PRIORITY_MAX)
		return false;
	return is_real_time(class->policy) == (class->priority != 0);
}

static bool needs_capability(const struct task *task, const struct schedule_class *class)
{
	uint64_t limit = process_limit_locked(task->process, RLIMIT_RTPRIO);

	if (is_real_time(class->policy)) {
		if (class->policy != task->policy && !limit)
			return true;
		if (class->priority > task->priority && (uint64_t) class->priority > limit)
			return true;
	}
	if (task->policy == SCHED_IDLE && class->policy != SCHED_IDLE &&
	    (uint64_t)as_limit(task->nice) > process_limit_locked(task->process, RLIMIT_NICE))
		return true;
	if (!same_owner(task))
		return true;
	return task->reset_on_fork && !class->reset_on_fork;
}

static long set_class(struct task *task, const struct schedule_class *wanted)
{
	struct schedule_class class = *wanted;

	if (class.policy < 0) {
		class.policy = task->policy;
		class.reset_on_fork = task->reset_on_fork;
	}
	if (!is_valid(&class))
		return -EINVAL;
	if (needs_capability(task, &class) && !capable(CAP_SYS_NICE))
		return -EPERM;
	task->policy = (uint8_t) class.policy;
	task->priority = (uint8_t) class.priority;
	task->reset_on_fork = class.reset_on_fork;
	return 0;
}

long schedule_class_set(int tid, const struct schedule_class *class)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct task *task = tid ? pid_task(tid) : current_task();
	long result = task ? set_class(task, class) : -ESRCH;

	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

long schedule_class_get(int tid, struct schedule_class *class)
{
	struct task *task;
	uint64_t flags;

	if (tid < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	task = tid ? pid_task(tid) : current_task();
	if (task)
		*class = (struct schedule_class){
			.policy = task->policy,
			.priority = task->priority,
			.reset_on_fork = task->reset_on_fork,
		};
	spin_unlock_irqrestore(&process_lock, flags);
	return task ? 0 : -ESRCH;
}
