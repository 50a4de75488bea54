// SPDX-License-Identifier: MIT
//
// A spin lock: for a few instructions' worth of critical section on several CPUs. It does not
// touch the interrupt flag: what an interrupt handler also takes is guarded in kernel/ by the
// irq-saving variant there. Nobody may sleep while holding one; the kernel is not preempted while
// it runs, so a holder always gets to its release. docs/locking.md has all locks and their order;
// debug builds check it, and more (lib/lock_check.h): a lock's kind is where it is initialised, or
// for one that is only zeroed, where it is taken first.
#pragma once

#include "lib/lock_check.h"
#include <stdbool.h>
#include <stdint.h>

// How long somebody has been waiting for another CPU: all zero at first.
struct spin {
	unsigned looks; // that were in vain
	uint64_t began; // spin_wait()'s own
};

// What a CPU does between two looks at what another one is to change: whatever the other may be
// waiting for, then a pause, and after a while a rest (kernel/machine/spin_wait.c). Whoever links
// a file that takes locks defines it.
void spin_wait(struct spin *spin);

struct spinlock {
	bool held;
#ifdef LOCK_CHECKS
	struct lock_check check;
#endif
};

// Takes the lock, which somebody has.
void spin_lock_contended(struct spinlock *lock);

static inline void spin_lock(struct spinlock *lock)
{
	if (__builtin_expect(__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE), 0))
		spin_lock_contended(lock);
}

// Takes the lock if it is free; whether it did.
static inline bool spin_trylock(struct spinlock *lock)
{
	return !__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE);
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_clear(&lock->held, __ATOMIC_RELEASE);
}

#ifdef LOCK_CHECKS
#define spin_lock_init(lock)   lock_check_init(lock, #lock, __FILE__)
#define spin_lock(lock)        lock_check_take(lock, #lock, __FILE__, 0)
#define spin_lock_nested(lock) lock_check_take(lock, #lock, __FILE__, LOCK_SECOND)
#define spin_trylock(lock)     lock_check_try(lock, #lock, __FILE__)
#define spin_unlock(lock)      lock_check_release(lock)
#else
static inline void spin_lock_init(struct spinlock *lock)
{
	lock->held = false;
}

// The second lock of a kind: the caller knows an order among them, or that nobody else can have
// it.
static inline void spin_lock_nested(struct spinlock *lock)
{
	spin_lock(lock);
}
#endif
