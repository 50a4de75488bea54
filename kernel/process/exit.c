// SPDX-License-Identifier: MIT
//
// The end of a process: what it has goes back, its children get a new parent, its parent is told.
// What is left is a zombie, a struct process with a status, until the parent waits for it
// (reap.c).
#include "kernel/file/files.h"
#include "kernel/file/tty.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/alarm.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include <asm/siginfo.h>
#include <asm/signal.h>

void vfork_release(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (task->vfork) {
		task->vfork->done = true;
		wake_all(&task->vfork->queue);
		task->vfork = NULL;
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

// `mm` is about to lose a user. Faults are counted where they happen, in the address space; a
// process that outlives its address space carries the sums on.
void process_account_mm(struct process *process, struct mm *mm)
{
	if (__atomic_load_n(&mm->users, __ATOMIC_RELAXED) > 1)
		return;
	process->minor_faults += mm->minor_faults;
	process->major_faults += mm->major_faults;
	if (mm->peak_resident > process->peak_resident)
		process->peak_resident = mm->peak_resident;
}

// Leaves the address space: from here on this is a task of the kernel. The first program has none
// yet when it could not be run.
static void leave_memory(struct task *task)
{
	struct mm *mm = task->mm;
	uint64_t flags;
	int zero = 0;

	// pthread_join and glibc's fork watch this word; alone in its memory nobody can.
	if (task->clear_child_tid && __atomic_load_n(&mm->users, __ATOMIC_RELAXED) > 1)
		(void)copy_to_user(task->clear_child_tid, &zero, sizeof(zero));
	flags = spin_lock_irqsave(&process_lock);
	task->mm = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	mm_activate(NULL);
	process_account_mm(task->process, mm);
	mm_put(mm);
	vfork_release(task);
}

// Children go to the first program. It is told of those that are zombies already.
static void reparent_children(struct process *process)
{
	struct process *child;

	list_for_each_entry (child, &process->children, sibling) {
		child->parent = init_process;
		child->exit_signal = SIGCHLD; // nothing else, or anybody could kill init
	}
	if (list_empty(&process->children))
		return;
	list_splice_tail(&init_process->children, &process->children);
	wake_all(&init_process->child_wait);
}

void process_unlink(struct process *process)
{
	process->state = PROCESS_REAPED;
	list_del(&process->sibling);
	list_del(&process->link);
	pid_unlink_process(process);
	pid_free(process->pid);
}

// Whether nobody will wait for it: then there is no zombie.
static bool reaps_itself(const struct process *process)
{
	const struct process_signals *signals;

	if (!process->parent || process->exit_signal != SIGCHLD)
		return false;
	signals = &process->parent->signals;
	return signals->ignored & signal_bit(SIGCHLD) ||
	       (signals->actions && signals->actions->action[SIGCHLD - 1].flags & SA_NOCLDWAIT);
}

// What the parent learns: SIGCHLD's details and a wake for wait4.
static void notify_parent(struct process *process)
{
	int status = process->status;
	bool killed = status & 0x7f;
	struct signal_info info = {
		.signal = process->exit_signal,
		.code = !killed         ? CLD_EXITED
			: status & 0x80 ? CLD_DUMPED
					: CLD_KILLED,
		.pid = process->pid,
		.uid = (int)process->uid,
		.status = killed ? status & 0x7f : status >> 8 & 0xff,
	};

	if (!process->parent)
		return;
	if (process->exit_signal)
		signal_send_locked(process->parent, &info);
	wake_all(&process->parent->child_wait);
}

// The task leaves its process, the process becomes a zombie. Whether it is already reaped.
static bool become_zombie(struct task *task, int status)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool reaped;

	pid_unlink_task(task);
	list_del(&task->thread_link);
	process->task_count--;
	process->user_ticks += task->user_ticks;
	process->kernel_ticks += task->kernel_ticks;
	memcpy(process->name, task->name, sizeof(process->name));
	if (process != init_process)
		reparent_children(process);
	process->status = status;
	process->state = PROCESS_ZOMBIE;
	reaped = reaps_itself(process);
	notify_parent(process);
	if (reaped)
		process_unlink(process);
	spin_unlock_irqrestore(&process_lock, flags);
	return reaped;
}

// The leader of a session takes the terminal away from it: whoever is in the foreground is told.
static void end_session(int session)
{
	struct signal_info hangup = {.signal = SIGHUP, .code = SI_KERNEL};
	struct signal_info resume = {.signal = SIGCONT, .code = SI_KERNEL};
	int group = tty_foreground_of(session);

	tty_session_ended(session);
	if (!group)
		return;
	signal_send_group(group, &hangup);
	signal_send_group(group, &resume);
}

_Noreturn void process_exit(int status)
{
	struct task *task = current_task();
	struct process *process = task->process;

	trace(TRACE_EXIT, (uint64_t)status, 0, 0, 0);
	process_count_exit();
	if (process == init_process)
		init_outlive_others();
	if (process->session == process->pid)
		end_session(process->session);
	alarm_release(process);
	if (process->session == process->pid)
		tty_session_ended(process->pid);
	files_put(task->files);
	task->files = NULL;
	if (task->mm)
		leave_memory(task);
	task_signals_release(task);
	if (become_zombie(task, status))
		process_put(process);
	task->state = TASK_DEAD;
	schedule();
	panic("a dead task ran");
}
