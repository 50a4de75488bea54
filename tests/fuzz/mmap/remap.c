// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: mremap in all its forms, remap_file_pages.

#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static bool in_window(long result)
{
	return (char *)result >= window && (char *)result < window + window_pages * PAGE;
}

static long call_mremap(struct range from, size_t size, int flags, char *to)
{
	say_range(&from);
	say(" to-size=%#lx flags=%d", size, flags);
	if (to)
		say_address("to", to);
	return syscall(SYS_mremap, from.start, from.size, size, flags, to);
}

// What went elsewhere comes back to a place of the window.
static void bring_back(long result, size_t size)
{
	struct range back = random_range();

	say_result(result);
	if (result == -1 || in_window(result))
		return;
	if (size > window_pages * PAGE)
		size = window_pages * PAGE;
	if (back.start + size > window + window_pages * PAGE)
		back.start = window + window_pages * PAGE - size;
	say_address("back", back.start);
	result =
		syscall(SYS_mremap, result, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, back.start);
	say_result(result);
}

static void shrink(void)
{
	struct range from = random_range();
	size_t size = PAGE * (1 + chance(from.size / PAGE));

	say_result(call_mremap(from, size, chance(2) ? MREMAP_MAYMOVE : 0, NULL));
}

static void grow_in_place(void)
{
	struct range from = random_range();

	say_result(call_mremap(from, from.size + PAGE * (1 + chance(8)), 0, NULL));
}

static void grow_or_move(void)
{
	struct range from = random_range();
	size_t size = from.size + PAGE * (1 + chance(8));

	bring_back(call_mremap(from, size, MREMAP_MAYMOVE, NULL), size);
}

static void move_to(void)
{
	struct range from = random_range(), to = random_range();

	if (chance(2))
		to.size = from.size;
	if (to.start + to.size > window + window_pages * PAGE)
		to.start = window + window_pages * PAGE - to.size;
	say_result(call_mremap(from, to.size, MREMAP_MAYMOVE | MREMAP_FIXED, to.start));
}

static void move_one(void)
{
	struct range from = random_range();

	from.size = PAGE;
	say_result(call_mremap(from, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, random_page()));
}

static void keep_old(void)
{
	struct range from = random_range(), to = random_range();
	int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (chance(2) ? MREMAP_FIXED : 0);

	if (to.start + from.size > window + window_pages * PAGE)
		to.start = window + window_pages * PAGE - from.size;
	bring_back(call_mremap(from, from.size, flags, to.start), from.size);
}

// With an old size of 0 a shared mapping gets a second place; a private one does not.
static void twice(void)
{
	struct range from = random_range(), to = random_range();

	from.size = 0;
	if (chance(3))
		bring_back(call_mremap(from, to.size, MREMAP_MAYMOVE | MREMAP_FIXED, to.start),
			   to.size);
	else
		bring_back(call_mremap(from, to.size, MREMAP_MAYMOVE, NULL), to.size);
}

// Where it might go by itself, that is not allowed: the window's mappings are to stay in it.
static void wrong_remap(void)
{
	struct range from = chance(2) ? wrong_range() : random_range();
	struct range to = chance(2) ? wrong_range() : random_range();
	int flags = chance(12);

	if (flags & MREMAP_MAYMOVE && !(flags & MREMAP_FIXED))
		flags &= ~MREMAP_MAYMOVE;
	bring_back(call_mremap(from, to.size, flags, to.start), to.size);
}

// Only within one shared mapping; of private ones there is nothing to rearrange.
static void rearrange(void)
{
	struct range range = random_range();
	int protection = chance(8) ? 0 : PROT_READ, flags = chance(4) ? 0 : MAP_NONBLOCK;
	unsigned long first = chance(12);

	say_range(&range);
	say(" prot=%d first=%lu flags=%#x", protection, first, flags);
	say_result(
		syscall(SYS_remap_file_pages, range.start, range.size, protection, first, flags));
}

const struct operation remap_operations[] = {
	{"mremap-shrink", shrink, 25},        {"mremap-grow", grow_in_place, 20},
	{"mremap-maymove", grow_or_move, 25}, {"mremap-fixed", move_to, 40},
	{"mremap-page", move_one, 20},        {"mremap-dontunmap", keep_old, 25},
	{"mremap-twice", twice, 10},          {"mremap-wrong", wrong_remap, 25},
	{"remap-file-pages", rearrange, 6},   {},
};
