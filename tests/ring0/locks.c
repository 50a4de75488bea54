// SPDX-License-Identifier: MIT
//
// Mistakes with locks, one a boot, that a debug kernel must report before they do harm. The
// reports are read by tests/scenario/locks.t.
#include "lib/lock_check.h"

#ifdef LOCK_CHECKS

#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/lock_check.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/sleep_lock.h"
#include "lib/spinlock.h"
#include "tests/ring0/ring0.h"

static struct spinlock first, second, third;
static struct spinlock pair[2];
static struct spinlock many[64];
static struct sleep_lock outer, inner, many_sleeping[64];

static void take_both(struct spinlock *a, struct spinlock *b)
{
	spin_lock(a);
	spin_lock(b);
	spin_unlock(b);
	spin_unlock(a);
}

__attribute__((noinline)) static void one_way(void)
{
	take_both(&first, &second);
}

__attribute__((noinline)) static void other_way(void)
{
	take_both(&second, &first);
}

// Their kinds are named after these lines.
static void name_locks(void)
{
	spin_lock_init(&first);
	spin_lock_init(&second);
	spin_lock_init(&third);
	sleep_lock_init(&outer);
	sleep_lock_init(&inner);
}

RING0_PANIC(lock_order)
{
	name_locks();
	one_way();
	other_way();
}

RING0_PANIC(lock_order_of_three)
{
	name_locks();
	take_both(&first, &second);
	take_both(&second, &third);
	take_both(&third, &first);
}

// Whoever only tries does not wait; what is taken after it may.
RING0_PANIC(lock_order_of_tried)
{
	name_locks();
	spin_lock(&first);
	CHECK(spin_trylock(&second));
	spin_unlock(&second);
	spin_unlock(&first);
	other_way();
	CHECK(spin_trylock(&first));
	spin_lock(&second);
}

RING0_PANIC(lock_taken_again)
{
	name_locks();
	spin_lock(&first);
	spin_lock(&first);
}

RING0_PANIC(lock_two_of_a_kind)
{
	for (int i = 0; i < 2; i++)
		spin_lock_init(&pair[i]);
	spin_lock(&pair[0]);
	spin_lock_nested(&pair[1]);
	spin_unlock(&pair[1]);
	spin_lock(&pair[1]);
}

RING0_PANIC(lock_interrupts_on)
{
	name_locks();
	spin_unlock_irqrestore(&first, spin_lock_irqsave(&first));
	irq_enable();
	spin_lock(&first);
}

RING0_PANIC(lock_interrupts_enabled)
{
	name_locks();
	(void)spin_lock_irqsave(&first);
	irq_enable();
}

// A handler takes the first and waits for the second, whose holder a handler interrupts.
RING0_PANIC(lock_interrupts_between)
{
	uint64_t flags;

	name_locks();
	irq_enable();
	spin_lock(&second);
	spin_unlock(&second);
	flags = spin_lock_irqsave(&first);
	spin_lock(&second);
	spin_unlock(&second);
	spin_unlock_irqrestore(&first, flags);
}

static void take_first(struct registers *registers)
{
	(void)registers;
	spin_lock(&first);
	spin_unlock(&first);
}

RING0_PANIC(lock_in_a_handler)
{
	name_locks();
	irq_register(IRQ_PIT, "timer", take_first);
	irq_enable();
	for (;;) {
		spin_lock(&second); // something to interrupt
		spin_unlock(&second);
		spin_lock(&first);
		spin_unlock(&first);
	}
}

static void sleep_there(struct registers *registers)
{
	(void)registers;
	schedule();
}

RING0_PANIC(lock_handler_sleeps)
{
	irq_register(IRQ_PIT, "timer", sleep_there);
	irq_enable();
	for (;;)
		;
}

RING0_PANIC(lock_held_in_schedule)
{
	name_locks();
	spin_lock(&first);
	schedule();
}

RING0_PANIC(lock_held_over_a_user_copy)
{
	uint32_t word = 0;
	uintptr_t page = ring0_user_page(&word, sizeof(word));

	name_locks();
	spin_lock(&first);
	CHECK(user_load32_present(&word, page) == 0);
	copy_from_user(&word, page, sizeof(word));
}

RING0_PANIC(lock_held_over_a_sleep_lock)
{
	name_locks();
	spin_lock(&first);
	sleep_lock_take(&outer);
}

RING0_PANIC(lock_released_by_nobody)
{
	name_locks();
	spin_lock(&first);
	spin_unlock(&first);
	spin_unlock(&first);
}

RING0_PANIC(lock_released_by_another_cpu)
{
	name_locks();
	spin_lock(&first);
	this_cpu()->number = 1;
	spin_unlock(&first);
}

RING0_PANIC(lock_too_many_held)
{
	for (unsigned i = 0; i < 64; i++) {
		spin_lock_init(&many[i]);
		spin_lock_nested(&many[i]);
	}
}

RING0_PANIC(lock_never_released)
{
	name_locks();
	lock_check_set_limits(1000000000, 10000000);
	first.held = true;
	spin_lock(&first);
}

// A system call that is not there, again and again.
static const uint8_t calling[] = {0xb8, 0xff, 0x3f, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};

RING0_PANIC(lock_held_in_ring3)
{
	uintptr_t page = ring0_user_page(calling, sizeof(calling));

	name_locks();
	spin_lock(&first);
	ring0_try_user(page, page + 2048);
}

RING0_PANIC(sleep_lock_held_in_ring3)
{
	uintptr_t page = ring0_user_page(calling, sizeof(calling));

	name_locks();
	sleep_lock_take(&outer);
	ring0_try_user(page, page + 2048);
}

RING0_PANIC(sleep_lock_order)
{
	name_locks();
	sleep_lock_take(&outer);
	sleep_lock_take(&inner);
	sleep_lock_release(&inner);
	sleep_lock_release(&outer);
	sleep_lock_take(&inner);
	sleep_lock_take(&outer);
}

RING0_PANIC(sleep_lock_taken_again)
{
	name_locks();
	sleep_lock_take(&outer);
	sleep_lock_take(&outer);
}

RING0_PANIC(sleep_lock_released_by_nobody)
{
	name_locks();
	sleep_lock_release(&outer);
}

RING0_PANIC(sleep_lock_too_many_held)
{
	for (unsigned i = 0; i < 64; i++) {
		sleep_lock_init(&many_sleeping[i]);
		sleep_lock_take(&many_sleeping[i]);
	}
}

// Only told in the log: there are no more checks then.
RING0_TEST(lock_too_many_kinds)
{
	static char names[LOCK_CLASSES][4];

	name_locks();
	for (unsigned i = 0; i < LOCK_CLASSES; i++) {
		struct spinlock lock;

		names[i][0] = (char)('a' + i / 26);
		names[i][1] = (char)('a' + i % 26);
		lock_check_init(&lock, names[i], __FILE__);
		spin_lock(&lock);
		spin_unlock(&lock);
	}
	spin_lock(&first);
	spin_unlock(&first);
}

// Only told in the log.
RING0_TEST(lock_held_long)
{
	uint64_t start = clock_monotonic();

	name_locks();
	lock_check_set_limits(1000000, 1000000000);
	spin_lock(&first);
	while (clock_monotonic() - start < 2000000)
		;
	spin_unlock(&first);
	lock_check_set_limits(1000000000, 1000000000);
}

#endif
