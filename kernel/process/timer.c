// SPDX-License-Identifier: MIT
//
// A sorted list of timers. There is one for each sleeper with a deadline and each interval timer:
// few, so that walking the list to insert costs less than a cleverer structure would.
//
// `fire` runs with the lock held, which is what makes timer_disarm's promise true: whoever holds
// the lock sees a timer either armed or done. Hence fire must not arm or disarm a timer itself
// (timer_disarm would deadlock) but only wakes, or sends a signal.
#include "kernel/process/timer.h"

#include "kernel/machine/irq.h"

static struct spinlock lock; // guards `timers` and every armed timer
static struct list timers = LIST_INIT(timers);

void timer_arm(struct timer *timer, uint64_t when, void (*fire)(struct timer *timer))
{
	uint64_t flags = spin_lock_irqsave(&lock);
	struct list *before = &timers;
	struct timer *other;

	timer->when = when;
	timer->fire = fire;
	timer->armed = true;
	list_for_each_entry (other, &timers, link) {
		if (other->when > when)
			break;
		before = &other->link;
	}
	list_add(before, &timer->link);
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

void timers_expire(uint64_t now)
{
	uint64_t flags = spin_lock_irqsave(&lock);

	while (!list_empty(&timers)) {
		struct timer *timer = list_first_entry(&timers, struct timer, link);

		if (timer->when > now)
			break;
		list_del(&timer->link);
		timer->armed = false;
		timer->fire(timer);
	}
	spin_unlock_irqrestore(&lock, flags);
}
