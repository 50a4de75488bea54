// SPDX-License-Identifier: MIT
//
// A lock whose holder may sleep, and touch ring 3's memory: for one reader or writer at a time.
// Taken by tasks only, before any spin lock; who takes it releases it.
#pragma once

#include "kernel/process/wait.h"
#include "lib/lock_check.h"

struct sleep_lock {
	bool held; // atomic
	struct wait_queue queue;
#ifdef LOCK_CHECKS
	struct lock_check check;
#endif
};

#ifdef LOCK_CHECKS                                   // kernel/process/sleep_check.c
void sleep_lock_check_take(struct sleep_lock *lock); // about to wait for it
void sleep_lock_check_taken(struct sleep_lock *lock);
void sleep_lock_check_release(struct sleep_lock *lock);
#else
#define sleep_lock_check_take(lock)    ((void)0)
#define sleep_lock_check_taken(lock)   ((void)0)
#define sleep_lock_check_release(lock) ((void)0)
#endif

static inline void sleep_lock_init(struct sleep_lock *lock)
{
	lock->held = false;
	wait_queue_init(&lock->queue);
}

#ifdef LOCK_CHECKS // named by the caller's words
#define sleep_lock_init(lock)     \
	((sleep_lock_init)(lock), \
	 (void)((lock)->check = (struct lock_check){#lock, __FILE__, 0, 0}))
#endif

// The condition of a wait for it.
static inline bool sleep_lock_grab(void *lock)
{
	return !__atomic_test_and_set(&((struct sleep_lock *)lock)->held, __ATOMIC_ACQUIRE);
}

// Takes the lock if it is free; whether it did.
static inline bool sleep_lock_try(struct sleep_lock *lock)
{
	bool taken = sleep_lock_grab(lock);

	if (taken)
		sleep_lock_check_taken(lock);
	return taken;
}

// 0, or -ERESTARTSYS when the task is being ended.
static inline int sleep_lock_take(struct sleep_lock *lock)
{
	int result = 0;

	sleep_lock_check_take(lock);
	if (!sleep_lock_grab(lock))
		result = wait_until_killable(&lock->queue, sleep_lock_grab, lock);
	if (result == 0)
		sleep_lock_check_taken(lock);
	return result;
}

// Whatever signals come: for what is held for a short time only.
static inline void sleep_lock_take_uninterruptible(struct sleep_lock *lock)
{
	sleep_lock_check_take(lock);
	if (!sleep_lock_grab(lock))
		wait_until_uninterruptible(&lock->queue, sleep_lock_grab, lock);
	sleep_lock_check_taken(lock);
}

// The exchange is a barrier: who is not on the queue yet will see that the lock is free.
static inline void sleep_lock_release(struct sleep_lock *lock)
{
	sleep_lock_check_release(lock);
	(void)__atomic_exchange_n(&lock->held, false, __ATOMIC_SEQ_CST);
	if (!wait_queue_empty(&lock->queue))
		wake_one(&lock->queue);
}
