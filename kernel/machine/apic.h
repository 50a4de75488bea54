// SPDX-License-Identifier: MIT
//
// The local APIC: one in each CPU, which takes interrupts from the other CPUs and from its own
// timer (SDM vol. 3A, chapter 11). The first CPU's ticks come from the PIT, through the old
// interrupt controllers; its APIC's timer is for what is due before the next tick.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Vectors of interrupts that come through the local APIC. Those of the upper sixteen get through
// to a CPU that rests: their handlers take no locks.
enum apic_vector {
	VECTOR_APIC_TIMER = 0xe0,
	VECTOR_RESCHEDULE = 0xe1, // there is something in cpu->work, or on the run queue
	VECTOR_WAKE = 0xf0,       // from a rest
	VECTOR_FLUSH = 0xf1,      // there is a request in the mailbox (shootdown.h)
	VECTOR_SPURIOUS = 0xff,   // is not acknowledged
	VECTOR_APIC_FIRST = VECTOR_APIC_TIMER,
};

// On the first CPU: maps the registers, turns the APIC on, lets the old controllers' interrupts
// through, and measures the timer. `per_second`: the ticks that secondary CPUs will get. False
// when there is no memory, or no APIC that works.
bool apic_start(uint64_t physical, unsigned per_second);
// On a secondary CPU, and its timer.
void apic_start_secondary(void);

// On this CPU: VECTOR_APIC_TIMER at `when`, at most a tick after `now` (clock_monotonic()), or a
// little later. Nothing without apic_start(). The handler clears cpu->timer_due first.
void apic_timer_at(uint64_t when, uint64_t now);

// With interrupts off, whatever is held: halts until VECTOR_WAKE or VECTOR_FLUSH has come, but
// for so many nanoseconds, at most a tick, or a little longer. No other interrupt is let in; that
// of the timer comes afterwards.
void apic_rest(uint64_t nanoseconds);

// This CPU's number on the bus.
uint8_t apic_id(void);
void apic_acknowledge(void);

// Interrupts another CPU; does not wait until it has been taken.
void apic_send(uint8_t id, enum apic_vector vector);
void apic_send_nmi_to_others(void);
// Resets another CPU, then starts it at the page `page` below 1 MiB (SDM vol. 3A, 9.4.4).
void apic_send_init(uint8_t id);
void apic_send_startup(uint8_t id, uint64_t page);
