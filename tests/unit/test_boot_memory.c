// SPDX-License-Identifier: MIT
//
// Making sense of the firmware's memory maps. Each map is compared, page by page near every border
// and by samples between, with a model that asks of one page at a time who claims it.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "mm/boot_memory.h"
#include "tests/unit/fake_machine.h"

#define MIB     (1ul << 20)
#define GIB     (1ul << 30)
#define NOTHING (-1)

struct map {
	const char *name;
	struct memory_range ranges[20];
	size_t count;
};

#define MAP(name, ...)                                                 \
	{                                                              \
		name, {__VA_ARGS__},                                   \
			sizeof((struct memory_range[]){__VA_ARGS__}) / \
				sizeof(struct memory_range)            \
	}

static const struct map maps[] = {
	MAP("32 MiB in one piece", {0, 32 * MIB, MEMORY_USABLE},
	    {1 * MIB, 3 * MIB, MEMORY_KERNEL}),
	MAP("what QEMU's BIOS says", {0, 0x9fc00, MEMORY_USABLE},
	    {0x9fc00, 0xa0000, MEMORY_RESERVED}, {0xf0000, 0x100000, MEMORY_RESERVED},
	    {0x100000, 0x7fe0000, MEMORY_USABLE}, {0x7fe0000, 0x8000000, MEMORY_RESERVED},
	    {0xfffc0000, 0x100000000, MEMORY_RESERVED}, {0x100000, 0x345678, MEMORY_KERNEL},
	    {0x346000, 0x346000 + 5000000, MEMORY_MODULE}),
	MAP("64 GiB around a hole below 4 GiB", {0, 3 * GIB, MEMORY_USABLE},
	    {4 * GIB, 65 * GIB, MEMORY_USABLE}, {3 * GIB, 4 * GIB, MEMORY_RESERVED},
	    {2 * MIB, 4 * MIB, MEMORY_KERNEL}),
	MAP("not sorted", {64 * MIB, 128 * MIB, MEMORY_USABLE}, {5 * MIB, 6 * MIB, MEMORY_MODULE},
	    {0, 64 * MIB, MEMORY_USABLE}, {1 * MIB, 2 * MIB, MEMORY_KERNEL},
	    {256 * MIB, 512 * MIB, MEMORY_USABLE}, {2 * MIB, 3 * MIB, MEMORY_BOOT}),
	MAP("usable ranges that overlap", {0, 40 * MIB, MEMORY_USABLE},
	    {20 * MIB, 60 * MIB, MEMORY_USABLE}, {30 * MIB, 35 * MIB, MEMORY_USABLE},
	    {0, 60 * MIB, MEMORY_USABLE}),
	MAP("reserved inside usable and the other way round", {0, 64 * MIB, MEMORY_USABLE},
	    {16 * MIB, 17 * MIB, MEMORY_RESERVED}, {100 * MIB, 200 * MIB, MEMORY_RESERVED},
	    {120 * MIB, 130 * MIB, MEMORY_USABLE}),
	MAP("nothing on a page's border", {0x1001, 0x5fff, MEMORY_USABLE},
	    {0x5fff, 0x9001, MEMORY_USABLE}, {0xa800, 0xa900, MEMORY_USABLE},
	    {0xb100, 0x20000, MEMORY_USABLE}, {0xc0ff, 0xc101, MEMORY_RESERVED},
	    {0xf7ff, 0x10801, MEMORY_MODULE}, {0x12fff, 0x13001, MEMORY_BOOT},
	    {0x15001, 0x15002, MEMORY_KERNEL}),
	MAP("empty ranges", {0, 32 * MIB, MEMORY_USABLE}, {5 * MIB, 5 * MIB, MEMORY_RESERVED},
	    {0, 0, MEMORY_KERNEL}, {7 * MIB, 7 * MIB, MEMORY_USABLE}, {~0ul, ~0ul, MEMORY_USABLE}),
	MAP("ranges that wrap around", {0, 32 * MIB, MEMORY_USABLE},
	    {~0ul - MIB, 4 * MIB, MEMORY_RESERVED}, {20 * MIB, 10 * MIB, MEMORY_KERNEL},
	    {~0ul - 100, 0, MEMORY_USABLE}, {30 * MIB, 0, MEMORY_MODULE}),
	MAP("lies past the end of everything", {0, 64 * MIB, MEMORY_USABLE},
	    {4 * GIB, ~0ul, MEMORY_USABLE}, {PHYSICAL_LIMIT, PHYSICAL_LIMIT + GIB, MEMORY_USABLE},
	    {PHYSICAL_LIMIT - 8192, PHYSICAL_LIMIT + 1, MEMORY_RESERVED},
	    {~0ul - 4096, ~0ul, MEMORY_KERNEL}),
	MAP("everything claims the same", {0, 16 * MIB, MEMORY_USABLE},
	    {1 * MIB, 9 * MIB, MEMORY_RESERVED}, {2 * MIB, 8 * MIB, MEMORY_BOOT},
	    {3 * MIB, 7 * MIB, MEMORY_MODULE}, {4 * MIB, 6 * MIB, MEMORY_KERNEL},
	    {0, 16 * MIB, MEMORY_USABLE}),
	MAP("kernel, modules and boot data outside of what is usable",
	    {16 * MIB, 32 * MIB, MEMORY_USABLE}, {1 * MIB, 2 * MIB, MEMORY_KERNEL},
	    {15 * MIB, 17 * MIB, MEMORY_MODULE}, {31 * MIB, 33 * MIB, MEMORY_BOOT}),
	MAP("nothing at all", {0, 0, MEMORY_RESERVED}),
	MAP("all reserved", {0, ~0ul, MEMORY_RESERVED}, {0, 64 * MIB, MEMORY_RESERVED}),
	MAP("UEFI's patchwork", {0, 0x80000, MEMORY_USABLE}, {0x80000, 0x81000, MEMORY_BOOT},
	    {0x81000, 0xa0000, MEMORY_USABLE}, {0x100000, 0x800000, MEMORY_USABLE},
	    {0x800000, 0x808000, MEMORY_RESERVED}, {0x808000, 0x80b000, MEMORY_USABLE},
	    {0x80b000, 0x80c000, MEMORY_RESERVED}, {0x80c000, 0x810000, MEMORY_USABLE},
	    {0x810000, 0x900000, MEMORY_RESERVED}, {0x900000, 0x1eaf0000, MEMORY_USABLE},
	    {0x100000, 0x3c0000, MEMORY_KERNEL}, {0x1e000000, 0x1e5b3a11, MEMORY_MODULE},
	    {0x85000, 0x86000, MEMORY_BOOT}),
};

