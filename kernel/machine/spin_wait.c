// SPDX-License-Identifier: MIT
//
// See spin_wait.h.
#include "kernel/machine/spin_wait.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/shootdown.h"
#include "kernel/machine/timer.h"
#include "lib/spinlock.h"

// Every PAUSE makes QEMU stop and take its global lock, which the interrupt that is waited for
// needs as well; without any, one host thread for all CPUs would not go on to the next.
#define LOOKS_PER_PAUSE 32

// What another CPU does when it runs takes less, and halting costs a few times as much.
#define SPIN_NANOSECONDS 5000
// A rest gets longer with the time that has been waited, so that many do not take the host's time
// from the one they wait for.
#define REST_LEAST_NANOSECONDS 30000
#define REST_MOST_NANOSECONDS  1000000

// For `waited` nanoseconds it has been in vain.
static void rest(struct cpu *cpu, uint64_t waited)
{
	uint64_t flags, length = waited / 2;

	if (length < REST_LEAST_NANOSECONDS)
		length = REST_LEAST_NANOSECONDS;
	if (length > REST_MOST_NANOSECONDS)
		length = REST_MOST_NANOSECONDS;
	flags = irq_save();
	if (__atomic_load_n(&cpu->resting, __ATOMIC_RELAXED)) {
		shootdown_lie_down(cpu);
		apic_rest(length);
		shootdown_rise(cpu);
	}
	cpu->resting = false;
	irq_restore(flags);
}

void spin_wait(struct spin *spin)
{
	struct cpu *cpu = this_cpu();
	uint64_t now;

	if (__builtin_expect(__atomic_load_n(&cpu->flush_from, __ATOMIC_RELAXED) != 0, 0))
		shootdown_answer();
	if (++spin->looks % LOOKS_PER_PAUSE)
		return;
	now = tsc_read();
	if (!spin->began)
		spin->began = now;
	if (cpu_count == 1 || cpu->panic_depth ||
	    clock_nanoseconds(now - spin->began) < SPIN_NANOSECONDS)
		__builtin_ia32_pause();
	else if (!cpu->resting)
		(void)__atomic_exchange_n(&cpu->resting, true, __ATOMIC_SEQ_CST);
	else
		rest(cpu, clock_nanoseconds(now - spin->began));
}

void spin_wake(struct cpu *cpu)
{
	if (__atomic_load_n(&cpu->resting, __ATOMIC_RELAXED) &&
	    __atomic_exchange_n(&cpu->resting, false, __ATOMIC_SEQ_CST))
		apic_send(cpu->apic_id, VECTOR_WAKE);
}
