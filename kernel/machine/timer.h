// SPDX-License-Identifier: MIT
//
// Time: a clock made of the time-stamp counter, and the tick that lets the scheduler preempt.
#pragma once

#include "kernel/machine/registers.h"
#include <stdbool.h>
#include <stdint.h>

#define TICKS_PER_SECOND 100
#define TICK_NANOSECONDS (1000000000ul / TICKS_PER_SECOND)

// Measures the time-stamp counter against the PIT, reads the battery clock, starts the tick (which
// is heard once interrupts are on).
void timer_start(void);

uint64_t clock_monotonic(void); // nanoseconds since boot; never goes back
uint64_t clock_realtime(void);  // nanoseconds since 1970, UTC
// Sets it. False: the machine would have been started before 1970.
bool clock_set_realtime(uint64_t nanoseconds);
uint64_t clock_tsc_hz(void);              // rate of the time-stamp counter
uint64_t clock_nanoseconds(uint64_t tsc); // a difference of it

// The tick's handler: calls scheduler_tick() (kernel/process/scheduler.h), interrupts off.
void timer_tick(struct registers *registers);
// The same on a secondary CPU, whose own timer has to be set for each tick.
void timer_start_secondary(void);
void timer_tick_secondary(struct registers *registers);