// Who has one page: the strongest claim of those that touch it; usable only when one usable range
// covers all of it.
static int model_type(const struct map *map, phys_t page)
{
	static const enum memory_type strongest[] = {MEMORY_KERNEL, MEMORY_MODULE, MEMORY_BOOT,
						     MEMORY_RESERVED, MEMORY_USABLE};

	if (page >= PHYSICAL_LIMIT)
		return NOTHING;
	for (unsigned rank = 0; rank < 5; rank++) {
		enum memory_type type = strongest[rank];

		for (size_t i = 0; i < map->count; i++) {
			const struct memory_range *range = &map->ranges[i];
			bool touches = range->start < page + PAGE_SIZE && range->end > page &&
				       range->start < range->end;
			bool covers = range->start <= page && range->end >= page + PAGE_SIZE;

			if (range->type != type || !(type == MEMORY_USABLE ? covers : touches))
				continue;
			return type == MEMORY_RESERVED ? NOTHING : (int)type;
		}
	}
	return NOTHING;
}

static int sorted_type(const struct boot_memory *memory, phys_t page)
{
	for (size_t i = 0; i < memory->count; i++)
		if (page >= memory->ranges[i].start && page < memory->ranges[i].end)
			return memory->ranges[i].type;
	return NOTHING;
}

