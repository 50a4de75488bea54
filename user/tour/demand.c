// SPDX-License-Identifier: MIT
//
// N2.9: demand paging: ten MiB reserved at once and touched one after the other.
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <sys/mman.h>

#define MIB   (1ul << 20)
#define STEPS 10

static void touch(char *memory)
{
	for (size_t at = 0; at < MIB; at += page_size())
		*(volatile char *)(memory + at) = 1;
}

static void row(int touched, const struct figures *now, const struct figures *start)
{
	show("%4d MiB  %7lu  %7lu  %7lu  %7lu  %s", touched, kib(now->size), kib(now->resident),
	     now->minor - start->minor, now->major - start->major,
	     bar(kib(now->resident - start->resident), 256));
}

static bool grew_by(const struct figures *now, const struct figures *before, unsigned long pages)
{
	return now->size == before->size && now->resident - before->resident == pages &&
	       now->minor - before->minor == pages && now->major == before->major;
}

static void run(void)
{
	unsigned long pages = MIB / page_size();
	struct figures start, before, now;
	bool exact = true;
	char *memory;

	figures_read(0, &start);
	memory = reserve(STEPS * MIB);
	show("touched      VSZ      RSS   minflt   majflt  (KiB, KiB, faults since the start)");
	figures_read(0, &before);
	row(0, &before, &start);
	check(before.size - start.size == STEPS * pages && before.resident == start.resident,
	      "reserved: VSZ grew by %lu KiB, RSS by %lu", kib(before.size - start.size),
	      kib(before.resident - start.resident));
	for (int i = 0; i < STEPS; i++) {
		touch(memory + i * MIB);
		figures_read(0, &now);
		row(i + 1, &now, &start);
		exact &= grew_by(&now, &before, pages);
		before = now;
	}
	check(exact, "with each MiB, RSS grew by the %lu pages touched, and so did minflt", pages);
	touch(memory);
	figures_read(0, &now);
	check(grew_by(&now, &before, 0), "touched a second time, a MiB costs %lu faults",
	      now.minor - before.minor);
	munmap(memory, STEPS * MIB);
	figures_read(0, &now);
	check(now.size == start.size && now.resident == start.resident,
	      "munmap gives back %lu KiB of addresses and %lu KiB of memory",
	      kib(before.size - now.size), kib(before.resident - now.resident));
}

const struct station station_demand = {
	.id = "N2.9",
	.title = "Demand paging",
	.claim = "memory is found for a page when the page is first touched, by a fault that the "
		 "program does not notice.",
	.look_for = "VSZ stands still while RSS and the count of minor faults climb together.",
	.run = run,
	.seen = "one fault and one frame for each page at its first touch, none at the second; "
		"no fault waited for a device, so all were minor.",
	.code = "mm/fault.c: demand_zero(); mm/frame.c: frame_alloc().",
};
