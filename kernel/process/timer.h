// SPDX-License-Identifier: MIT
//
// Things to be done at a later time: by the first CPU, in its tick or in an interrupt of its own
// when they are due before that.
#pragma once

#include "lib/list.h"
#include <stdbool.h>
#include <stdint.h>

struct timer {
	struct list link; // among those armed, soonest first; guarded by the timers' lock
	uint64_t when;    // clock_monotonic()'s time
	bool armed;       // on the list; guarded by the timers' lock
	// In the tick, the lock held (timer.c). When it is to fire again; 0: not by itself.
	uint64_t (*fire)(struct timer *timer);
};

// The timer stays the caller's and must not go away while armed.
void timer_arm(struct timer *timer, uint64_t when, uint64_t (*fire)(struct timer *timer));
// Whether it was still to come. On return it is not running on any CPU.
bool timer_disarm(struct timer *timer);
// When it will fire, 0: not armed.
uint64_t timer_when(struct timer *timer);

// Fires all whose time is not after `now`. On the first CPU, from its interrupts.
void timers_expire(uint64_t now);
// Another CPU has interrupted this one: perhaps because something is due earlier than before.
void timers_kicked(void);
