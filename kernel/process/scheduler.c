// SPDX-License-Identifier: MIT
//
// Round robin over one run queue for each CPU; see scheduler.h for who runs where.
//
// Locks: a run queue's lock is the innermost of all, taken with interrupts off. Nobody holds two:
// a task that goes from one queue to another is for a moment on none, runnable, with task->cpu
// naming the new one.
#include "kernel/process/scheduler.h"

#include "kernel/machine/cpu.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/park.h"
#include "kernel/machine/timer.h"
#include "kernel/process/cpu_timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/load.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/timer.h"
#include "lib/mutant.h"
#include "mm/mm.h"
#include "mm/trace.h"

#define SLICE_TICKS   2 // 20 ms
#define BALANCE_TICKS 8 // how often a CPU looks whether others have more to do

static struct run_queue run_queues[MAX_CPUS];
static uint64_t idle_cpus; // bit n: CPU n is idle, and nobody has sent it anything yet; atomic

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
	idle->allowed = 1ul << cpu->number;
	queue->idle = idle;
	idle->cpu_clock = -(int64_t)tsc_read();
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

static bool allowed_on(const struct task *task, unsigned cpu)
{
	return __atomic_load_n(&task->allowed, __ATOMIC_RELAXED) >> cpu & 1;
}

// ---- who runs where ----

// The queue that a task belongs to, locked. It may go to another one while the lock is waited for.
static struct run_queue *lock_queue_of(struct task *task, uint64_t *flags)
{
	for (;;) {
		unsigned cpu = __atomic_load_n(&task->cpu, __ATOMIC_RELAXED);
		struct run_queue *queue = &run_queues[cpu];

		*flags = spin_lock_irqsave(&queue->lock);
		if (__builtin_expect(task->cpu == cpu, 1))
			return queue;
		spin_unlock_irqrestore(&queue->lock, *flags);
	}
}

// An idle CPU that `task` may run on, `last` if it is one: nobody else is told of it. -1: none.
static int claim_idle(const struct task *task, unsigned last)
{
	uint64_t allowed = __atomic_load_n(&task->allowed, __ATOMIC_RELAXED);
	uint64_t idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & allowed;

	while (idle) {
		unsigned cpu = idle >> last & 1 ? last : (unsigned)__builtin_ctzl(idle);
		uint64_t bit = 1ul << cpu;

		if (__atomic_fetch_and(&idle_cpus, ~bit, __ATOMIC_SEQ_CST) & bit)
			return (int)cpu;
		idle &= ~bit;
	}
	return -1;
}

static unsigned choose_cpu(const struct task *task, unsigned last)
{
	int idle;

	if (cpu_count == 1)
		return 0;
	idle = claim_idle(task, last);
	if (idle >= 0)
		return (unsigned)idle;
	return allowed_on(task, last) ? last : (unsigned)__builtin_ctzl(task->allowed);
}

// Whoever halts, or looked at its queue just before, is to look again.
static void tell(unsigned cpu)
{
	if (cpu != this_cpu()->number)
		cpu_kick(cpus[cpu], 0);
}

// Queues a runnable task that is on no queue and that names the queue it goes to. Its mask may
// change until the moment when it can be found on a queue.
static void place(struct task *task)
{
	uint64_t flags;

	for (;;) {
		unsigned cpu = task->cpu;
		struct run_queue *queue = &run_queues[cpu];
		bool at_last;

		flags = spin_lock_irqsave(&queue->lock);
		at_last = allowed_on(task, cpu);
		if (at_last) {
			bool halted = queue->running == queue->idle;

			enqueue(queue, task);
			spin_unlock_irqrestore(&queue->lock, flags);
			if (halted)
				tell(cpu);
			return;
		}
		task->cpu = (uint8_t)choose_cpu(task, cpu);
		spin_unlock_irqrestore(&queue->lock, flags);
	}
}

// Under the lock of the queue it belongs to, which is given up: a task that has become runnable,
// and is not on its way into schedule(), goes to where it will run soonest.
static void unlock_and_place(struct run_queue *queue, struct task *task, uint64_t flags)
{
	unsigned last = task->cpu, cpu = choose_cpu(task, last);

	if (cpu == last) {
		bool halted = queue->running == queue->idle;

		enqueue(queue, task);
		spin_unlock_irqrestore(&queue->lock, flags);
		if (halted)
			tell(cpu);
		return;
	}
	task->cpu = (uint8_t)cpu;
	spin_unlock_irqrestore(&queue->lock, flags);
	place(task);
}

// Takes the first task that may run on CPU `to` off a queue; NULL: there is none.
static struct task *take_for(struct run_queue *queue, unsigned to)
{
	uint64_t flags = spin_lock_irqsave(&queue->lock);
	struct task *task, *found = NULL;

