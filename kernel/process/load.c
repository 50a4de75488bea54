// SPDX-License-Identifier: MIT
//
// Load averages: see load.h. Tasks that wait for a disk, which Linux counts too, do not exist.
#include "kernel/process/load.h"
#include "kernel/machine/timer.h"
#include "kernel/process/scheduler.h"

#define ONE      (1ul << LOAD_SHIFT)
#define INTERVAL (5 * TICKS_PER_SECOND + 1)

uint64_t load_averages[3];

void load_tick(void)
{
	// 2^11 / e^(5 s / 1 min), / e^(5 s / 5 min), / e^(5 s / 15 min)
	static const uint64_t fading[3] = {1884, 2014, 2037};
	static unsigned ticks; // the first CPU's own
	uint64_t now;

	if (++ticks < INTERVAL)
		return;
	ticks = 0;
	now = scheduler_runnable() * ONE;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before = load_averages[i];
		uint64_t next = before * fading[i] + now * (ONE - fading[i]);

		if (now >= before)
			next += ONE - 1;
		__atomic_store_n(&load_averages[i], next / ONE, __ATOMIC_RELAXED);
	}
}
