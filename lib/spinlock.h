// SPDX-License-Identifier: MIT
//
// A spin lock: for a few instructions' worth of critical section on several CPUs. It does not
// touch the interrupt flag: what an interrupt handler also takes is guarded in kernel/ by the
// irq-saving variant there. Nobody may sleep while holding one; the kernel is not preempted while
// it runs, so a holder always gets to its release.
#pragma once

#include <stdbool.h>

// What a CPU does while it waits for another one: a pause, and in the kernel whatever the other
// may be waiting for (kernel/machine/shootdown.c). Whoever links a file that takes locks defines
// it.
void spin_wait(void);

struct spinlock {
	bool held;
};

static inline void spin_lock(struct spinlock *lock)
{
	while (__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			spin_wait();
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