static void compare_around(const struct map *map, const struct boot_memory *memory, phys_t address,
			   int pages)
{
	for (int i = -pages; i <= pages; i++) {
		phys_t page = PAGE_ALIGN_DOWN(address) + i * (int64_t)PAGE_SIZE;

		if (model_type(map, page) != sorted_type(memory, page))
			fail_msg("%s: page %#lx is %d instead of %d", map->name, page,
				 sorted_type(memory, page), model_type(map, page));
	}
}

static void assert_in_order(const struct map *map, const struct boot_memory *memory)
{
	for (size_t i = 0; i < memory->count; i++) {
		const struct memory_range *range = &memory->ranges[i], *prev = range - 1;

		if (range->start >= range->end || ((range->start | range->end) & ~PAGE_MASK) ||
		    range->end > PHYSICAL_LIMIT || range->type == MEMORY_RESERVED)
			fail_msg("%s: range %zu is bad", map->name, i);
		if (i && (prev->end > range->start ||
			  (prev->end == range->start && prev->type == range->type)))
			fail_msg("%s: range %zu overlaps or continues the one before", map->name,
				 i);
	}
}

static void compare(const struct map *map)
{
	static struct boot_memory memory;

	boot_memory_sort(&memory, map->ranges, map->count);
	assert_int_equal(memory.dropped, 0);
	assert_in_order(map, &memory);
	compare_around(map, &memory, 40 * MIB, 40 * MIB / PAGE_SIZE);
	for (size_t i = 0; i < map->count; i++) {
		compare_around(map, &memory, map->ranges[i].start, 40);
		compare_around(map, &memory, map->ranges[i].end, 40);
	}
	for (phys_t at = 0; at < 70 * GIB; at += 16 * MIB + PAGE_SIZE)
		compare_around(map, &memory, at, 0);
}

static void maps_are_sorted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		compare(&maps[i]);
}

static void random_maps(void **state)
{
	struct map map = {.name = "random"};

	(void)state;
	fake_seed();
	for (unsigned round = 0; round < 30; round++) {
		map.count = 1 + fake_random(20);
		for (size_t i = 0; i < map.count; i++) {
			phys_t start = fake_random(60 * MIB), size = fake_random(20 * MIB);

			if (fake_random(2)) {
				start = PAGE_ALIGN_DOWN(start);
				size = PAGE_ALIGN_DOWN(size);
			}
			if (fake_random(10) == 0)
				size = -size;
			map.ranges[i] = (struct memory_range){start, start + size,
							      fake_random(MEMORY_MODULE + 1)};
		}
		compare(&map);
	}
}

// With more pieces than there is room for, small usable ones are what goes.
static void too_many_pieces(void **state)
{
	static struct memory_range ranges[500];
	static struct boot_memory memory;

	(void)state;
	for (unsigned i = 0; i < 490; i++)
		ranges[i] = (struct memory_range){(2 * i + 1) * PAGE_SIZE, (2 * i + 2) * PAGE_SIZE,
						  MEMORY_USABLE};
	ranges[490] = (struct memory_range){64 * MIB, 1 * GIB, MEMORY_USABLE};
	ranges[491] = (struct memory_range){68 * MIB, 69 * MIB, MEMORY_MODULE};
	ranges[492] = (struct memory_range){2 * GIB, 2 * GIB + PAGE_SIZE, MEMORY_KERNEL};
	ranges[493] = (struct memory_range){3 * GIB, 3 * GIB + PAGE_SIZE, MEMORY_USABLE};
	boot_memory_sort(&memory, ranges, 494);
	assert_int_equal(memory.count, BOOT_MEMORY_RANGES);
	assert_int_equal(memory.dropped, 490 + 5 - BOOT_MEMORY_RANGES);
	assert_int_equal(sorted_type(&memory, 65 * MIB), MEMORY_USABLE);
	assert_int_equal(sorted_type(&memory, 68 * MIB), MEMORY_MODULE);
	assert_int_equal(sorted_type(&memory, 70 * MIB), MEMORY_USABLE);
	assert_int_equal(sorted_type(&memory, 2 * GIB), MEMORY_KERNEL);
	assert_in_order(&maps[0], &memory);
}

