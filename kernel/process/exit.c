// SPDX-License-Identifier: MIT
//
// The end of a thread, and of a process with its last one: what it has goes back, its children get
// a new parent, its parent is told. What is left is a zombie, a struct process with a status,
// until the parent waits for it (reap.c).
//
// A thread is counted out twice. It is no longer `live` from the moment it cannot take a signal;
// whoever brings that count to 0 does what the end of the process asks for and may sleep. It is no
// longer on process->tasks when it has given everything back; whoever is the last there makes the
// zombie, so that wait4 never sees a process that still uses memory.
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/file/tty.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/alarm.h"
#include "kernel/process/futex.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/posix_timer.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/usage.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/machine.h"
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

void process_enter_mm(struct task *task, struct mm *mm)
{
	task->mm = mm;
	mm->tasks++;
}

// Faults are counted where they happen, in the address space; a process that outlives its address
// space carries the sums on.
void process_leave_mm(struct task *task)
{
	struct process *process = task->process;
	struct mm *mm = task->mm;

	task->mm = NULL;
	if (--mm->tasks)
		return;
	process->minor_faults += mm->minor_faults;
	process->major_faults += mm->major_faults;
	if (mm->peak_resident > process->peak_resident)
		process->peak_resident = mm->peak_resident;
}

// In one store: who waits for it would take a half of the tid for another thread's.
static void clear_tid(uintptr_t word)
{
	const int zero = 0;

	for (size_t i = 0; MUTANT(tid_cleared_by_bytes) && i < sizeof(zero); i++)
		(void)copy_to_user(word + i, &zero, 1);
	(void)copy_to_user(word, &zero, sizeof(zero));
	(void)futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);
}

void task_leave_words(struct task *task)
{
	if (task->robust_list)
		futex_release_robust(task);
	task->robust_list = 0;
	futex_release_pi(task, task->exiting);
	// pthread_join watches this word; alone in its memory nobody can.
	if (task->clear_child_tid && __atomic_load_n(&task->mm->users, __ATOMIC_RELAXED) > 1)
		clear_tid(task->clear_child_tid);
	task->clear_child_tid = 0;
}

// Leaves the address space: from here on this is a task of the kernel. The program asked for has
// none yet when it could not be run.
static void leave_memory(struct task *task)
{
	struct mm *mm = task->mm;
	uint64_t flags;

	task_leave_words(task);
	flags = spin_lock_irqsave(&process_lock);
	process_leave_mm(task);
	spin_unlock_irqrestore(&process_lock, flags);
	if (MUTANT(space_freed_in_use))
		mm_put(mm);
	machine_enter_space(NULL);
	if (!MUTANT(space_freed_in_use))
		mm_put(mm);
	vfork_release(task);
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
	return (signals->ignored & signal_bit(SIGCHLD) && !MUTANT(ignored_child_stays)) ||
	       (signals->actions && signals->actions->action[SIGCHLD - 1].flags & SA_NOCLDWAIT);
}

