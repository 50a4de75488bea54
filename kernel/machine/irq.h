// SPDX-License-Identifier: MIT
//
// Interrupts: turning them off and on, and handlers for the sixteen lines of the old controllers.
// Handlers run with interrupts off, on the stack of whoever was interrupted. They touch only what
// is guarded by spin_lock_irqsave: run queue, timers, wait queues, the terminal's input; never
// mm/.
#pragma once

#include "kernel/machine/registers.h"
#include "lib/spinlock.h"
#include <stdint.h>

#define IRQ_PIT  0
#define IRQ_COM2 3
#define IRQ_COM1 4

typedef void irq_handler(struct registers *registers);

// Puts `handler` on line 0-15 and unmasks it. One handler a line.
void irq_register(unsigned line, const char *name, irq_handler *handler);
const char *irq_name(unsigned line); // NULL: nothing uses it

static inline void irq_enable(void)
{
	lock_check_interrupts_on();
	__asm__ volatile("sti" : : : "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

// Turns interrupts off; what they were, for irq_restore().
static inline uint64_t irq_save(void)
{
	uint64_t flags;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void irq_restore(uint64_t flags)
{
	if (flags & (1ul << 9))
		irq_enable();
}

// Sleeps until an interrupt has been handled. Called with interrupts off, returns with them off:
// an interrupt between the caller's last check and the halt is not missed (STI's shadow).
static inline void irq_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

#ifdef LOCK_CHECKS // a macro, because the lock's kind is named by the caller's words
#define spin_lock_irqsave(lock)                                      \
	({                                                           \
		uint64_t flags_before_lock = irq_save();             \
                                                                     \
		lock_check_take(lock, #lock, __FILE__, LOCK_SAVING); \
		flags_before_lock;                                   \
	})
#else
static inline uint64_t spin_lock_irqsave(struct spinlock *lock)
{
	uint64_t flags = irq_save();

	spin_lock(lock);
	return flags;
}
#endif

static inline void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
	spin_unlock(lock);
	irq_restore(flags);
}
