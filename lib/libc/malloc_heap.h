// SPDX-License-Identifier: MIT
//
// The heap: blocks side by side, bins of those that are free, how it grows and shrinks; and blocks
// that are mappings. The first half of malloc.c, which explains it, and for that only. Everything
// from "headers" to "mappings" is called with the lock held, but for die, verify and map.
#pragma once

#include "lib/libc/malloc_block.h"
#include "lib/libc/malloc_narrate.h"
#include "lib/libc/system_call.h"
#include <linux/futex.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE        4096ul
#define GROW_STEP   (128ul << 10) // the heap grows by multiples of this
#define SEGMENT_MIN (1ul << 20)   // a segment got by mmap where brk was refused
#define TRIM_KEEP   (128ul << 10) // all but this much
#define BINS_EXACT  128u          // up to here a bin holds blocks of so many units
#define BINS        512u
#define LOOK_AT     32u // blocks of a bin, before one is taken from a bin above

#define MAP_THRESHOLD     (128ul << 10) // from here up a block is a mapping, at first
#define MAP_THRESHOLD_MAX (32ul << 20)
#define TRIM_ABOVE        (512ul << 10) // this much free at the heap's top: give back, at first

static struct {
	uint32_t lock; // 0 free, 1 held, 2 held and waited for
	uint64_t occupied[BINS / 64];
	struct block *bins[BINS];
	uintptr_t low, extent;            // every segment lies in here; written under the lock
	uintptr_t brk_end;                // where we left brk: just behind a fence
	size_t bytes;                     // of all segments
	size_t map_threshold, trim_above; // atomic
	size_t maps, maps_most;           // mappings, now and at the most; atomic
	size_t mapped, mapped_most;       // their bytes
} heap = {.map_threshold = MAP_THRESHOLD, .trim_above = TRIM_ABOVE};

static __thread bool holding; // the heap's lock

static void (*malloc_narrate)(enum malloc_step step, const void *where, size_t a, size_t b);

static inline void narrate(enum malloc_step step, const void *where, size_t a, size_t b)
{
	if (__builtin_expect(malloc_narrate != NULL, 0))
		malloc_narrate(step, where, a, b);
}

// -- the lock: Drepper, "Futexes Are Tricky", mutex 2

static void futex(int operation, uint32_t value)
{
	system_call4(__NR_futex, (long)&heap.lock, operation | FUTEX_PRIVATE_FLAG, value, 0);
}

static void heap_lock(void)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(&heap.lock, &expected, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&heap.lock, 2, __ATOMIC_ACQUIRE) != 0)
			futex(FUTEX_WAIT, 2);
	holding = true;
}

static void heap_unlock(void)
{
	holding = false;
	if (__atomic_exchange_n(&heap.lock, 0, __ATOMIC_RELEASE) == 2)
		futex(FUTEX_WAKE, 1);
}

// -- headers

// Ends the program. The lock is given up first: a handler of SIGABRT may allocate.
static _Noreturn __attribute__((cold, noinline)) void die(const struct block *block,
							  const char *what)
{
	char line[128];
	int length =
		snprintf(line, sizeof(line), "malloc: block %p: %s\n", payload_of(block), what);

	if (holding)
		heap_unlock();
	system_call3(__NR_write, 2, (long)line, length);
	abort();
}

static void verify(const struct block *block, const char *what)
{
	if (__builtin_expect(check_of_any(block) != block->check, 0))
		die(block, what);
}

#define OVERRUN       "its header is overwritten, probably from the block below"
#define WRITTEN_AFTER "written to after it was freed"

static struct block *verified_above(const struct block *block)
{
	struct block *next = above(block);

	verify(next, OVERRUN);
	return next;
}

// Makes a header for a block that is in use. The one above is told by who calls, where it is new.
static void put_used(struct block *block, size_t units, enum holder holder)
{
	block->size = (uint32_t)units;
	seal(block, holder);
}

// -- bins

static inline unsigned int bin_of(size_t units)
{
	unsigned int power, bin;

	if (units < BINS_EXACT)
		return (unsigned int)units;
	power = 63 - (unsigned int)__builtin_clzl(units); // at least 7
	bin = BINS_EXACT + (power - 7) * 16 + (units >> (power - 4) & 15);
	return bin < BINS ? bin : BINS - 1;
}

// For a cache: the smallest size not below `units` that begins a bin.
static inline size_t rounded_units(size_t units)
{
	size_t step = 1ul << (59 - __builtin_clzl(units | BINS_EXACT));

	if (units < BINS_EXACT)
		return units;
	return (units + step - 1) & -step;
}