int process_end_code(int status)
{
	if (!(status & 0x7f) && !MUTANT(end_code_wrong))
		return CLD_EXITED;
	return status & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

// What the parent learns: SIGCHLD's details and a wake for wait4.
static void notify_parent(struct process *process)
{
	int status = process->status;
	bool killed = status & 0x7f;
	const struct usage used = process_usage_locked(process);
	struct signal_info info = {
		.signal = process->exit_signal,
		.code = process_end_code(status),
		.pid = process->pid,
		.uid = (int)process->credentials->users.real,
		.status = killed ? status & 0x7f : status >> 8 & 0xff,
		.user_time = (long)usage_ticks(used.user_time),
		.kernel_time = (long)usage_ticks(used.kernel_time),
	};

	if (!process->parent)
		return;
	if (process->exit_signal && process->exit_signal <= SIGNAL_COUNT && !MUTANT(sigchld_lost))
		(void)signal_send_first(process->parent, process_maker(process), &info);
	wake_all(&process->parent->child_wait);
}

// The nearest ancestor that asked for it (prctl), else process 1.
static struct process *reaper_of(const struct process *process)
{
	struct process *ancestor = process->parent;

	while (ancestor && !(ancestor->is_subreaper && ancestor->state == PROCESS_ALIVE))
		ancestor = ancestor->parent;
	return ancestor ? ancestor : init_process;
}

static void tell_of_parents_end(struct process *child, const struct process *parent)
{
	struct signal_info info = {
		.signal = child->parent_death_signal,
		.code = SI_USER,
		.pid = parent->pid,
		.uid = (int)parent->credentials->users.real,
	};

	if (info.signal)
		(void)signal_send_locked(child, NULL, &info);
}

// Children get a new parent, which can wait for those that are zombies already.
static void reparent_children(struct process *process)
{
	struct process *reaper = reaper_of(process), *child;

	list_for_each_entry (child, &process->children, sibling) {
		process_set_parent(child, reaper);
		child->exit_signal = SIGCHLD; // nothing else, or anybody could kill init
		tell_of_parents_end(child, process);
		if (child->state == PROCESS_ZOMBIE && reaper != init_process)
			notify_parent(child);
	}
	if (list_empty(&process->children))
		return;
	list_splice_tail(&reaper->children, &process->children);
	wake_all(&reaper->child_wait);
}

// The children that a thread made learn of its end as of a parent's, whoever waits for them now.
static void leave_children(const struct task *task, const struct task *heir)
{
	struct process *process = task->process, *child;

	list_for_each_entry (child, &process->children, sibling) {
		if (child->made_by == task->tid)
			tell_of_parents_end(child, process);
	}
	process_hand_on_children(process, task->tid, heir->tid);
}

// The task leaves its process's list; the number of the first one is the process's to free.
static void unlink_task(struct task *task)
{
	struct process *process = task->process;

	pid_unlink_task(task);
	signals_leave(task);
	list_del(&task->thread_link);
	process->task_count--;
	process->user_ticks += task->user_ticks;
	process->kernel_ticks += task->kernel_ticks;
	process->cpu_time += task_cpu_time(task, tsc_read());
	if (!list_empty(&process->tasks))
		leave_children(task, list_first_entry(&process->tasks, struct task, thread_link));
	if (task->tid == process->pid)
		memcpy(process->name, task->name, sizeof(process->name));
	else
		pid_free(task->tid);
	// An exec waits for the last one but its own to be gone.
	if (task->ending)
		wake_all(&process->child_wait);
}

// The last task has left. Whether the zombie is already reaped.
static bool become_zombie(struct process *process)
{
	bool reaped;

	if (process != init_process)
		reparent_children(process);
	process->state = PROCESS_ZOMBIE;
	reaped = reaps_itself(process);
	notify_parent(process);
	if (reaped)
		process_unlink(process);
	wake_all(&process->end_wait);
	if (process == main_process && process != init_process)
		init_end_with_program();
	return reaped;
}

static void leave_process(struct task *task)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool reaped;

	unlink_task(task);
	reaped = !process->task_count && become_zombie(process);
	// The first CPU's idle loop ends the machine then, and may have halted.
	if (process == init_process)
		cpu_kick(cpus[0], 0);
	spin_unlock_irqrestore(&process_lock, flags);
	if (reaped)
		process_put(process);
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

// From here on no signal is for this task. Whether it is the last one of its process.
static bool stop_living(struct task *task, int status)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool last;

	task->exiting = true;
	signals_retarget(task, ~task->blocked);
	process_check_stop(process);
	last = --process->live == 0;
	if (last && process->state == PROCESS_ALIVE) {
		process->state = PROCESS_EXITING;
		process->status = status;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return last;
}

// What ends with the last thread, while there still is one that can wait.
static void end_process(struct process *process)
{
	process_count_exit();
	if (process == init_process)
		init_outlive_others();
	if (process->session == process->pid)
		end_session(process->session);
	alarm_release(process);
	posix_timers_release(process);
	if (process->session == process->pid)
		tty_session_ended(process->pid);
}

static void leave_place(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct place *place = task->place;

	task->place = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	place_put(place);
}

_Noreturn void task_exit(int status)
{
	struct task *task = current_task();
	struct files *files = task->files;

	bool last = stop_living(task, status);

	trace(TRACE_EXIT, last ? (uint64_t)task->process->status : (uint64_t)status,
	      (uint64_t)task->process->pid, last, 0);
	if (last)
		end_process(task->process);
	task_set_files(task, NULL);
	files_put(files);
	leave_place(task);
	if (task->mm)
		leave_memory(task);
	task_signals_release(task);
	leave_process(task);
	task->state = TASK_DEAD;
	schedule();
	panic("a dead task ran");
}

_Noreturn void process_exit(int status)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	process_begin_exit(process, status);
	spin_unlock_irqrestore(&process_lock, flags);
	task_exit(status);
}
