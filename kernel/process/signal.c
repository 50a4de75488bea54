// SPDX-License-Identifier: MIT
//
// Sending signals: what is pending, and who has to look. What is done about them is in
// signal_deliver.c.
//
// Signals are sent from interrupt handlers too (^C at the terminal, interval timers), where
// nothing can be allocated: a signal's details go into one of a fixed number of notes. When they
// have all been used, only the details are lost, as on Linux when the queue's limit is reached.
#include "kernel/process/signal.h"

#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>

#define NOTE_COUNT 256

struct note {
	struct list link;
	struct signal_info info;
};

// Guarded by process_lock.
static struct note notes[NOTE_COUNT];
static struct list free_notes = LIST_INIT(free_notes);
static uint32_t notes_made; // notes[0..notes_made) have been on the list

static const uint64_t stop_signals =
	1ul << (SIGSTOP - 1) | 1ul << (SIGTSTP - 1) | 1ul << (SIGTTIN - 1) | 1ul << (SIGTTOU - 1);
static const uint64_t synchronous = 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1) |
				    1ul << (SIGILL - 1) | 1ul << (SIGTRAP - 1) |
				    1ul << (SIGFPE - 1) | 1ul << (SIGSYS - 1);

static struct note *note_alloc(void)
{
	struct note *note;

	if (notes_made < NOTE_COUNT)
		return &notes[notes_made++];
	if (list_empty(&free_notes))
		return NULL;
	note = list_first_entry(&free_notes, struct note, link);
	list_del(&note->link);
	return note;
}

void signals_init(struct process_signals *signals)
{
	list_init(&signals->pending_info);
}

void signals_fork(struct process *child, const struct process *parent)
{
	child->signals.ignored = parent->signals.ignored;
	child->signals.caught = parent->signals.caught;
	child->signals.actions = parent->signals.actions;
	if (child->signals.actions)
		child->signals.actions->references++;
}

void signals_reset_handlers(struct process *process)
{
	struct signal_actions *actions = process->signals.actions;

	process->signals.caught = 0;
	process->signals.actions = NULL;
	if (actions && --actions->references == 0)
		kfree(actions);
}

static void forget(struct list *queue, uint64_t signals)
{
	struct note *note, *following;

	list_for_each_entry_safe (note, following, queue, link) {
		if (!(signal_bit(note->info.signal) & signals))
			continue;
		list_del(&note->link);
		list_add(&free_notes, &note->link);
	}
}

void signals_release(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	forget(&process->signals.pending_info, ~0ul);
	signals_reset_handlers(process);
	spin_unlock_irqrestore(&process_lock, flags);
}

void task_signals_release(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	forget(&task->pending_info, ~0ul);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_discard(struct process *process, uint64_t signals)
{
	struct task *task;

	process->signals.pending &= ~signals;
	forget(&process->signals.pending_info, signals);
	list_for_each_entry (task, &process->tasks, thread_link) {
		task->pending &= ~signals;
		forget(&task->pending_info, signals);
	}
}

bool task_has_signal(const struct task *task)
{
	const struct process *process = task->process;

	return process->state != PROCESS_ALIVE || process->stopped || task->ending ||
	       (task->pending | process->signals.pending) & ~task->blocked;
}

bool signal_pending(void)
{
	return task_has_signal(current_task());
}

bool signal_fatal_pending(void)
{
	return current_process()->state != PROCESS_ALIVE || current_task()->ending;
}

bool signal_blocked_or_ignored(int signal)
{
	struct task *task = current_task();

	return (task->blocked | task->process->signals.ignored) & signal_bit(signal);
}

void process_begin_exit(struct process *process, int status)
{
	struct task *task;

	if (process->state != PROCESS_ALIVE)
		return;
	process->state = PROCESS_EXITING;
	process->status = status;
	process->stopped = false;
	list_for_each_entry (task, &process->tasks, thread_link) {
		task_notify(task);
		task_wake(task);
	}
}

// Whether nothing would come of the signal, so that it need not be kept. One that is blocked is
// kept: its action may be another by the time it is let through.
static bool is_ignored(const struct process *process, const struct task *task, int signal)
{
	uint64_t bit = signal_bit(signal);

	if (task->blocked & bit)
		return false; // as Linux: the first thread's mask speaks for the process
	if (process->signals.ignored & bit)
		return true;
	return !(process->signals.caught & bit) && signal_default(signal) == DEFAULT_IGNORE;
}

static bool is_fatal(const struct process *process, const struct task *task, int signal)
{
	if (signal == SIGKILL)
		return true;
	return !((task->blocked | process->signals.caught) & signal_bit(signal)) &&
	       signal_default(signal) == DEFAULT_TERMINATE;
}

// Stopping and continuing take effect, and cancel each other, whatever the action is.
static void cancel_opposite(struct process *process, int signal)
{
	if (signal_bit(signal) & stop_signals)
		signal_discard(process, signal_bit(SIGCONT));
	if (signal == SIGCONT) {
		signal_discard(process, stop_signals);
		process_continue(process);
	}
}

static void queue_signal(uint64_t *pending, struct list *queue, const struct signal_info *info)
{
	struct note *note;

	// Signals 1 to 31 are only pending or not; those from 32 on queue.
	if (*pending & signal_bit(info->signal) && info->signal < 32)
		return;
	*pending |= signal_bit(info->signal);
	note = note_alloc();
	if (!note)
		return;
	note->info = *info;
	list_add_tail(queue, &note->link);
}

static bool takes(const struct task *task, int signal)
{
	return !task->exiting && (~task->blocked | task->waited) & signal_bit(signal);
}

// Who takes a signal to the process: the oldest thread that does not block it. NULL: nobody now.
static struct task *choose_task(struct process *process, int signal)
{
	struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link) {
		if (takes(task, signal))
			return task;
	}
	return NULL;
}