static uint64_t usable_pages(const struct boot_memory *memory)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < memory->count; i++)
		if (memory->ranges[i].type == MEMORY_USABLE)
			pages += (memory->ranges[i].end - memory->ranges[i].start) >> PAGE_SHIFT;
	return pages;
}

// What is taken was usable, is so no longer, and is written down.
static void assert_taken(const struct map *map, const struct boot_memory *memory, phys_t start,
			 uint64_t size, enum frame_kind kind)
{
	size_t count, i = 0;
	const struct boot_taken *taken = boot_memory_taken(&count);

	for (phys_t page = start; page < start + size; page += PAGE_SIZE) {
		assert_int_equal(model_type(map, page), MEMORY_USABLE);
		assert_int_equal(sorted_type(memory, page), NOTHING);
	}
	while (i < count && !(taken[i].start <= start && taken[i].end >= start + size))
		i++;
	assert_true(i < count);
	assert_int_equal(taken[i].kind, kind);
}

static void pages_are_taken(void **state)
{
	static struct boot_memory memory;
	const struct map *map = &maps[3];
	uint64_t usable;
	phys_t at;

	(void)state;
	boot_memory_sort(&memory, map->ranges, map->count);
	usable = usable_pages(&memory);
	at = boot_memory_take(&memory, 1, ~0ul, FRAME_PAGE_TABLE);
	assert_int_equal(at, 512 * MIB - PAGE_SIZE);
	assert_taken(map, &memory, at, PAGE_SIZE, FRAME_PAGE_TABLE);
	at = boot_memory_take(&memory, 1, 128 * MIB, FRAME_PAGE_TABLE);
	assert_int_equal(at, 128 * MIB - PAGE_SIZE);
	assert_taken(map, &memory, at, PAGE_SIZE, FRAME_PAGE_TABLE);
	at = boot_memory_take(&memory, 3, ~0ul, FRAME_KERNEL);
	assert_taken(map, &memory, at, 3 * PAGE_SIZE, FRAME_KERNEL);
	for (unsigned i = 0; i < 40; i++) {
		at = boot_memory_take_aligned(&memory, 2 * MIB, ~0ul, FRAME_FRAME_TABLE);
		assert_int_equal(at & (2 * MIB - 1), 0);
		assert_taken(map, &memory, at, 2 * MIB, FRAME_FRAME_TABLE);
	}
	assert_int_equal(usable_pages(&memory), usable - 5 - 40 * 512);
	assert_in_order(map, &memory);
	assert_int_equal(boot_memory_take(&memory, 1 << 20, ~0ul, FRAME_KERNEL), 0);
	assert_int_equal(boot_memory_take(&memory, 1, PAGE_SIZE, FRAME_KERNEL), 0);
	assert_int_equal(usable_pages(&memory), usable - 5 - 40 * 512);
}

// Until nothing is left that could be given: no page twice, and no range used up wholly.
static void taken_to_the_end(void **state)
{
	static struct boot_memory memory;
	const struct map *map = &maps[10];
	phys_t at, last = ~0ul;
	uint64_t usable;

	(void)state;
	boot_memory_sort(&memory, map->ranges, map->count);
	usable = usable_pages(&memory);
	while ((at = boot_memory_take(&memory, 1, ~0ul, FRAME_SLAB))) {
		assert_true(at < last);
		assert_taken(map, &memory, at, PAGE_SIZE, FRAME_SLAB);
		last = at;
		usable--;
	}
	assert_int_equal(usable_pages(&memory), usable);
	assert_true(usable <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_sorted),  cmocka_unit_test(random_maps),
		cmocka_unit_test(too_many_pieces),  cmocka_unit_test(pages_are_taken),
		cmocka_unit_test(taken_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
