// SPDX-License-Identifier: MIT
//
// The programmable interval timer (8254): every PC has one, and its rate is known.
#pragma once

#include <stdint.h>

#define PIT_HZ 1193182

// Channel 0 interrupts (IRQ_PIT) this many times a second.
void pit_start_tick(unsigned per_second);

// Rate of the time-stamp counter, measured against the PIT for 20 ms; 0: it could not be.
uint64_t pit_measure_tsc_hz(void);
