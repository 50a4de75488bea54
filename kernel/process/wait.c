// SPDX-License-Identifier: MIT
//
// Sleeping and waking. See wait.h for the order that makes a lost wake impossible.
#include "kernel/process/wait.h"

#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/timer.h"
#include <linux/errno.h>

void wait_queue_init(struct wait_queue *queue)
{
	spin_lock_init(&queue->lock);
	list_init(&queue->waiters);
}

void wait_join(struct wait_queue *queue, struct waiter *waiter)
{
	uint64_t flags = spin_lock_irqsave(&queue->lock);

	waiter->task = current_task();
	list_add_tail(&queue->waiters, &waiter->link);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_leave(struct wait_queue *queue, struct waiter *waiter)
{
	uint64_t flags = spin_lock_irqsave(&queue->lock);

	list_del(&waiter->link);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void set_state(enum task_state state)
{
	// A full barrier: the state must be visible before the condition is read.
	__atomic_exchange_n(&current_task()->state, state, __ATOMIC_SEQ_CST);
}

void wait_prepare(void)
{
	set_state(TASK_SLEEPING);
}

void wait_cancel(void)
{
	set_state(TASK_RUNNABLE);
}

struct deadline {
	struct timer timer;
	struct task *task;
};

static uint64_t deadline_fire(struct timer *timer)
{
	task_wake(container_of(timer, struct deadline, timer)->task);
	return 0;
}

static bool must_give_up(const struct task *task)
{
	switch ((enum task_state)task->state) {
	case TASK_SLEEPING:
		return signal_pending();
	case TASK_KILLABLE:
		return signal_fatal_pending();
	default:
		return false;
	}
}

static int sleep_until(uint64_t deadline)
{
	struct task *task = current_task();
	struct deadline alarm = {.task = task};
	bool timed_out;

	if (must_give_up(task)) {
		wait_cancel();
		// Even if the signal is gone by then: the restart has to be carried out.
		cpu_set_work(WORK_SIGNAL);
		return -ERESTARTSYS;
	}
	if (deadline == WAIT_FOREVER) {
		schedule();
		return 0;
	}
	if (deadline <= clock_monotonic()) {
		wait_cancel();
		return -ETIMEDOUT;
	}
	timer_arm(&alarm.timer, deadline, deadline_fire);
	schedule();
	timed_out = !timer_disarm(&alarm.timer);
	return timed_out ? -ETIMEDOUT : 0;
}

// Whoever calls one of these waits there: /proc/PID/wchan.
#define NOTE_CALLER() (current_task()->waits_at = (uint32_t)(uintptr_t)__builtin_return_address(0))

int wait_sleep(uint64_t deadline)
{
	NOTE_CALLER();
	return sleep_until(deadline);
}

static int wait_in_state(struct wait_queue *queue, bool (*condition)(void *), void *argument,
			 uint64_t deadline, enum task_state state)
{
	struct waiter waiter;
	int result = 0;

	wait_join(queue, &waiter);
	for (;;) {
		set_state(state);
		if (condition(argument)) {
			wait_cancel();
			result = 0;
			break;
		}
		if (result) {
			wait_cancel();
			break;
		}
		result = sleep_until(deadline);
	}
	wait_leave(queue, &waiter);
	return result;
}

int wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument)
{
	NOTE_CALLER();
	return wait_in_state(queue, condition, argument, WAIT_FOREVER, TASK_SLEEPING);
}

int wait_until_deadline(struct wait_queue *queue, bool (*condition)(void *), void *argument,
			uint64_t deadline)
{
	NOTE_CALLER();
	return wait_in_state(queue, condition, argument, deadline, TASK_SLEEPING);
}

int wait_until_killable(struct wait_queue *queue, bool (*condition)(void *), void *argument)
{
	NOTE_CALLER();
	return wait_in_state(queue, condition, argument, WAIT_FOREVER, TASK_KILLABLE);
}

int wait_until_killable_deadline(struct wait_queue *queue, bool (*condition)(void *),
				 void *argument, uint64_t deadline)
{
	NOTE_CALLER();
	return wait_in_state(queue, condition, argument, deadline, TASK_KILLABLE);
}

void wait_until_uninterruptible(struct wait_queue *queue, bool (*condition)(void *),
				void *argument)
{
	NOTE_CALLER();
	wait_in_state(queue, condition, argument, WAIT_FOREVER, TASK_UNINTERRUPTIBLE);
}

// Most of the time nobody waits. The barrier is the other half of set_state's: either a waiter
// sees what the caller has changed, or it is seen here.
static bool nobody_waits(struct wait_queue *queue)
{
	// A full barrier too: what changed is visible before it is asked who waits.
	__atomic_add_fetch(&queue->wakes, 1, __ATOMIC_SEQ_CST);
	return wait_queue_empty(queue);
}

void wake_all(struct wait_queue *queue)
{
	struct waiter *waiter;
	uint64_t flags;

	if (nobody_waits(queue))
		return;
	flags = spin_lock_irqsave(&queue->lock);
	list_for_each_entry (waiter, &queue->waiters, link)
		task_wake(waiter->task);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wake_one(struct wait_queue *queue)
{
	struct waiter *waiter;
	uint64_t flags;

	if (nobody_waits(queue))
		return;
	flags = spin_lock_irqsave(&queue->lock);
	// One that is awake already has seen, or will see, the change without us.
	list_for_each_entry (waiter, &queue->waiters, link) {
		if (task_wake(waiter->task))
			break;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}
