// SPDX-License-Identifier: MIT
//
// Sending signals: what is pending, and who has to look. What is done about them is in
// signal_deliver.c.
//
// Signals are sent from interrupt handlers too (^C at the terminal, interval timers), where
// nothing can be allocated: a signal's details go into one of a fixed number of notes, or into one
// that a timer brings along. When they have all been used, only the details are lost, as on Linux
// when the queue's limit is reached.
#include "kernel/process/signal.h"

#include "kernel/machine/irq.h"
#include "kernel/process/core.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/user.h"
#include "lib/mutant.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>

#define NOTE_COUNT 1024

// Guarded by process_lock.
static struct signal_note notes[NOTE_COUNT];
static struct list free_notes = LIST_INIT(free_notes);
static uint32_t notes_made; // notes[0..notes_made) have been on the list

static const uint64_t stop_signals =
	1ul << (SIGSTOP - 1) | 1ul << (SIGTSTP - 1) | 1ul << (SIGTTIN - 1) | 1ul << (SIGTTOU - 1);
static const uint64_t synchronous = 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1) |
				    1ul << (SIGILL - 1) | 1ul << (SIGTRAP - 1) |
				    1ul << (SIGFPE - 1) | 1ul << (SIGSYS - 1);

// How many details the receiver's user may have before these. What the kernel itself or kill sends
// of the plain signals is let through: it is one of each at most.
static uint64_t room_for(const struct process *process, const struct signal_info *info)
{
	if (info->signal < FIRST_QUEUED && info->code >= 0)
		return UINT64_MAX;
	return process_limit_locked(process, RLIMIT_SIGPENDING);
}

static struct signal_note *take_note(void)
{
	struct signal_note *note;

	if (notes_made < NOTE_COUNT)
		return &notes[notes_made++];
	if (list_empty(&free_notes))
		return NULL;
	note = list_first_entry(&free_notes, struct signal_note, link);
	list_del(&note->link);
	return note;
}

static struct signal_note *note_alloc(const struct process *process, const struct task *task,
				      const struct signal_info *info)
{
	struct user *user = (task ? task->credentials : process->credentials)->user;
	struct signal_note *note;

	if (!user_queue(user, room_for(process, info)))
		return NULL;
	note = take_note();
	if (!note) {
		user_dequeued(user);
		return NULL;
	}
	note->user = user;
	note->info = *info;
	return note;
}

// Takes it off the queue it is on.
static void note_free(struct signal_note *note)
{
	list_del(&note->link);
	note->queued = false;
	if (note->taken)
		return;
	user_dequeued(note->user);
	list_add(&free_notes, &note->link);
}

void signals_init(struct process_signals *signals)
{
	list_init(&signals->pending_info);
	list_init(&signals->sharers);
	wait_queue_init(&signals->arrived);
}

void signals_fork(struct process *child, struct process *parent, bool share)
{
	if (share)
		list_add(&parent->signals.sharers, &child->signals.sharers);
	child->signals.ignored = parent->signals.ignored;
	child->signals.caught = parent->signals.caught;
	child->signals.actions = parent->signals.actions;
	if (child->signals.actions)
		child->signals.actions->references++;
}

struct signal_actions *signals_reset_handlers(struct process *process)
{
	struct signal_actions *actions = process->signals.actions;

	list_del(&process->signals.sharers);
	list_init(&process->signals.sharers);
	process->signals.caught = 0;
	process->signals.actions = NULL;
	return actions && --actions->references == 0 ? actions : NULL;
}

static void forget(struct list *queue, uint64_t signals)
{
	struct signal_note *note, *following;

	list_for_each_entry_safe (note, following, queue, link) {
		if (signal_bit(note->info.signal) & signals)
			note_free(note);
	}
}

void signals_release(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct signal_actions *unused;

	forget(&process->signals.pending_info, ~0ul);
	unused = signals_reset_handlers(process);
	spin_unlock_irqrestore(&process_lock, flags);
	kfree(unused);
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
		task_tell(task);
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
	return !(process->signals.caught & bit) &&
	       (process->unkillable || signal_default(signal) == DEFAULT_IGNORE);
}

// Whether its end can begin at once. A core file is for the task itself to write.
static bool is_fatal(const struct process *process, const struct task *task, int signal)
{
	if (signal == SIGKILL)
		return true;
	return !((task->blocked | process->signals.caught) & signal_bit(signal)) &&
	       signal_default(signal) == DEFAULT_TERMINATE && !core_wanted(process, signal);
}

