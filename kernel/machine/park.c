// SPDX-License-Identifier: MIT
//
// Holding all other CPUs still at a place where they are in the midst of nothing: about to go back
// to ring 3, about to change tasks, or idle. Ring 0 is not preempted and nobody sleeps with a spin
// lock, so each gets there soon, and the one that waits for them holds no spin lock either.
#include "kernel/machine/park.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/spin_wait.h"
#include "lib/spinlock.h"
#include "mm/machine.h"

static struct spinlock park_lock; // held by who wants the others parked
static unsigned owner, depth;     // guarded by it
static uint64_t parked;           // bit n: CPU n stands still; atomic
bool park_wanted;

// With interrupts off, and on the way out no instruction is one that was fetched before: whoever
// held this CPU may have changed the kernel's code.
void park_here(void)
{
	uint64_t bit = 1ul << this_cpu()->number, flags = irq_save();
	struct spin spin = {0};

	__atomic_fetch_or(&parked, bit, __ATOMIC_SEQ_CST);
	spin_wake(cpus[owner]);
	while (__atomic_load_n(&park_wanted, __ATOMIC_ACQUIRE))
		spin_wait(&spin);
	__atomic_fetch_and(&parked, ~bit, __ATOMIC_SEQ_CST);
	spin_wake(cpus[owner]);
	cpuid(0, 0);
	irq_restore(flags);
}

void machine_hold_others(void)
{
	unsigned self = this_cpu()->number;
	uint64_t others = (1ul << cpu_count) - 1;
	struct spin for_lock = {0}, for_others = {0};

	if (cpu_count == 1)
		return;
	if (depth && owner == self) {
		depth++;
		return;
	}
	// Whoever holds the lock waits for this CPU.
	while (!spin_trylock(&park_lock)) {
		park_point();
		spin_wait(&for_lock);
	}
	owner = self;
	depth = 1;
	others &= ~(1ul << self);
	__atomic_store_n(&park_wanted, true, __ATOMIC_SEQ_CST);
	for (uint64_t left = others; left; left &= left - 1)
		cpu_kick(cpus[__builtin_ctzl(left)], WORK_PARK);
	while (__atomic_load_n(&parked, __ATOMIC_ACQUIRE) != others)
		spin_wait(&for_others);
}

void machine_release_others(void)
{
	struct spin spin = {0};

	if (cpu_count == 1 || --depth)
		return;
	__atomic_store_n(&park_wanted, false, __ATOMIC_SEQ_CST);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		if (cpu != owner)
			spin_wake(cpus[cpu]);
	// Not before all have seen it: the next one to ask must not count who is still leaving.
	while (__atomic_load_n(&parked, __ATOMIC_ACQUIRE))
		spin_wait(&spin);
	spin_unlock(&park_lock);
}
