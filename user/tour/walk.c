// SPDX-License-Identifier: MIT
//
// N2.4: virtual addresses, physical addresses and what is between: addresses of the tour itself,
// taken through its page table level by level.
#include "user/lib/kernel_files.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <string.h>
#include <sys/mman.h>

#define INDEX_BITS 9 // 512 entries of 8 bytes fill a page: Intel SDM vol. 3A, 4.5
#define TOP_LEVEL  4

static const char constant[] = "a constant";
static char variable[] = "a variable";

// The part of an address that chooses the entry at a level.
static unsigned index_of(const void *address, unsigned level)
{
	unsigned shift = (unsigned)__builtin_ctzl(page_size()) + INDEX_BITS * (level - 1);

	return (uintptr_t)address >> shift & ((1u << INDEX_BITS) - 1);
}

static void in_full(const char *address)
{
	unsigned long offset = (uintptr_t)address % page_size();
	struct walk walk;
	bool agree = true;

	say("A variable of this program is at %p. Cut into four indices and an offset, that is "
	    "%u, %u, %u, %u and %lu. The processor reads one entry with each index:",
	    address, index_of(address, 4), index_of(address, 3), index_of(address, 2),
	    index_of(address, 1), offset);
	walk_address(address, &walk);
	for (unsigned i = 0; i < walk.levels; i++) {
		show("%s", walk.level[i].text);
		agree &= walk.level[i].index == index_of(address, TOP_LEVEL - i);
	}
	check(walk.levels == TOP_LEVEL && agree,
	      "the kernel walked %u levels with the indices this program computed", walk.levels);
	check(walk.present && walk.frame > 0,
	      "so %p is byte %lu of frame %#lx: physical address %#lx", address, offset,
	      walk.frame, walk.frame * page_size() + offset);
}

// The last entry of the path, and whether it says what the map says.
static void in_short(const char *what, const void *address)
{
	struct mapping mapping = {.protection = "----"};
	struct walk walk;

	walk_address(address, &walk);
	maps_find(address, &mapping);
	show("%-13s %s %s", what, mapping.protection, walk.level[walk.levels - 1].text);
	check(walk.present && walk.user && walk.executable == (mapping.protection[2] == 'x') &&
		      (!walk.writable || mapping.protection[1] == 'w'),
	      "the entry allows no more than the map: %s", mapping.protection);
}

static void untouched(void)
{
	char *memory = reserve(page_size());
	struct walk before, after;

	say("Memory that was reserved and not touched has no way to it, whatever the map says:");
	walk_address(memory, &before);
	show("%s", before.level[before.levels - 1].text);
	*(volatile char *)memory = 1;
	walk_address(memory, &after);
	show("%s", after.level[after.levels - 1].text);
	check(!before.present && after.present, "absent before the first touch, present after it");
	munmap(memory, page_size());
}

static void run(void)
{
	char local = 0;

	in_full(variable);
	say("The last entry of other addresses, beside the protection that the map has for them:");
	in_short("program text", (const void *)(uintptr_t)run);
	in_short("a constant", constant);
	in_short("a variable", variable);
	in_short("the stack", &local);
	untouched();
}

const struct station station_walk = {
	.id = "N2.4",
	.title = "From a virtual address to a physical one",
	.claim = "a program sees virtual addresses only; each process has a page table, whose "
		 "entries give the physical address and what may be done there.",
	.look_for =
		"how four reads lead from an address to a frame, and what the bits of the last "
		"entry allow.",
	.run = run,
	.seen = "an address is four indices and an offset; the last entry names the frame and "
		"carries the protection that the map promises.",
	.code = "mm/page_table.c: page_table_walk() and page_walk_describe().",
};
