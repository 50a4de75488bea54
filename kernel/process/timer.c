// SPDX-License-Identifier: MIT
//
// A sorted list of timers. There is one for each sleeper with a deadline and each interval timer:
// few, so that walking the list to insert costs less than a cleverer structure would.
//
// `fire` runs with the lock held, which is what makes timer_disarm's promise true: whoever holds
// the lock sees a timer either armed or done. Hence fire must not arm or disarm a timer itself
// (both would deadlock) but only wakes, or sends a signal, and says when it wants to be fired
// again.
#include "kernel/process/timer.h"

#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"

static struct spinlock lock; // guards `timers` and every armed timer
static struct list timers = LIST_INIT(timers);
static bool first_changed; // for the first CPU, by another one; atomic

// What is due before the next tick gets an interrupt. The lock is held. Only the first CPU can
// set its own timer; it is asked to.
static void set_interrupt(void)
{
	uint64_t now = clock_monotonic(), when;

	if (list_empty(&timers))
		return;
	when = list_first_entry(&timers, struct timer, link)->when;
	if (when > now + TICK_NANOSECONDS)
		return;
	if (this_cpu()->number == 0) {
		apic_timer_at(when, now);
		return;
	}
	__atomic_store_n(&first_changed, true, __ATOMIC_RELAXED);
	cpu_kick(cpus[0], 0);
}

// The lock is held.
static void insert(struct timer *timer, uint64_t when)
{
	struct list *before = &timers;
	struct timer *other;

	timer->when = when;
	timer->armed = true;
	list_for_each_entry (other, &timers, link) {
		if (other->when > when)
			break;
		before = &other->link;
	}
	list_add(before, &timer->link);
}

void timer_arm(struct timer *timer, uint64_t when, uint64_t (*fire)(struct timer *timer))
{
	uint64_t flags = spin_lock_irqsave(&lock);

	timer->fire = fire;
	insert(timer, when);
	if (timers.next == &timer->link)
		set_interrupt();
	spin_unlock_irqrestore(&lock, flags);
}

bool timer_disarm(struct timer *timer)
{
	uint64_t flags = spin_lock_irqsave(&lock);
	bool was_armed = timer->armed;

	if (was_armed)
		list_del(&timer->link);
	timer->armed = false;
	spin_unlock_irqrestore(&lock, flags);
	return was_armed;
}

uint64_t timer_when(struct timer *timer)
{
	uint64_t flags = spin_lock_irqsave(&lock);
	uint64_t when = timer->armed ? timer->when : 0;

	spin_unlock_irqrestore(&lock, flags);
	return when;
}

void timers_expire(uint64_t now)
{
	uint64_t flags = spin_lock_irqsave(&lock);

	while (!list_empty(&timers)) {
		struct timer *timer = list_first_entry(&timers, struct timer, link);
		uint64_t again;

		if (timer->when > now)
			break;
		list_del(&timer->link);
		timer->armed = false;
		again = timer->fire(timer);
		if (again)
			insert(timer, again);
	}
	set_interrupt();
	spin_unlock_irqrestore(&lock, flags);
}

void timers_kicked(void)
{
	uint64_t flags;

	if (this_cpu()->number != 0 ||
	    !__atomic_exchange_n(&first_changed, false, __ATOMIC_RELAXED))
		return;
	flags = spin_lock_irqsave(&lock);
	set_interrupt();
	spin_unlock_irqrestore(&lock, flags);
}