	list_for_each_entry (task, &queue->tasks, run_link) {
		if (!allowed_on(task, to))
			continue;
		found = task;
		break;
	}
	if (found) {
		list_del(&found->run_link);
		queue->length--;
		found->cpu = (uint8_t)to;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return found;
}

// Fetches a task from the longest queue, if that has at least `more` tasks more than this CPU's.
static void pull(uint32_t more)
{
	unsigned self = this_cpu()->number, longest = self;
	uint32_t length = __atomic_load_n(&run_queues[self].length, __ATOMIC_RELAXED), most = 0;
	struct task *task;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		uint32_t other = __atomic_load_n(&run_queues[cpu].length, __ATOMIC_RELAXED);

		if (cpu == self || other <= most)
			continue;
		most = other;
		longest = cpu;
	}
	if (longest == self || most < length + more)
		return;
	task = take_for(&run_queues[longest], self);
	if (task)
		place(task);
}

void task_set_allowed(struct task *task, uint64_t allowed)
{
	struct run_queue *queue;
	bool running, queued;
	uint64_t flags;

	__atomic_store_n(&task->allowed, allowed, __ATOMIC_SEQ_CST);
	queue = lock_queue_of(task, &flags);
	running = queue->running == task;
	queued = !list_empty(&task->run_link);
	if (allowed_on(task, task->cpu)) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return;
	}
	if (queued) {
		list_del(&task->run_link);
		queue->length--;
		unlock_and_place(queue, task, flags);
		return;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	if (task == current_task())
		schedule();
	else if (running)
		cpu_kick(cpus[task->cpu], WORK_RESCHED);
}

// ---- switching ----

// Puts the machine into `to`'s place: everything that belongs to a task but its kernel stack.
static void switch_state(struct cpu *cpu, struct task *from, struct task *to)
{
	if (from->fpu && from->state != TASK_DEAD) {
		fpu_save(from->fpu);
		segment_bases_save(&from->fs_base, &from->gs_base);
	}
	if (to->mm != cpu->space)
		machine_enter_space(to->mm);
	if (to->fpu) {
		if (!MUTANT(fpu_not_restored))
			fpu_restore(to->fpu);
		segment_bases_load(to->fs_base, to->gs_base);
		cpu_set_kernel_stack(task_stack_top(to));
		if (__builtin_expect(to->tsc_refused != cpu->tsc_refused, 0))
			cpu_refuse_tsc(to->tsc_refused);
	}
	cpu->current = to;
}

// After a switch, on the new task's stack: gives up the queue's lock. The task before may have
// left for good, which the caller sees to once interrupts are on, or for another CPU.
static struct task *end_switch(void)
{
	struct run_queue *queue = this_queue();
	struct task *dead = queue->dead, *leaving = queue->leaving;

	queue->dead = NULL;
	queue->leaving = NULL;
	spin_unlock(&queue->lock);
	if (__builtin_expect(leaving != NULL, 0))
		place(leaving);
	return dead;
}

static void bury(struct task *dead)
{
	if (!dead)
		return;
	task_release_stack(dead);
	task_put(dead);
}

// The first thing a new task does (context.asm): the second half of schedule().
void task_entered(void);
void task_entered(void)
{
	struct task *dead = end_switch();

	irq_enable();
	bury(dead);
}

// task_cpu_time() says how.
static void switch_clocks(struct task *from, struct task *to)
{
	int64_t now = (int64_t)tsc_read();

	from->cpu_clock += now;
	to->cpu_clock -= now;
}

// Always inline: clang makes it a function of its own for the sake of the trace's site.
static inline __attribute__((always_inline)) void switch_to(struct run_queue *queue,
							    struct task *from, struct task *to)
{
	struct cpu *cpu = this_cpu();

	trace(TRACE_SWITCH, (uint64_t)from->tid, (uint64_t)to->tid, from->state, 0);
	from->switches++;
	from->sleeps += from->state != TASK_RUNNABLE;
	cpu->switches++;
	to->slice = SLICE_TICKS;
	if (from->state == TASK_DEAD)
		queue->dead = from;
	switch_clocks(from, to);
	switch_state(cpu, from, to);
	cpu_clear_work(WORK_SIGNAL);
	if (to->restore_blocked || task_has_signal(to))
		cpu_set_work(WORK_SIGNAL);
	if (__builtin_expect(to->ran_on != cpu->number, 0)) {
		to->ran_on = (uint8_t)cpu->number;
		if (to->rseq)
			cpu_set_work(WORK_MIGRATED);
	}
	context_switch(from, to);
}

void schedule(void)
{
	uint64_t flags = irq_save();
	struct run_queue *queue;
	struct task *from = current_task(), *to, *dead;

	lock_check_may_sleep();
	park_point();
	queue = this_queue();
	cpu_clear_work(WORK_RESCHED);
	spin_lock(&queue->lock);
	if (from->state == TASK_RUNNABLE && from != queue->idle) {
		if (__builtin_expect(allowed_on(from, from->cpu), 1))
			enqueue(queue, from);
		else
			queue->leaving = from;
	}
	to = pick_next(queue);
	queue->running = to;
	if (to != from)
		switch_to(queue, from, to);
	dead = end_switch();
	irq_restore(flags);
	bury(dead);
}

