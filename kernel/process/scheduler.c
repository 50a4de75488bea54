// SPDX-License-Identifier: MIT
//
// Round robin over one run queue for each CPU. A task stays on the CPU it was started on: nothing
// moves tasks between queues yet, which is why task->cpu can be read without a lock.
//
// Locks: a run queue's lock is the innermost of all, taken with interrupts off.
#include "kernel/process/scheduler.h"

#include "kernel/machine/cpu.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/timer.h"
#include "lib/mutant.h"
#include "mm/mm.h"
#include "mm/trace.h"

#define SLICE_TICKS 2 // 20 ms

static struct run_queue run_queues[MAX_CPUS];

static struct run_queue *this_queue(void)
{
	return &run_queues[this_cpu()->number];
}

void scheduler_init_cpu(void)
{
	struct cpu *cpu = this_cpu();
	struct run_queue *queue = &run_queues[cpu->number];
	struct task *idle;

	if (cpu->number == 0)
		task_caches_create();
	idle = task_alloc_idle();
	if (!idle)
		panic("no memory for the idle task of CPU %u", cpu->number);
	list_init(&queue->tasks);
	idle->cpu = (uint8_t)cpu->number;
	queue->idle = idle;
	queue->running = idle;
	cpu->current = idle;
}

// Under the queue's lock, interrupts off: takes the next task off the queue.
static struct task *pick_next(struct run_queue *queue)
{
	struct task *task;

	if (list_empty(&queue->tasks))
		return queue->idle;
	task = list_first_entry(&queue->tasks, struct task, run_link);
	list_del(&task->run_link);
	queue->length--;
	return task;
}

static void enqueue(struct run_queue *queue, struct task *task)
{
	list_add_tail(&queue->tasks, &task->run_link);
	queue->length++;
}

// Puts the machine into `to`'s place: everything that belongs to a task but its kernel stack.
static void switch_state(struct cpu *cpu, struct task *from, struct task *to)
{
	if (from->fpu && from->state != TASK_DEAD) {
		fpu_save(from->fpu);
		segment_bases_save(&from->fs_base, &from->gs_base);
	}
	if (to->mm != from->mm)
		mm_activate(to->mm);
	if (to->fpu) {
		if (!MUTANT(fpu_not_restored))
			fpu_restore(to->fpu);
		segment_bases_load(to->fs_base, to->gs_base);
		cpu_set_kernel_stack(task_stack_top(to));
	}
	cpu->current = to;
}

// After a switch, on the new task's stack: the one before may have left for good.
static void finish_switch(void)
{
	struct run_queue *queue = this_queue();
	struct task *dead = queue->dead;

	if (dead) {
		queue->dead = NULL;
		task_release_stack(dead);
		task_put(dead);
	}
}

// The first thing a new task does (context.asm): the second half of schedule().
void task_entered(void);
void task_entered(void)
{
	irq_enable();
	finish_switch();
}

static void switch_to(struct run_queue *queue, struct task *from, struct task *to)
{
	struct cpu *cpu = this_cpu();

	trace(TRACE_SWITCH, (uint64_t)from->tid, (uint64_t)to->tid, 0, 0);
	from->switches++;
	to->slice = SLICE_TICKS;
	if (from->state == TASK_DEAD)
		queue->dead = from;
	switch_state(cpu, from, to);
	cpu_clear_work(WORK_SIGNAL);
	if (to->process && (to->restore_blocked || task_has_signal(to)))
		cpu_set_work(WORK_SIGNAL);
	context_switch(from, to);
}

void schedule(void)
{
	uint64_t flags = irq_save();
	struct run_queue *queue = this_queue();
	struct task *from = queue->running;
	struct task *to;

	cpu_clear_work(WORK_RESCHED);
	spin_lock(&queue->lock);
	if (from->state == TASK_RUNNABLE && from != queue->idle)
		enqueue(queue, from);
	to = pick_next(queue);
	queue->running = to;
	spin_unlock(&queue->lock);
	if (to != from)
		switch_to(queue, from, to);
	irq_restore(flags);
	finish_switch();
}

// Under the queue's lock. The task may leave its sleep by itself at the same time, or go on to
// sleep for something else (wait.c), without the lock: hence the exchange, so that a state it has
// set since is never overwritten, TASK_DEAD least of all.
static bool make_runnable(struct run_queue *queue, struct task *task, uint8_t asleep)
{
	if (!__atomic_compare_exchange_n(&task->state, &asleep, TASK_RUNNABLE, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	// Still on its way into schedule(): that will see the state and queue it.
	if (queue->running != task)
		enqueue(queue, task);
	return true;
}

bool task_wake(struct task *task)
{
	struct run_queue *queue = &run_queues[task->cpu];
	uint64_t flags = spin_lock_irqsave(&queue->lock);
	uint8_t state = __atomic_load_n(&task->state, __ATOMIC_RELAXED);
	bool woken =
		state != TASK_RUNNABLE && state != TASK_DEAD && make_runnable(queue, task, state);

	spin_unlock_irqrestore(&queue->lock, flags);
	return woken;
}

// The lock is a full barrier between what the caller has changed and the look at the state, as
// there is one between a sleeper's state and its look at the signals. switch_to() looks after
// `running` was set.
void task_notify(struct task *task)
{
	struct run_queue *queue = &run_queues[task->cpu];
	uint64_t flags = spin_lock_irqsave(&queue->lock);

	if (!make_runnable(queue, task, TASK_SLEEPING) && queue->running == task)
		cpu_set_work(WORK_SIGNAL);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void task_start(struct task *task)
{
	struct run_queue *queue;
	uint64_t flags = irq_save();

	queue = this_queue();
	task->cpu = (uint8_t)this_cpu()->number;
	task->state = TASK_RUNNABLE;
	spin_lock(&queue->lock);
	enqueue(queue, task);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void scheduler_tick(bool from_ring3)
{
	struct run_queue *queue = this_queue();
	struct task *task = this_cpu()->current;

	if (!task)
		return;
	if (this_cpu()->number == 0)
		timers_expire(clock_monotonic());
	if (from_ring3)
		task->user_ticks++;
	else
		task->kernel_ticks++;
	if (task == queue->idle || !queue->length)
		return;
	if (task->slice > 1)
		task->slice--;
	else
		cpu_set_work(WORK_RESCHED);
}

_Noreturn void scheduler_run(void)
{
	struct run_queue *queue = this_queue();

	for (;;) {
		schedule();
		if (this_cpu()->number == 0)
			process_finish_if_over();
		irq_disable();
		if (!__atomic_load_n(&queue->length, __ATOMIC_RELAXED))
			irq_wait();
		irq_enable();
	}
}
