// SPDX-License-Identifier: MIT
//
// Checks on spin locks at run time, in debug builds of the kernel (LOCK_CHECKS); lib/spinlock.h
// sends its calls here then. What is checked, and what is done about it, is in
// kernel/machine/lock_check.c. Elsewhere all of this is nothing.
#pragma once

#ifdef LOCK_CHECKS

#include <stdbool.h>
#include <stdint.h>

struct spinlock;

// How a lock is taken.
#define LOCK_SECOND 1 // of its kind, in an order that the caller knows
#define LOCK_SAVING 2 // by spin_lock_irqsave: it is one that interrupt handlers may take

// In each lock. All zeros is an unnamed one: it is named by the expression and the file that take
// it first.
struct lock_check {
	const char *name, *file; // of its class; constant once known
	uint8_t class;           // its number + 1, 0: not looked up yet
	uint8_t owner;           // the CPU's number + 1 while it is held
};

void lock_check_init(struct spinlock *lock, const char *name, const char *file);
void lock_check_take(struct spinlock *lock, const char *name, const char *file, unsigned how);
bool lock_check_try(struct spinlock *lock, const char *name, const char *file);
void lock_check_release(struct spinlock *lock);

// Interrupts are on from here, whatever is held.
void lock_check_interrupts_on(void);
// An interrupt handler begins, and ends.
void lock_check_interrupt(bool begins);
// The caller may sleep, now or another time: no spin lock may be held.
void lock_check_may_sleep(void);
// Ring 3 goes on: nothing may be held.
void lock_check_leaves_kernel(void);

#else

static inline void lock_check_interrupts_on(void)
{
}

#define lock_check_interrupt(begins) ((void)0)
#define lock_check_may_sleep()       ((void)0)
#define lock_check_leaves_kernel()   ((void)0)

#endif
