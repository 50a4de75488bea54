// SPDX-License-Identifier: MIT
//
// Which thread is told of a signal to the whole process. As on Linux a thread looks at what is
// pending for all of them when it has been told, when its mask changes and after each signal that
// it takes, so that one that only passes the kernel does not take what another was woken for.
//
// process_lock is held by all callers. Left out: the mask of a main thread that has ended, which
// on Linux still says whether an ignored signal is kept.
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "lib/mutant.h"
#include <asm/signal.h>

void task_tell(struct task *task)
{
	__atomic_store_n(&task->told, true, __ATOMIC_RELAXED);
	task_notify(task);
}

void task_look_at_signals(struct task *task)
{
	const struct process *process = task->process;
	bool found = process->state != PROCESS_ALIVE || process->stopped || task->ending ||
		     (task->pending | process->signals.pending) & ~task->blocked;

	__atomic_store_n(&task->told, found, __ATOMIC_RELAXED);
}

// What it holds back at this moment: not what it waits for.
static uint64_t held_back(const struct task *task)
{
	return task->blocked & ~task->waited;
}

static bool is_running(const struct task *task)
{
	return __atomic_load_n(&cpus[task->ran_on]->current, __ATOMIC_RELAXED) == task;
}

bool signal_wanted(const struct task *task, int signal)
{
	if (task->exiting || held_back(task) & signal_bit(signal))
		return false;
	if (signal == SIGKILL)
		return true;
	return task->state != TASK_STOPPED && (!task->told || is_running(task));
}

static struct task *next_task(struct process *process, struct task *task)
{
	struct list *next = task->thread_link.next;

	if (next == &process->tasks)
		next = next->next;
	return container_of(next, struct task, thread_link);
}

struct task *signal_choose_task(struct process *process, struct task *first, int signal)
{
	struct task *begin = process->signals.last_target, *task;

	if (signal_wanted(first, signal) && !MUTANT(signal_in_turn))
		return first;
	if (!begin)
		begin = list_first_entry(&process->tasks, struct task, thread_link);
	task = begin;
	while (!signal_wanted(task, signal)) {
		task = next_task(process, task);
		if (task == begin)
			return NULL;
	}
	process->signals.last_target = task;
	return task;
}

void signals_leave(struct task *task)
{
	struct process_signals *signals = &task->process->signals;

	if (signals->last_target != task)
		return;
	signals->last_target = next_task(task->process, task);
	if (signals->last_target == task)
		signals->last_target = NULL;
}

void signals_retarget(struct task *task, uint64_t signals)
{
	struct process *process = task->process;
	uint64_t left = process->signals.pending & signals;
	struct task *other = task;

	while (left && (other = next_task(process, other)) != task) {
		if (other->exiting || !(left & ~held_back(other)))
			continue;
		left &= held_back(other);
		if (!other->told)
			task_tell(other);
	}
}

struct task *signal_first_running(const struct process *process)
{
	struct task *task = current_task();

	return task->process == process && !task->exiting ? task : NULL;
}
