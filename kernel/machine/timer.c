// SPDX-License-Identifier: MIT
//
// Clocks and the tick. The time-stamp counter is trusted to run at one rate: true of every
// processor since 2008 and of QEMU, though QEMU does not say so. Left out: watching for one that
// stops or drifts, and what has been set to go off at a time of the real clock when that is set.
#include "kernel/machine/timer.h"
#include "kernel/driver/log.h"
#include "kernel/driver/pit.h"
#include "kernel/driver/rtc.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/process/scheduler.h"

#define NANOSECONDS    1000000000ul
#define MEASUREMENTS   3
#define TSC_HZ_UNKNOWN NANOSECONDS // better a wrong clock than none

// Constant after timer_start().
static uint64_t tsc_hz, tsc_start;
static uint64_t realtime_start; // changes when the clock is set; atomic
static uint64_t tsc_scale;      // nanoseconds per tick, in units of 2^-32

// A result this close to a whole MHz is one, as under QEMU's -icount, where it is 1 GHz exactly.
static uint64_t measure_hz(void)
{
	uint64_t hz = 0, rounded;

	for (unsigned i = 0; i < MEASUREMENTS && !hz; i++)
		hz = pit_measure_tsc_hz();
	rounded = (hz + 500000) / 1000000 * 1000000;
	if (hz > rounded - rounded / 16384 && hz < rounded + rounded / 16384)
		return rounded;
	return hz ? hz : TSC_HZ_UNKNOWN;
}

void timer_start(void)
{
	tsc_hz = measure_hz();
	tsc_scale = (NANOSECONDS << 32) / tsc_hz;
	tsc_start = tsc_read();
	realtime_start = rtc_read() * NANOSECONDS;
	irq_register(IRQ_PIT, "timer", timer_tick);
	pit_start_tick(TICKS_PER_SECOND);
	log_line("clock: time-stamp counter at %lu.%03lu MHz, tick %u Hz", tsc_hz / 1000000,
		 tsc_hz / 1000 % 1000, TICKS_PER_SECOND);
}

uint64_t clock_nanoseconds(uint64_t tsc)
{
	return (unsigned __int128)tsc * tsc_scale >> 32;
}

uint64_t clock_monotonic(void)
{
	return clock_nanoseconds(tsc_read() - tsc_start);
}

uint64_t clock_realtime(void)
{
	return __atomic_load_n(&realtime_start, __ATOMIC_RELAXED) + clock_monotonic();
}

bool clock_set_realtime(uint64_t nanoseconds)
{
	uint64_t uptime = clock_monotonic();

	if (nanoseconds < uptime)
		return false;
	__atomic_store_n(&realtime_start, nanoseconds - uptime, __ATOMIC_RELAXED);
	return true;
}

uint64_t clock_tsc_hz(void)
{
	return tsc_hz;
}

void timer_tick(struct registers *registers)
{
	scheduler_tick(registers_from_user(registers));
}

void timer_start_secondary(void)
{
	uint64_t now = clock_monotonic();

	this_cpu()->next_tick = now + TICK_NANOSECONDS;
	apic_timer_at(this_cpu()->next_tick, now);
}

// Ticks that are over by now are left out, as the PIT's are. After a rest (apic_rest()) one may
// come twice.
void timer_tick_secondary(struct registers *registers)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = clock_monotonic();
	bool due = cpu->next_tick <= now + TICK_NANOSECONDS / 16;

	if (due)
		cpu->next_tick += TICK_NANOSECONDS;
	if (cpu->next_tick <= now)
		cpu->next_tick = now + TICK_NANOSECONDS;
	apic_timer_at(cpu->next_tick, now);
	if (due)
		timer_tick(registers);
}
