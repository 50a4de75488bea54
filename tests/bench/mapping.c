// SPDX-License-Identifier: MIT
//
// What changes of the address space cost: brk and the mmap family.

#define _GNU_SOURCE // MREMAP_*
#include "tests/bench/bench.h"
#include <stddef.h>
#include <sys/mman.h>

static void move_brk(long from, long step)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		long wanted = from + step * (i + 1);
		uint64_t since = now();
		long got = call(SYS_brk, wanted, 0, 0, 0);

		sample(since, now());
		if (got != wanted)
			fail("brk");
	}
}

void measure_brk(void)
{
	long start = (call(SYS_brk, 0, 0, 0, 0) + PAGE) & -PAGE;

	call(SYS_brk, start, 0, 0, 0);
	move_brk(start, PAGE);
	report("brk-up", 1);
	move_brk(start + SAMPLES * PAGE, -PAGE);
	report("brk-down", 1);
}

void measure_munmap(void)
{
	uint64_t pages = 1024;

	for (unsigned i = 0; i < 16; i++) {
		char *block = reserve_touched(pages);
		uint64_t since = now();

		call(SYS_munmap, (long)block, pages * PAGE, 0, 0);
		sample(since, now());
	}
	report("munmap-page", pages);
}

static char *map_at(char *place, uint64_t size, int prot, int more)
{
	long got = call6(SYS_mmap, (long)place, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | more, -1,
			 0);

	if (got < 0 && got > -4096)
		fail("mmap");
	return (char *)got;
}

static void must(long result, const char *what)
{
	if (result)
		fail(what);
}

// MAP_NORESERVE: the machine has less memory than is asked for.
static void map_and_unmap(uint64_t size)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();
		char *block = map_at(NULL, size, PROT_READ | PROT_WRITE, MAP_NORESERVE);

		must(call(SYS_munmap, (long)block, size, 0, 0), "munmap");
		sample(since, now());
	}
}

void measure_mmap(void)
{
	map_and_unmap(PAGE);
	report("mmap-munmap", 1);
	map_and_unmap(1ul << 30);
	report("mmap-munmap-1GiB", 1);
}

static char *blocks[1000];
#define BLOCKS (sizeof blocks / sizeof blocks[0])

// Neighbours of different protection cannot be merged.
static void map_blocks(void)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = map_at(NULL, PAGE, PROT_READ | (i % 2 ? PROT_WRITE : 0), 0);
}

static void unmap_blocks(void)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		must(call(SYS_munmap, (long)blocks[i], PAGE, 0, 0), "munmap");
}

void measure_mappings(void)
{
	for (unsigned round = 0; round < 8; round++) {
		uint64_t since = now();

		map_blocks();
		sample(since, now());
		unmap_blocks();
	}
	report("mappings", BLOCKS);
	for (unsigned round = 0; round < 8; round++) {
		uint64_t since;

		map_blocks();
		since = now();
		unmap_blocks();
		sample(since, now());
	}
	report("unmappings", BLOCKS);
}

static void protect_by_turns(char *start, uint64_t size)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		int prot = i % 2 ? PROT_READ | PROT_WRITE : PROT_READ;
		uint64_t since = now();

		must(call(SYS_mprotect, (long)start, size, prot, 0), "mprotect");
		sample(since, now());
	}
}

// Of touched pages. What lies around cannot be merged with them; in the middle, going there splits
// a mapping in three and coming back makes it one again.
void measure_mprotect(void)
{
	const uint64_t large = 1ul << 20;
	char *around = map_at(NULL, large + 2 * PAGE, PROT_NONE, 0);
	char *block = map_at(around + PAGE, large, PROT_READ | PROT_WRITE, MAP_FIXED);
	char *page;

	for (uint64_t at = 0; at < large; at += PAGE)
		write_to(block + at);
	protect_by_turns(block, large);
	report("mprotect-1MiB", 1);
	page = block + large / 2;
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		must(call(SYS_mprotect, (long)page, PAGE, PROT_READ, 0), "mprotect");
		must(call(SYS_mprotect, (long)page, PAGE, PROT_READ | PROT_WRITE, 0), "mprotect");
		sample(since, now());
	}
	report("mprotect-middle", 2);
	munmap(block + PAGE, large - PAGE);
	protect_by_turns(block, PAGE);
	report("mprotect", 1);
	munmap(around, large + 2 * PAGE);
}

// Touched, to and fro between places that whole page tables can move between.
void measure_mremap(void)
{
	const uint64_t size = 64ul << 20, table = 2ul << 20;
	char *room = map_at(NULL, 2 * size + table, PROT_NONE, 0);
	char *place = (char *)(((uintptr_t)room + table - 1) & -table), *other = place + size;

	munmap(room, 2 * size + table);
	map_at(place, size, PROT_READ | PROT_WRITE, MAP_FIXED);
	for (uint64_t at = 0; at < size; at += PAGE)
		write_to(place + at);
	for (unsigned i = 0; i < 32; i++) {
		char *before = place;
		uint64_t since = now();
		long got = call6(SYS_mremap, (long)place, size, size,
				 MREMAP_MAYMOVE | MREMAP_FIXED, (long)other, 0);

		sample(since, now());
		if (got != (long)other)
			fail("mremap");
		place = other;
		other = before;
	}
	report("mremap-64MiB", 1);
	munmap(place, size);
}

void measure_madvise(void)
{
	const uint64_t pages = 1024;
	char *block = reserve(pages);

	for (unsigned i = 0; i < 16; i++) {
		uint64_t since;

		for (uint64_t at = 0; at < pages; at++)
			write_to(block + at * PAGE);
		since = now();
		must(call(SYS_madvise, (long)block, pages * PAGE, MADV_DONTNEED, 0), "madvise");
		sample(since, now());
	}
	report("madvise-page", pages);
	munmap(block, pages * PAGE);
}
