// SPDX-License-Identifier: MIT
//
// Sending signals as one process asks to another: who is meant, whether it may, and in which order
// that is looked at.
//
// Each function holds process_lock from the search to the last signal, so that a group or "all"
// are those of one moment.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "lib/mutant.h"
#include <asm/signal.h>
#include <linux/errno.h>

// `named`: the target's thread that was named, or NULL: then its first one is asked about.
// process_lock held.
static bool may_signal(const struct process *target, const struct task *named, int signal)
{
	const struct process *self = current_process();
	const struct ids *mine = &current_credentials()->users, *other;

	if (target == self || capable(CAP_KILL))
		return true;
	other = named ? &named->credentials->users : &target->credentials->users;
	if (mine->effective == other->saved || mine->effective == other->real ||
	    mine->real == other->saved || mine->real == other->real)
		return true;
	return signal == SIGCONT && self->session == target->session;
}

static int check(const struct process *process, const struct task *named,
		 const struct signal_info *info)
{
	if (info->signal < 0 || info->signal > SIGNAL_COUNT)
		return -EINVAL;
	return may_signal(process, named, info->signal) ? 0 : -EPERM;
}

static int send_one(struct process *process, struct task *named, const struct signal_info *info)
{
	int error = check(process, named, info);

	return error || !info->signal ? error : signal_send_first(process, named, info);
}

// As Linux: the number of any thread names its process, and that thread is asked first.
static int kill_one(int pid, const struct signal_info *info)
{
	struct task *task = pid_task(pid);
	struct process *process = task ? task->process : pid_process(pid);

	return process ? send_one(process, task, info) : -ESRCH;
}

static int kill_group(int group, const struct signal_info *info)
{
	int result = -ESRCH;
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process->group != group)
			continue;
		if (result)
			result = send_one(process, NULL, info);
		else
			(void)send_one(process, NULL, info);
	}
	return result;
}

// Everybody but process 1 and the caller. That one of them may not be sent to is no error.
static int kill_all(const struct signal_info *info)
{
	const struct process *self = current_process();
	int result = 0, count = 0;
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		int error;

		if (process == init_process || process == self)
			continue;
		count++;
		error = send_one(process, NULL, info);
		if (error != -EPERM)
			result = error;
	}
	return count ? result : -ESRCH;
}

int signal_kill(int pid, const struct signal_info *info)
{
	uint64_t flags;
	int result;

	if (pid == INT32_MIN)
		return -ESRCH;
	flags = spin_lock_irqsave(&process_lock);
	if (pid > 0)
		result = kill_one(pid, info);
	else if (pid == -1)
		result = kill_all(info);
	else
		result = kill_group(pid ? -pid : current_process()->group, info);
	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

static int kill_task(int pid, int tid, const struct signal_info *info)
{
	struct task *task = pid_task(tid);
	struct process *process = task ? task->process : pid_process(tid);
	int error;

	if (!process || (pid && process->pid != pid))
		return -ESRCH;
	error = check(process, task, info);
	// What has ended can be named but hears nothing.
	if (error || !info->signal || !task)
		return error;
	return signal_send_locked(process, MUTANT(thread_signal_to_process) ? NULL : task, info);
}

int signal_kill_task(int pid, int tid, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int result = kill_task(pid, tid, info);

	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

int signal_kill_process(struct process *process, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int result = process->state == PROCESS_REAPED ? -ESRCH : send_one(process, NULL, info);

	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}
