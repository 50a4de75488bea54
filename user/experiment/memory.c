// SPDX-License-Identifier: MIT
//
// The machine's free memory, as something to use up and to get back.
#include "user/experiment/experiment.h"
#include <unistd.h>

#define LEFT     512  // KiB for everybody else,
#define TABLES   256  // and one part in so many for page tables: twice what is needed
#define KEPT     1024 // KiB that the kernel may keep ready after all is over,
#define KEPT_OF  64   // and one part in so many: tables, stacks, slabs
#define PATIENCE 200  // looks, 10 ms apart

unsigned long nearly_all_free(void)
{
	unsigned long free = 0;

	meminfo("MemFree", &free);
	free -= free / TABLES;
	return free > LEFT ? (free - LEFT) * 1024 : 0;
}

bool free_again(unsigned long before, unsigned long *now)
{
	unsigned long kept = KEPT + before / KEPT_OF;

	for (int i = 0; i < PATIENCE; i++) {
		if (meminfo("MemFree", now) && *now + kept >= before)
			return true;
		usleep(10000);
	}
	return false;
}