static void bin_insert(struct block *block)
{
	unsigned int bin = bin_of(block->size);
	struct block *first = heap.bins[bin];

	block->before = NULL;
	block->next = first;
	seal(block, HOLDER_FREE);
	*size_again(block) = block->size;
	above(block)->below = BELOW_FREE;
	if (first) {
		verify(first, WRITTEN_AFTER);
		first->before = block;
		seal(first, HOLDER_FREE);
	}
	heap.bins[bin] = block;
	heap.occupied[bin / 64] |= 1ull << (bin % 64);
}

// Its next holder is HOLDER_PROGRAM, a cache, or HOLDER_ABSORBED. The block above still takes it
// for free.
static void bin_remove(struct block *block, enum holder holder)
{
	unsigned int bin = bin_of(block->size);
	struct block *next = block->next, *before = block->before;

	verify(block, WRITTEN_AFTER);
	if (next) {
		verify(next, WRITTEN_AFTER);
		next->before = before;
		seal(next, HOLDER_FREE);
	}
	if (before) {
		verify(before, WRITTEN_AFTER);
		before->next = next;
		seal(before, HOLDER_FREE);
	} else {
		heap.bins[bin] = next;
		if (!next)
			heap.occupied[bin / 64] &= ~(1ull << (bin % 64));
	}
	seal(block, holder);
}

// The first bin from `bin` on that holds anything, or BINS.
static unsigned int occupied_bin(unsigned int bin)
{
	for (; bin < BINS; bin = (bin | 63) + 1) {
		uint64_t word = heap.occupied[bin / 64] >> (bin % 64);

		if (word)
			return bin + (unsigned int)__builtin_ctzll(word);
	}
	return BINS;
}

// A free block of at least `units`, still in its bin; NULL when there is none. Only the last bin
// and the one that `units` belongs to hold blocks that are too small.
static struct block *search(size_t units)
{
	unsigned int first = bin_of(units), bin;
	struct block *block = NULL;
	size_t looked_at = 0;

	for (bin = occupied_bin(first); bin < BINS && !block; bin = occupied_bin(bin + 1)) {
		size_t most = bin == BINS - 1 ? SIZE_MAX : looked_at + LOOK_AT;

		for (block = heap.bins[bin]; block; block = block->next) {
			verify(block, WRITTEN_AFTER);
			looked_at++;
			if (block->size >= units)
				break;
			if (looked_at == most) {
				block = NULL;
				break;
			}
		}
	}
	narrate(MALLOC_SEARCHED, block, looked_at, block ? block->size * UNIT : 0);
	return block;
}

// -- growing and shrinking the heap

// Sizes end at 64 GiB.
static bool mergeable(const struct block *neighbour, size_t units)
{
	return neighbour->size + units <= UINT32_MAX;
}

// The free block below, or NULL.
static struct block *free_below(const struct block *block)
{
	uint64_t units = ((const uint64_t *)block)[-1];
	struct block *below = (struct block *)((uintptr_t)block - units * UNIT);

	if (block->below == BELOW_USED)
		return NULL;
	if (block->below != BELOW_FREE)
		die(block, OVERRUN);
	if (units > UINT32_MAX || (uintptr_t)below < heap.low)
		die(block, "the block below was written to after it was freed");
	verify(below, WRITTEN_AFTER);
	if (below->size != units || below->holder != HOLDER_FREE)
		die(below, WRITTEN_AFTER);
	return below;
}

// Merges a block that nobody holds with its free neighbours and puts the result into its bin.
static struct block *release(struct block *block)
{
	struct block *next = verified_above(block), *below = free_below(block);
	size_t units = block->size;

	if (holder_of(next) == HOLDER_FREE && mergeable(next, units)) {
		bin_remove(next, HOLDER_ABSORBED);
		units += next->size;
	}
	if (below && mergeable(below, units)) {
		bin_remove(below, HOLDER_PROGRAM);
		set_holder(block, HOLDER_ABSORBED);
		units += below->size;
		block = below;
	}
	if (block->size != units)
		narrate(MALLOC_COALESCED, block, units * UNIT, 0);
	block->size = (uint32_t)units;
	bin_insert(block);
	return block;
}

// Makes memory up to `end` one free block. `block` is where its header goes: the fence of the
// segment that it continues, or the start of a new one, above which nothing is.
static struct block *add_memory(struct block *block, uintptr_t end)
{
	struct block *fence = (struct block *)(end - HEADER);
	uintptr_t high = heap.low + heap.extent;

	put_used(block, (end - HEADER - (uintptr_t)block) / UNIT, HOLDER_PROGRAM);
	put_used(fence, 0, HOLDER_FENCE);
	if (!heap.low || (uintptr_t)block < heap.low)
		__atomic_store_n(&heap.low, (uintptr_t)block, __ATOMIC_RELAXED);
	__atomic_store_n(&heap.extent, (end > high ? end : high) - heap.low, __ATOMIC_RELAXED);
	return release(block);
}

