// SPDX-License-Identifier: MIT
//
// Stopping a process and letting it go on, and what its parent hears of it.
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include <asm/siginfo.h>
#include <asm/signal.h>

static void tell_parent(struct process *process, int code, int signal)
{
	struct process *parent = process->parent;
	struct signal_info info = {
		.signal = SIGCHLD,
		.code = code,
		.pid = process->pid,
		.uid = (int)process->credentials->users.real,
		.status = signal,
	};

	if (!parent)
		return;
	if (!(signal_action_get(parent, SIGCHLD).flags & SA_NOCLDSTOP))
		(void)signal_send_first(parent, process_maker(process), &info);
	wake_all(&parent->child_wait);
}

// The tasks stop themselves on their way back to ring 3 (signal_deliver.c).
void process_stop(struct process *process, int signal)
{
	struct task *task;

	if (process->stopped || process->state != PROCESS_ALIVE)
		return;
	process->stopped = true;
	process->stop_complete = false;
	process->stop_reported = false;
	process->continued = false;
	process->stop_signal = (uint8_t)signal;
	list_for_each_entry (task, &process->tasks, thread_link)
		task_tell(task);
}

// The parent hears of a stop when the last thread has stopped, or left: from then on nothing of
// the process happens in ring 3.
void process_check_stop(struct process *process)
{
	const struct task *task;

	if (!process->stopped || process->stop_complete || process->state != PROCESS_ALIVE)
		return;
	list_for_each_entry (task, &process->tasks, thread_link) {
		if (!task->exiting && task->state != TASK_STOPPED)
			return;
	}
	process->stop_complete = true;
	tell_parent(process, CLD_STOPPED, process->stop_signal);
}

void process_continue(struct process *process)
{
	struct task *task;

	if (!process->stopped)
		return;
	process->stopped = false;
	process->continued = process->stop_complete;
	list_for_each_entry (task, &process->tasks, thread_link) {
		if (task->state == TASK_STOPPED)
			task_wake(task);
	}
	// As on Linux, of a stop that did not come to its end the parent hears as if it had.
	if (process->stop_complete)
		tell_parent(process, CLD_CONTINUED, SIGCONT);
	else
		tell_parent(process, CLD_STOPPED, process->stop_signal);
}

// POSIX: a group without a member whose parent is in another group of the same session. Nobody
// would ever continue it, so the terminal's stop signals do nothing there. Process 1 is nobody, as
// on Linux.
bool group_is_orphaned(int group)
{
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		struct process *parent = process->parent;

		if (process->group == group && process->state == PROCESS_ALIVE && parent &&
		    parent != init_process && parent->group != group &&
		    parent->session == process->session)
			return false;
	}
	return true;
}