// Under the queue's lock. The task may leave its sleep by itself at the same time, or go on to
// sleep for something else (wait.c), without the lock: hence the exchange, so that a state it has
// set since is never overwritten, TASK_DEAD least of all.
static bool make_runnable(struct task *task, uint8_t asleep)
{
	return __atomic_compare_exchange_n(&task->state, &asleep, TASK_RUNNABLE, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// Gives up the lock. A task that is still on its way into schedule() will see there that it is
// runnable again, and queue itself.
static void unlock_and_queue(struct run_queue *queue, struct task *task, uint64_t flags)
{
	if (queue->running == task)
		spin_unlock_irqrestore(&queue->lock, flags);
	else
		unlock_and_place(queue, task, flags);
}

bool task_wake(struct task *task)
{
	uint64_t flags;
	struct run_queue *queue = lock_queue_of(task, &flags);
	uint8_t state = __atomic_load_n(&task->state, __ATOMIC_RELAXED);

	if (state == TASK_RUNNABLE || state == TASK_DEAD || !make_runnable(task, state)) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return false;
	}
	unlock_and_queue(queue, task, flags);
	return true;
}

// The lock is a full barrier between what the caller has changed and the look at the state, as
// there is one between a sleeper's state and its look at the signals. switch_to() looks after
// `running` was set.
void task_notify(struct task *task)
{
	uint64_t flags;
	struct run_queue *queue = lock_queue_of(task, &flags);
	bool woken = make_runnable(task, TASK_SLEEPING);

	// One that is about to sleep will not, and may not look again.
	if (queue->running == task)
		cpu_kick(cpus[task->cpu], WORK_SIGNAL);
	else if (woken) {
		unlock_and_place(queue, task, flags);
		return;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

void task_start(struct task *task)
{
	uint64_t flags = irq_save();
	unsigned self = this_cpu()->number;

	task->state = TASK_RUNNABLE;
	task->cpu = (uint8_t)choose_cpu(task, self);
	place(task);
	irq_restore(flags);
}

static void count_tick(struct cpu *cpu, struct task *task, bool idle, bool from_ring3)
{
	if (from_ring3)
		task->user_ticks++;
	else
		task->kernel_ticks++;
	if (idle)
		cpu->idle_ticks++;
	else if (from_ring3)
		cpu->user_ticks++;
	else
		cpu->kernel_ticks++;
}

unsigned scheduler_runnable(void)
{
	unsigned count = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		const struct run_queue *queue = &run_queues[cpu];

		count += __atomic_load_n(&queue->length, __ATOMIC_RELAXED);
		count += __atomic_load_n(&queue->running, __ATOMIC_RELAXED) != queue->idle;
	}
	return count;
}

void scheduler_tick(bool from_ring3)
{
	struct run_queue *queue = this_queue();
	struct task *task = this_cpu()->current;

	if (!task)
		return;
	if (this_cpu()->number == 0) {
		timers_expire(clock_monotonic());
		load_tick();
	}
	count_tick(this_cpu(), task, task == queue->idle, from_ring3);
	// A task on its way out may no longer have a process: another CPU reaps it.
	if (task->process && !task->exiting &&
	    (task->process->cpu_limited || !list_empty(&task->process->cpu_timers)))
		cpu_timers_expire(task);
	queue->ticks++;
	if (cpu_count > 1 && queue->ticks % BALANCE_TICKS == 0)
		pull(2);
	if (task == queue->idle || !queue->length)
		return;
	if (task->slice > 1)
		task->slice--;
	else
		cpu_set_work(WORK_RESCHED);
}

// The bit is set before the last look at the queues. Whoever queues a task after that look sees
// the bit, or that this CPU runs its idle task, and interrupts it.
static void idle(struct run_queue *queue, unsigned self)
{
	uint64_t bit = 1ul << self;

	if (cpu_count > 1) {
		__atomic_fetch_or(&idle_cpus, bit, __ATOMIC_SEQ_CST);
		pull(1);
		park_point();
	}
	irq_disable();
	if (!__atomic_load_n(&queue->length, __ATOMIC_RELAXED) && !park_wanted)
		irq_wait();
	irq_enable();
	if (cpu_count > 1)
		__atomic_fetch_and(&idle_cpus, ~bit, __ATOMIC_SEQ_CST);
}

_Noreturn void scheduler_run(void)
{
	struct run_queue *queue = this_queue();
	unsigned self = this_cpu()->number;

	for (;;) {
		schedule();
		if (self == 0)
			process_finish_if_over();
		idle(queue, self);
	}
}
