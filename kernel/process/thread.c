// SPDX-License-Identifier: MIT
//
// The threads of one process against each other: exec leaves only the one that called it.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include <linux/errno.h>

static bool is_alone(void *process)
{
	return __atomic_load_n(&((struct process *)process)->task_count, __ATOMIC_ACQUIRE) == 1;
}

// False when another thread's exec, or the end of the process, was first.
static bool begin_ending_others(struct task *self)
{
	struct process *process = self->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool first = !signal_fatal_pending();
	struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link) {
		if (!first || task == self)
			continue;
		task->ending = true;
		task_tell(task);
		task_wake(task);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return first;
}

// The process goes on under its own number, whichever thread it was.
static void become_first(struct task *task)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);

	pid_unlink_task(task);
	process_hand_on_children(process, task->tid, process->pid);
	pid_free(task->tid);
	task->tid = process->pid;
	pid_link_task(task);
	spin_unlock_irqrestore(&process_lock, flags);
}

int process_end_other_threads(void)
{
	struct task *self = current_task();
	struct process *process = self->process;

	if (!is_alone(process)) {
		if (!begin_ending_others(self))
			return -EINTR;
		// Those that leave wake this queue (exit.c).
		if (wait_until_killable(&process->child_wait, is_alone, process))
			return -EINTR;
	}
	if (self->tid != process->pid)
		become_first(self);
	return 0;
}