// Stopping and continuing take effect, and cancel each other, whatever the action is.
static void cancel_opposite(struct process *process, int signal)
{
	if (signal_bit(signal) & stop_signals)
		signal_discard(process, signal_bit(SIGCONT));
	if (signal == SIGCONT && !MUTANT(continue_keeps_stops)) {
		signal_discard(process, stop_signals);
		process_continue(process);
	}
}

// Signals 1 to 31 are only pending or not, but a timer's comes beside another one; those from 32
// on queue.
static bool is_pending_already(uint64_t pending, int signal, const struct signal_note *note)
{
	return pending & signal_bit(signal) &&
	       ((signal < FIRST_QUEUED && !note) || MUTANT(queued_signals_merge));
}

// `note`: what is kept for it, NULL: to be found. 0, or -EAGAIN when sigqueue is to be told that
// there is no room; to others the signal then is as good without details.
static int queue_signal(struct process *process, struct task *task, const struct signal_info *info,
			struct signal_note *note)
{
	uint64_t *pending = task ? &task->pending : &process->signals.pending;

	if (is_pending_already(*pending, info->signal, note))
		return 0;
	if (!note)
		note = note_alloc(process, task, info);
	if (!note && info->signal >= FIRST_QUEUED && info->code != SI_USER &&
	    info->code != SI_KERNEL)
		return -EAGAIN;
	*pending |= signal_bit(info->signal);
	// Whoever is about to wait there has joined before it looks at what is pending.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!list_empty(&process->signals.arrived.waiters))
		wake_all(&process->signals.arrived);
	if (note) {
		note->queued = true;
		note->queue = task ? &task->pending_info : &process->signals.pending_info;
		note->pending = pending;
		list_add_tail(note->queue, &note->link);
	}
	return 0;
}

// `task` for a signal to one task only, else `first` of the process is asked first.
static int send(struct process *process, struct task *task, struct task *first,
		const struct signal_info *info, struct signal_note *note)
{
	int signal = info->signal, error;
	struct task *target;

	if (process->state != PROCESS_ALIVE || list_empty(&process->tasks))
		return 0;
	if (!first)
		first = task ? task : list_first_entry(&process->tasks, struct task, thread_link);
	cancel_opposite(process, signal);
	if (is_ignored(process, first, signal))
		return 0;
	trace6(TRACE_SIGNAL, (uint64_t)signal, (uint64_t)info->code, info->address,
	       task ? (uint64_t)task->tid : 0, (uint64_t)process->pid, 0);
	if (is_pending_already(task ? task->pending : process->signals.pending, signal, note))
		return 0;
	if (task)
		target = signal_wanted(task, signal) ? task : NULL;
	else
		target = signal_choose_task(process, first, signal);
	if (target ? is_fatal(process, target, signal) : signal == SIGKILL) {
		process_begin_exit(process, signal);
		return 0;
	}
	error = queue_signal(process, task, info, note);
	if (!error && target)
		task_tell(target);
	return error;
}

// Its handler runs before anything else of the task does: nobody has to be told.
void signal_queue_own(struct task *task, const struct signal_info *info)
{
	queue_signal(task->process, task, info, NULL);
	__atomic_store_n(&task->told, true, __ATOMIC_RELAXED);
	cpu_set_work(WORK_SIGNAL);
}

int signal_send_locked(struct process *process, struct task *task, const struct signal_info *info)
{
	return task && task->exiting ? 0 : send(process, task, NULL, info, NULL);
}

int signal_send_first(struct process *process, struct task *first, const struct signal_info *info)
{
	return send(process, NULL, first, info, NULL);
}

void signal_send_note(struct process *process, struct task *task, struct task *first,
		      struct signal_note *note)
{
	(void)send(process, task, first, &note->info, note);
}

void signal_note_cancel(struct signal_note *note)
{
	const struct signal_note *other;

	if (!note->queued)
		return;
	note_free(note);
	list_for_each_entry (other, note->queue, link) {
		if (other->info.signal == note->info.signal)
			return;
	}
	*note->pending &= ~signal_bit(note->info.signal);
}

void signal_send(struct process *process, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	send(process, NULL, NULL, info, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_send_task(struct task *task, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (!task->exiting) // else its process may be gone
		send(task->process, task, NULL, info, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_send_group(int group, const struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process->group == group)
			send(process, NULL, NULL, info, NULL);
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

// Takes the details of `signal` off a queue and its bit off `pending` unless another one waits.
static void take(uint64_t *pending, struct list *queue, int signal, struct signal_info *info)
{
	struct signal_note *note, *following;
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
		if (note->taken)
			note->taken(note);
		*info = note->info;
		note_free(note);
	}
}

// Faults first: their registers are those of the instruction that is about to run.
static int lowest(uint64_t set)
{
	if (set & synchronous && !MUTANT(faults_wait_their_turn))
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
