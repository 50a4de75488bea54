// SPDX-License-Identifier: MIT
//
// Timers by what a process has run. They are looked at in each tick that finds one of its tasks
// running, so that they fire up to a tick late, as Linux's do.
#include "kernel/process/cpu_timer.h"

#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/usage.h"

#define TICK_NANOSECONDS (1000000000ul / TICKS_PER_SECOND)

static uint64_t ticks(uint64_t user_ticks, uint64_t kernel_ticks, enum cpu_clock clock)
{
	return (clock == CPU_CLOCK_USER ? user_ticks : user_ticks + kernel_ticks) *
	       TICK_NANOSECONDS;
}

static uint64_t process_ticks(const struct process *process, enum cpu_clock clock)
{
	uint64_t sum = ticks(process->user_ticks, process->kernel_ticks, clock);
	const struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link)
		sum += ticks(task->user_ticks, task->kernel_ticks, clock);
	return sum;
}

uint64_t cpu_clock_locked(const struct process *process, const struct task *task,
			  enum cpu_clock clock)
{
	if (clock == CPU_CLOCK_EXACT)
		return task ? task_cpu_nanoseconds(task) : process_cpu_time_locked(process);
	return task ? ticks(task->user_ticks, task->kernel_ticks, clock)
		    : process_ticks(process, clock);
}

uint64_t cpu_clock_read(const struct process *process, const struct task *task,
			enum cpu_clock clock)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	uint64_t now = cpu_clock_locked(process, task, clock);

	spin_unlock_irqrestore(&process_lock, flags);
	return now;
}

void cpu_timer_arm(struct cpu_timer *timer, uint64_t when)
{
	timer->when = when;
	if (!timer->armed)
		list_add_tail(&timer->process->cpu_timers, &timer->link);
	timer->armed = true;
}

void cpu_timer_disarm(struct cpu_timer *timer)
{
	if (timer->armed)
		list_del(&timer->link);
	timer->armed = false;
}

void cpu_timers_expire(const struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct cpu_timer *timer, *following;

	list_for_each_entry_safe (timer, following, &task->process->cpu_timers, link) {
		uint64_t now, again;

		// By a thread's time: in that one's ticks.
		if (timer->task && timer->task != task)
			continue;
		now = cpu_clock_locked(timer->process, timer->task, timer->clock);
		if (now < timer->when)
			continue;
		cpu_timer_disarm(timer);
		again = timer->fire(timer, now);
		if (again)
			cpu_timer_arm(timer, again);
	}
	if (task->process->cpu_limited)
		limits_check_cpu(task->process);
	spin_unlock_irqrestore(&process_lock, flags);
}
