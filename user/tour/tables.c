// SPDX-License-Identifier: MIT
//
// N2.15: what page tables cost, and what one flat table would.
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY      sizeof(uint64_t)
#define FAR        ((char *)(1ul << 44)) // an address with nothing anywhere near
#define MIB        (1ul << 20)
#define DENSE      (16 * MIB)
#define PIDS_SHOWN 64

static struct figures before, now;

static bool find_highest(const struct mapping *mapping, void *context)
{
	*(uintptr_t *)context = mapping->end;
	return true;
}

// Touches a page at `address` and shows which tables that took.
static void touch(const char *where, char *address, unsigned tables_wanted)
{
	const struct trace_record *record;
	struct watch seen;
	unsigned made = 0;
	size_t at = 0;

	say("Touch a page %s:", where);
	figures_read(0, &before);
	watch();
	*(volatile char *)address = 1;
	seen = watched();
	figures_read(0, &now);
	while ((record = next_record(seen, &at, TRACE_TABLE_ALLOC, 0))) {
		show_record(record);
		made++;
	}
	check(made == tables_wanted && now.tables - before.tables == made * page_size(),
	      "tables made: %u; page tables take %lu KiB more, %lu in all", made,
	      (now.tables - before.tables) / 1024, now.tables / 1024);
}

static void region(void)
{
	size_t size = 2ul << 30, page = page_size();
	size_t reach = page / ENTRY * page; // of one lowest table
	struct figures start;
	char *memory = mmap(FAR, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!check(memory == FAR, "%lu MiB reserved at %p", size / MIB, (void *)memory))
		return;
	figures_read(0, &start);
	touch("far from all others", memory, 3);
	touch("beside it", memory + page, 0);
	touch("as far on as one lowest table reaches", memory + reach, 1);
	touch("as far on as a table of the next level reaches", memory + page / ENTRY * reach, 2);
	munmap(memory, size);
	figures_read(0, &now);
	check(now.tables == start.tables, "munmap gave the tables back: %lu KiB in all",
	      now.tables / 1024);
}

static unsigned long flat_size(uintptr_t highest)
{
	return highest / page_size() * ENTRY;
}

static void show_processes(void)
{
	show("%5s  %-12s %10s %10s %12s", "pid", "program", "VSZ KiB", "RSS KiB", "tables KiB");
	for (int pid = 1; pid < PIDS_SHOWN; pid++) {
		struct figures other;

		if (figures_read(pid, &other) && other.size)
			show("%5d  %-12s %10lu %10lu %12lu", pid, other.name, kib(other.size),
			     kib(other.resident), other.tables / 1024);
	}
}

// Full tables: one entry for each page.
static void densely_used(void)
{
	unsigned long pages = DENSE / page_size(), least = pages * ENTRY;
	char *memory = reserve(DENSE);

	figures_read(0, &before);
	for (size_t at = 0; at < DENSE; at += page_size())
		memory[at] = 1;
	figures_read(0, &now);
	say("This process has now touched %lu MiB more, all in one piece:", DENSE / MIB);
	show_processes();
	check(now.tables - before.tables >= least &&
		      now.tables - before.tables <= least + 3 * page_size(),
	      "its tables grew by %lu KiB, which is %lu bytes for each page",
	      (now.tables - before.tables) / 1024, (now.tables - before.tables) / pages);
	munmap(memory, DENSE);
}

static void compare_with_flat(void)
{
	uintptr_t highest = 0;
	unsigned long flat;

	maps_each(find_highest, &highest);
	figures_read(0, &now);
	flat = flat_size(highest);
	say("This process uses addresses up to %#lx. A flat table needs an entry of %lu bytes for "
	    "each page up to there, used or not: %lu MiB for each process. The real tables:",
	    highest, ENTRY, flat / MIB);
	show_processes();
	check(now.tables > 0 && now.tables < flat / 1000,
	      "this process's tables are %lu times smaller than the flat one",
	      flat / (now.tables ? now.tables : 1));
}

static void run(void)
{
	compare_with_flat();
	densely_used();
	region();
}

const struct station station_tables = {
	.id = "N2.15",
	.title = "Why page tables are trees",
	.claim = "a hierarchical page table saves memory, because the parts of it that would "
		 "describe unused addresses do not exist.",
	.look_for = "how many tables each touch takes: none beside a used page, three in the "
		    "middle of nowhere.",
	.run = run,
	.seen = "tables come with use and go with it; a flat table would be as large as the "
		"address space is wide.",
	.code = "mm/page_entry.h: page_slot_make() (a table is made), mm/page_unmap.c (it goes "
		"again).",
};