// The header of a segment's first block: what comes before is none of ours.
static struct block *begin_segment(uintptr_t start)
{
	struct block *block = (struct block *)(start + HEADER);

	block->below = BELOW_USED;
	return block;
}

static uintptr_t round_up(uintptr_t value, uintptr_t step)
{
	return (value + step - 1) & -step;
}

static bool grow_by_brk(size_t bytes)
{
	uintptr_t now = (uintptr_t)system_call1(__NR_brk, 0);
	uintptr_t start = round_up(now, UNIT), end;
	bool granted;

	if (__builtin_add_overflow(start, round_up(bytes, GROW_STEP), &end))
		return false;
	end = round_up(end, PAGE);
	granted = end > now && (uintptr_t)system_call1(__NR_brk, end) == end;
	narrate(MALLOC_BRK, (void *)now, end - now, granted);
	if (!granted)
		return false;
	heap.bytes += end - start;
	if (now == heap.brk_end) {
		struct block *fence = (struct block *)(now - HEADER);

		verify(fence, "the end of the heap is overwritten");
		add_memory(fence, end);
	} else {
		add_memory(begin_segment(start), end);
	}
	heap.brk_end = end;
	return true;
}

static void *map(size_t length)
{
	long result = system_call6(__NR_mmap, 0, (long)length, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *mapped = result < 0 && result >= -(long)PAGE ? NULL : (void *)result;

	narrate(MALLOC_MAPPED, mapped, length, 0);
	return mapped;
}

// More heap, with a free block of at least `bytes` in it.
static bool grow(size_t bytes)
{
	void *segment;

	bytes += 2 * UNIT; // the fence, and what aligning may cost
	if (grow_by_brk(bytes))
		return true;
	bytes = round_up(bytes < SEGMENT_MIN ? SEGMENT_MIN : bytes, PAGE);
	segment = map(bytes);
	if (segment) {
		add_memory(begin_segment((uintptr_t)segment), (uintptr_t)segment + bytes);
		heap.bytes += bytes;
	}
	return segment != NULL;
}

// Gives the heap's top back, but for `keep` bytes, when `block` is there and free and larger than
// `most`. Whether anything was given back.
static bool trim(struct block *block, size_t most, size_t keep)
{
	uintptr_t end = (uintptr_t)above(block) + HEADER, new_end;

	if (block->size * UNIT < most || end != heap.brk_end ||
	    (uintptr_t)system_call1(__NR_brk, 0) != end)
		return false;
	new_end = round_up((uintptr_t)block + UNITS_MIN * UNIT + HEADER + keep, PAGE);
	if (new_end >= end)
		return false;
	bin_remove(block, HOLDER_PROGRAM);
	if ((uintptr_t)system_call1(__NR_brk, (long)new_end) != new_end)
		new_end = end;
	else
		narrate(MALLOC_TRIMMED, (void *)new_end, end - new_end, 0);
	if (heap.low + heap.extent == end)
		__atomic_store_n(&heap.extent, new_end - heap.low, __ATOMIC_RELAXED);
	heap.bytes -= end - new_end;
	heap.brk_end = new_end;
	add_memory(block, new_end);
	return new_end != end;
}

// -- blocks in the heap, with the lock held

// Cuts a block in use down to `units`, freeing the rest when that is enough for a block.
static void split(struct block *block, size_t units)
{
	struct block *next = verified_above(block), *rest;
	size_t left = block->size - units;

	if (left < UNITS_MIN) {
		next->below = BELOW_USED;
		return;
	}
	put_used(block, units, (enum holder)block->holder);
	rest = above(block);
	rest->below = BELOW_USED;
	put_used(rest, left, HOLDER_PROGRAM);
	narrate(MALLOC_SPLIT, rest, units * UNIT, left * UNIT);
	release(rest);
}

static bool empty_inboxes(void);
static bool empty_my_cache(void);

// A block of at least `units`, still in its bin. What caches hold back is taken before the heap
// grows, when it is nobody's, or when it can not grow.
static struct block *search_or_grow(size_t units)
{
	struct block *block = search(units);

	if (!block && empty_inboxes())
		block = search(units);
	if (!block && (grow(units * UNIT) || empty_my_cache()))
		block = search(units);
	return block;
}

static struct block *heap_allocate(size_t units)
{
	struct block *block = search_or_grow(units);

	if (block) {
		bin_remove(block, HOLDER_PROGRAM);
		split(block, units);
	}
	return block;
}

// The same, with the caller's bytes at a multiple of `alignment`: what lies before is freed.
static struct block *heap_allocate_aligned(size_t units, size_t alignment)
{
	struct block *whole = heap_allocate(units + alignment / UNIT + UNITS_MIN), *block = whole;
	uintptr_t payload;
	size_t before;

	if (!whole)
		return NULL;
	payload = (uintptr_t)payload_of(whole);
	if (payload % alignment != 0) {
		payload = round_up(payload + UNITS_MIN * UNIT, alignment);
		block = block_of((void *)payload);
		before = ((uintptr_t)block - (uintptr_t)whole) / UNIT;
		put_used(block, whole->size - before, HOLDER_PROGRAM);
		put_used(whole, before, HOLDER_PROGRAM);
		release(whole);
	}
	split(block, units);
	return block;
}

// Makes a block in use reach `units` without moving it, out of the free block above it and, at
// the top of the heap, out of brk.
static bool extend_in_place(struct block *block, size_t units)
{
	struct block *next = verified_above(block), *end = next;
	size_t room = block->size;

	if (holder_of(next) == HOLDER_FREE) {
		room += next->size;
		end = verified_above(next);
	}
	if (room < units) {
		if ((uintptr_t)end + HEADER != heap.brk_end ||
		    !grow_by_brk((units - room) * UNIT + HEADER))
			return false;
		room = block->size + next->size; // what was the fence is a free block now
	}
	if (room < units || holder_of(next) != HOLDER_FREE || room > UINT32_MAX)
		return false;
	bin_remove(next, HOLDER_ABSORBED);
	put_used(block, room, HOLDER_PROGRAM);
	units += units / 2; // it will grow again
	split(block, units < room ? units : room);
	return true;
}

// -- blocks that are mappings; no lock

static void count_mapping(long maps, size_t bytes)
{
	size_t now = __atomic_add_fetch(&heap.maps, (size_t)maps, __ATOMIC_RELAXED);
	size_t mapped = __atomic_add_fetch(&heap.mapped, bytes, __ATOMIC_RELAXED);

	if (now > __atomic_load_n(&heap.maps_most, __ATOMIC_RELAXED))
		__atomic_store_n(&heap.maps_most, now, __ATOMIC_RELAXED);
	if (mapped > __atomic_load_n(&heap.mapped_most, __ATOMIC_RELAXED))
		__atomic_store_n(&heap.mapped_most, mapped, __ATOMIC_RELAXED);
}

static struct block *mapped_allocate(size_t size, size_t alignment)
{
	size_t front = round_up(sizeof(struct mapping) + HEADER, UNIT), length;
	struct block *block;
	char *start;

	if (__builtin_add_overflow(size, front + PAGE, &length) ||
	    __builtin_add_overflow(length, alignment, &length))
		return NULL;
	length = round_up(size + front + (alignment > UNIT ? alignment : 0), PAGE);
	start = map(length);
	if (!start)
		return NULL;
	block = block_of((void *)round_up((uintptr_t)start + front, alignment));
	block->size = 0;
	mapping_of(block)->length = length;
	mapping_of(block)->offset = (size_t)((char *)block - start);
	seal(block, HOLDER_MAPPED);
	count_mapping(1, length);
	return block;
}

static void mapped_free(struct block *block)
{
	struct mapping mapping = *mapping_of(block);
	char *start = (char *)block - mapping.offset;

	if (mapping.length <= MAP_THRESHOLD_MAX &&
	    mapping.length > __atomic_load_n(&heap.map_threshold, __ATOMIC_RELAXED)) {
		__atomic_store_n(&heap.map_threshold, mapping.length, __ATOMIC_RELAXED);
		__atomic_store_n(&heap.trim_above, 2 * mapping.length, __ATOMIC_RELAXED);
	}
	narrate(MALLOC_UNMAPPED, start, mapping.length, 0);
	count_mapping(-1, -mapping.length);
	system_call2(__NR_munmap, start, mapping.length);
}

// NULL when the kernel can not: the caller then allocates and copies.
static struct block *mapped_resize(struct block *block, size_t size)
{
	struct mapping mapping = *mapping_of(block);
	size_t length;
	long moved;

	if (__builtin_add_overflow(size, mapping.offset + HEADER + PAGE, &length))
		return NULL;
	length = round_up(size + mapping.offset + HEADER, PAGE);
	if (length == mapping.length)
		return block;
	moved = system_call4(__NR_mremap, (long)((char *)block - mapping.offset),
			     (long)mapping.length, (long)length, MREMAP_MAYMOVE);
	if (moved < 0 && moved >= -(long)PAGE)
		return NULL;
	block = (struct block *)(moved + (long)mapping.offset);
	mapping_of(block)->length = length;
	seal(block, HOLDER_MAPPED);
	count_mapping(0, length - mapping.length);
	return block;
}
