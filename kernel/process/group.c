// SPDX-License-Identifier: MIT
//
// Process groups and sessions: whom a terminal's signals and kill(-group) reach.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include <linux/errno.h>

// `pid` as the calls take it: 0 is the caller; any thread's number names its process.
// process_lock held.
static struct process *named(int pid)
{
	const struct task *task = pid_task(pid);

	if (!pid)
		return current_process();
	return task ? task->process : pid_process(pid);
}

static bool session_has_group(int session, int group)
{
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process->group == group && process->session == session)
			return true;
	}
	return false;
}

// In Linux's order. `pid`: how the process was named, 0: as the caller.
static int set_group(struct process *process, int pid, int group)
{
	struct process *self = current_process();

	if (!process)
		return -ESRCH;
	if (pid && pid != process->pid)
		return -EINVAL; // a thread that is not its first
	if (process != self && process->parent != self)
		return -ESRCH;
	if (process->session != self->session)
		return -EPERM;
	if (process != self && process->has_execed)
		return -EACCES;
	if (process->session == process->pid)
		return -EPERM;
	if (group != process->pid && !session_has_group(self->session, group))
		return -EPERM;
	process->group = group;
	return 0;
}

int process_set_group(int pid, int group)
{
	struct process *process;
	uint64_t flags;
	int error;

	if (!group)
		group = pid;
	if (group < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	process = named(pid);
	error = set_group(process, pid, group || !process ? group : process->pid);
	spin_unlock_irqrestore(&process_lock, flags);
	return error;
}

int process_group(int pid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process = named(pid);
	int group = process ? process->group : -ESRCH;

	spin_unlock_irqrestore(&process_lock, flags);
	return group;
}

int process_session(int pid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process = named(pid);
	int session = process ? process->session : -ESRCH;

	spin_unlock_irqrestore(&process_lock, flags);
	return session;
}

int process_session_of_group(int group)
{
	struct process *process, *leader;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int session = -ESRCH;

	leader = pid_process(group);
	if (leader)
		session = leader->session;
	list_for_each_entry (process, &all_processes, link) {
		if (process->group == group)
			session = process->session;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return session;
}

// A group with the caller's number may be led by it, or linger on after it led one.
static bool leads_group(const struct process *self)
{
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process->group == self->pid)
			return true;
	}
	return false;
}

int process_new_session(void)
{
	struct process *self = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int result = -EPERM;

	if (!leads_group(self)) {
		self->group = self->pid;
		self->session = self->pid;
		result = self->pid;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}