void signals_retarget(struct task *task, uint64_t signals)
{
	uint64_t left = task->process->signals.pending & signals;
	struct task *other;

	list_for_each_entry (other, &task->process->tasks, thread_link) {
		if (!left)
			break;
		if (other == task || other->exiting || !(left & ~other->blocked))
			continue;
		left &= other->blocked;
		task_notify(other);
	}
}

// `task` for a signal to one task only, NULL: for the process.
static void send(struct process *process, struct task *task, const struct signal_info *info)
{
	struct task *first, *target;

	if (process->state != PROCESS_ALIVE || list_empty(&process->tasks))
		return;
	first = task ? task : list_first_entry(&process->tasks, struct task, thread_link);
	cancel_opposite(process, info->signal);
	if (is_ignored(process, first, info->signal))
		return;
	trace(TRACE_SIGNAL, (uint64_t)info->signal, (uint64_t)info->code, info->address, 0);
	target = task ? task : choose_task(process, info->signal);
	if (target ? is_fatal(process, target, info->signal) : info->signal == SIGKILL) {
		process_begin_exit(process, info->signal);
		return;
	}
	if (task)
		queue_signal(&task->pending, &task->pending_info, info);
	else
		queue_signal(&process->signals.pending, &process->signals.pending_info, info);
	if (target && takes(target, info->signal))
		task_notify(target);
}

void signal_send_locked(struct process *process, const struct signal_info *info)
{
	send(process, NULL, info);
}

void signal_send(struct process *process, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	send(process, NULL, info);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_send_task(struct task *task, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (!task->exiting) // else its process may be gone
		send(task->process, task, info);
	spin_unlock_irqrestore(&process_lock, flags);
}

// What is left of a process that has ended, or of its first thread, can be named but hears
// nothing.
static int send_tid(int pid, int tid, const struct signal_info *info)
{
	struct task *task = pid_task(tid);
	struct process *process = task ? task->process : pid_process(tid);

	if (!process || (pid && process->pid != pid))
		return -ESRCH;
	if (task && info->signal)
		send(process, task, info);
	return 0;
}

int signal_send_tid(int pid, int tid, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int result = send_tid(pid, tid, info);

	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

int signal_send_group(int group, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process;
	int count = 0;

	list_for_each_entry (process, &all_processes, link) {
		if (process->group != group)
			continue;
		count++;
		if (info->signal)
			send(process, NULL, info);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return count;
}

// Takes the details of `signal` off a queue and its bit off `pending` unless another one waits.
static void take(uint64_t *pending, struct list *queue, int signal, struct signal_info *info)
{
	struct note *note, *following;
	bool found = false;

	*info = (struct signal_info){.signal = signal, .code = SI_USER};
	*pending &= ~signal_bit(signal);
	list_for_each_entry_safe (note, following, queue, link) {
		if (note->info.signal != signal)
			continue;
		if (found) {
			*pending |= signal_bit(signal);
			return;
		}
		found = true;
		*info = note->info;
		list_del(&note->link);
		list_add(&free_notes, &note->link);
	}
}

// Faults first: their registers are those of the instruction that is about to run.
static int lowest(uint64_t set)
{
	if (set & synchronous)
		set &= synchronous;
	return __builtin_ctzl(set) + 1;
}

bool signal_dequeue(struct task *task, uint64_t wanted, struct signal_info *info)
{
	struct process_signals *signals = &task->process->signals;

	if (task->pending & wanted)
		take(&task->pending, &task->pending_info, lowest(task->pending & wanted), info);
	else if (signals->pending & wanted)
		take(&signals->pending, &signals->pending_info, lowest(signals->pending & wanted),
		     info);
	else
		return false;
	return true;
}
