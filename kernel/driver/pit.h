// SPDX-License-Identifier: MIT
//
// The programmable interval timer (8254): every PC has one, and its rate is known.
#pragma once

#include <stdint.h>

#define PIT_HZ 1193182

// Channel 0 interrupts (IRQ_PIT) this many times a second.
void pit_start_tick(unsigned per_second);

// Waits for `count` periods of PIT_HZ (1-65535) and returns how far the time-stamp counter got.
uint64_t pit_measure_tsc(uint16_t count);
