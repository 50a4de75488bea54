// SPDX-License-Identifier: MIT
//
// Wait queues: how a task sleeps until something becomes true, and how whoever makes it true
// (another task, or an interrupt handler) wakes it.
//
// The rule against lost wakes: a waiter is on the queue and marked as sleeping *before* its
// condition is looked at; whoever changes the condition changes it first and wakes afterwards.
// Nobody may hold a spin lock while sleeping.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <stdbool.h>
#include <stdint.h>

struct task;

struct wait_queue {
	struct spinlock lock; // guards `waiters`; taken with interrupts off
	uint32_t wakes;       // how often it was woken, somebody there or not; atomic
	struct list waiters;  // struct waiter, first come first
};

// One sleeper on one queue: lives on the sleeper's stack.
struct waiter {
	struct list link; // on the queue's `waiters`, guarded by its lock
	struct task *task;
};

#define WAIT_QUEUE_INIT(name)                        \
	{                                            \
		.waiters = LIST_INIT((name).waiters) \
	}
#define WAIT_FOREVER UINT64_MAX

void wait_queue_init(struct wait_queue *queue);

// Whether nobody waits, at this moment. Without the lock: for who has changed the condition and
// passed a barrier since, to whom whoever is missed here need not be woken.
static inline bool wait_queue_empty(const struct wait_queue *queue)
{
	return __atomic_load_n(&queue->waiters.next, __ATOMIC_RELAXED) == &queue->waiters;
}

// Sleeps until condition(argument) holds. 0, or -ERESTARTSYS when a signal has to be handled
// first: the system call then returns that value (kernel/process/signal.h) after undoing what it
// did. `condition` is called without locks; it must not sleep. Process context only.
int wait_until(struct wait_queue *queue, bool (*condition)(void *argument), void *argument);

// The same, but gives up at `deadline` (clock_now(), nanoseconds since boot) with -ETIMEDOUT.
int wait_until_deadline(struct wait_queue *queue, bool (*condition)(void *argument),
			void *argument, uint64_t deadline);

// The same as wait_until, but only a signal that ends the process interrupts it.
int wait_until_killable(struct wait_queue *queue, bool (*condition)(void *argument),
			void *argument);
// The same, or -ETIMEDOUT.
int wait_until_killable_deadline(struct wait_queue *queue, bool (*condition)(void *argument),
				 void *argument, uint64_t deadline);

// The same, whatever signals there are: for waits that are sure to end.
void wait_until_uninterruptible(struct wait_queue *queue, bool (*condition)(void *argument),
				void *argument);

// The pieces, for who waits on several queues (poll): join each queue, mark the task as sleeping
// with wait_prepare, look at the conditions, wait_sleep, look again, leave each queue.
void wait_join(struct wait_queue *queue, struct waiter *waiter);
void wait_leave(struct wait_queue *queue, struct waiter *waiter);
void wait_prepare(void);
// 0 when woken, -ETIMEDOUT, or -ERESTARTSYS. `deadline` may be WAIT_FOREVER.
int wait_sleep(uint64_t deadline);
// Instead of wait_sleep, when there is no need to sleep after all.
void wait_cancel(void);

// Wakes every sleeper, or the one who has slept longest. From anywhere, interrupts included.
void wake_all(struct wait_queue *queue);
void wake_one(struct wait_queue *queue);
