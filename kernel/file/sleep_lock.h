// SPDX-License-Identifier: MIT
//
// A lock whose holder may sleep, and touch ring 3's memory: for one reader or writer at a time.
#pragma once

#include "kernel/process/wait.h"

struct sleep_lock {
	bool held; // atomic
	struct wait_queue queue;
};

static inline void sleep_lock_init(struct sleep_lock *lock)
{
	lock->held = false;
	wait_queue_init(&lock->queue);
}

static inline bool sleep_lock_try(void *lock)
{
	return !__atomic_test_and_set(&((struct sleep_lock *)lock)->held, __ATOMIC_ACQUIRE);
}

// 0, or -ERESTARTSYS when the task is being ended.
static inline int sleep_lock_take(struct sleep_lock *lock)
{
	if (sleep_lock_try(lock))
		return 0;
	return wait_until_killable(&lock->queue, sleep_lock_try, lock);
}

// Whatever signals come: for what is held for a short time only.
static inline void sleep_lock_take_uninterruptible(struct sleep_lock *lock)
{
	if (!sleep_lock_try(lock))
		wait_until_uninterruptible(&lock->queue, sleep_lock_try, lock);
}

// The exchange is a barrier: who is not on the queue yet will see that the lock is free.
static inline void sleep_lock_release(struct sleep_lock *lock)
{
	(void)__atomic_exchange_n(&lock->held, false, __ATOMIC_SEQ_CST);
	if (!wait_queue_empty(&lock->queue))
		wake_one(&lock->queue);
}
