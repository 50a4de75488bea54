// SPDX-License-Identifier: MIT
//
// The local APIC: one in each CPU, which takes interrupts from the other CPUs and from its own
// timer (SDM vol. 3A, chapter 11). The first CPU's ticks come from the PIT, through the old
// interrupt controllers; its APIC's timer is for what is due before the next tick.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Vectors of interrupts that come through the local APIC.
enum apic_vector {
	VECTOR_APIC_TIMER = 0xf0,
	VECTOR_RESCHEDULE = 0xf1, // there is something in cpu->work, or on the run queue
	VECTOR_FLUSH = 0xf2,      // there is a request in the mailbox (shootdown.h)
	VECTOR_SPURIOUS = 0xff,   // of lowest priority; is not acknowledged
	VECTOR_APIC_FIRST = VECTOR_APIC_TIMER,
};

// On the first CPU: maps the registers, turns the APIC on, lets the old controllers' interrupts
// through, and measures the timer. `per_second`: the ticks that secondary CPUs will get. False
// when there is no memory, or no APIC that works.
bool apic_start(uint64_t physical, unsigned per_second);
// On a secondary CPU, and its timer.
void apic_start_secondary(void);

// On the first CPU: VECTOR_APIC_TIMER in so many nanoseconds, at most a tick, or a little later.
// Nothing without apic_start().
void apic_timer_once(uint64_t nanoseconds);

// This CPU's number on the bus.
uint8_t apic_id(void);
void apic_acknowledge(void);

// Interrupts another CPU; does not wait until it has been taken.
void apic_send(uint8_t id, enum apic_vector vector);
void apic_send_nmi_to_others(void);
// Resets another CPU, then starts it at the page `page` below 1 MiB (SDM vol. 3A, 9.4.4).
void apic_send_init(uint8_t id);
void apic_send_startup(uint8_t id, uint64_t page);
