// SPDX-License-Identifier: MIT
//
// The local APIC: one in each CPU, which takes interrupts from the other CPUs and from its own
// timer (SDM vol. 3A, chapter 11). Only used when there are several CPUs: a single one has enough
// in the old interrupt controllers and the PIT, which also stay the first CPU's clock.
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

// This CPU's number on the bus.
uint8_t apic_id(void);
void apic_acknowledge(void);

// Interrupts another CPU; does not wait until it has been taken.
void apic_send(uint8_t id, enum apic_vector vector);
void apic_send_nmi_to_others(void);
// Resets another CPU, then starts it at the page `page` below 1 MiB (SDM vol. 3A, 9.4.4).
void apic_send_init(uint8_t id);
void apic_send_startup(uint8_t id, uint64_t page);
