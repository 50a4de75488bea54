// SPDX-License-Identifier: MIT
//
// The general allocator: malloc and its family for programs in ring 3. The same file is tested on
// the reader's machine and runs real programs there as libfaultline-malloc.so.
//
// The heap is a row of blocks, each with a header that gives its size and that of the block below
// it (Knuth's boundary tags), so that a freed block finds its neighbours and merges with those
// that are free. No two free blocks touch. Free blocks hang in 128 bins by size: one bin a size up
// to 1 KiB, then eight bins a doubling, in which the first that fits is taken. The heap grows by
// brk; where brk is refused or was moved by somebody else, a new segment begins. A segment ends in
// a header without a block, the fence, so that no merging runs past it. From MAP_THRESHOLD up a
// block is a mapping of its own, returned to the kernel when freed.
//
// Every header carries a checksum over its fields, its address and, in a free block, its links. It
// is verified before anything in it is believed: a block that was overrun, freed twice, written to
// after it was freed, or never allocated ends the program with a line that names it. It is there
// against mistakes; somebody who knows the constants can forge it.
//
// One lock guards everything; there are no per-thread caches. System calls are made directly, as
// a C library's brk would keep its own idea of the end, and errno is only touched on failure.
#include "lib/libc/malloc_block.h"
#include "lib/libc/malloc_narrate.h"
#include "lib/libc/system_call.h"
#include <errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE          4096ul
#define MAP_THRESHOLD (128ul << 10) // from here up a block is a mapping
#define GROW_STEP     (128ul << 10) // the heap grows by multiples of this
#define SEGMENT_MIN   (1ul << 20)   // a segment got by mmap where brk was refused
#define TRIM_ABOVE    (512ul << 10) // this much free at the top: give back
#define TRIM_KEEP     (128ul << 10) // all but this much
#define BINS          128u
#define BINS_EXACT    64u

static struct {
	uint32_t lock; // 0 free, 1 held, 2 held and waited for
	uint64_t occupied[BINS / 64];
	struct block *bins[BINS];
	uintptr_t low, high; // every segment lies in here
	uintptr_t brk_end;   // where we left brk: just behind a fence
} heap;

void (*malloc_narrate)(enum malloc_step step, const void *where, size_t a, size_t b);

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

	if (__atomic_compare_exchange_n(&heap.lock, &expected, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&heap.lock, 2, __ATOMIC_ACQUIRE) != 0)
		futex(FUTEX_WAIT, 2);
}

static void heap_unlock(void)
{
	if (__atomic_exchange_n(&heap.lock, 0, __ATOMIC_RELEASE) == 2)
		futex(FUTEX_WAKE, 1);
}

// -- headers

// Ends the program. The lock is given up first: a handler of SIGABRT may allocate.
static _Noreturn void die(const struct block *block, const char *what)
{
	char line[128];
	int length =
		snprintf(line, sizeof(line), "malloc: block %p: %s\n", payload_of(block), what);

	heap_unlock();
	system_call3(__NR_write, 2, (long)line, length);
	abort();
}

static void verify(const struct block *block, const char *what)
{
	if (__builtin_expect(checksum(block) != block->check, 0))
		die(block, what);
}

// Makes a header for a block that is in use, and tells the block above how large it is.
static void put_used(struct block *block, uint32_t previous, uint32_t size)
{
	block->previous = previous;
	block->size = size;
	block->state = BLOCK_USED;
	seal(block);
	block = at_units(block, size);
	block->previous = size;
	seal(block);
}

static struct block *block_above(const struct block *block)
{
	struct block *above = at_units(block, block->size);

	verify(above, "its header is overwritten, probably from the block below");
	if (above->previous != block->size)
		die(block, "its size does not agree with the block above");
	return above;
}

// -- bins

static unsigned int bin_of(uint32_t units)
{
	unsigned int power, bin;

	if (units < BINS_EXACT)
		return units;
	power = 31 - (unsigned int)__builtin_clz(units); // at least 6
	bin = BINS_EXACT + (power - 6) * 8 + (units >> (power - 3) & 7);
	return bin < BINS ? bin : BINS - 1;
}

static void bin_insert(struct block *block)
{
	unsigned int bin = bin_of(block->size);
	struct block *first = heap.bins[bin];

	block->state = BLOCK_FREE;
	block->before = NULL;
	block->next = first;
	seal(block);
	if (first) {
		verify(first, "written to after it was freed");
		first->before = block;
		seal(first);
	}
	heap.bins[bin] = block;
	heap.occupied[bin / 64] |= 1ull << (bin % 64);
}

// Its next state is BLOCK_USED, or BLOCK_ABSORBED.
static void bin_remove(struct block *block, enum block_state state)
{
	unsigned int bin = bin_of(block->size);

	verify(block, "written to after it was freed");
	if (block->next) {
		verify(block->next, "written to after it was freed");
		block->next->before = block->before;
		seal(block->next);
	}
	if (block->before) {
		verify(block->before, "written to after it was freed");
		block->before->next = block->next;
		seal(block->before);
	} else {
		heap.bins[bin] = block->next;
		if (!block->next)
			heap.occupied[bin / 64] &= ~(1ull << (bin % 64));
	}
	block->state = state;
	seal(block);
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

// A free block of at least `units`, still in its bin; NULL when there is none.
static struct block *search(uint32_t units)
{
	struct block *block = NULL;
	size_t looked_at = 0;

	for (unsigned int bin = occupied_bin(bin_of(units)); bin < BINS && !block;
	     bin = occupied_bin(bin + 1)) {
		for (block = heap.bins[bin]; block; block = block->next) {
			verify(block, "written to after it was freed");
			looked_at++;
			if (block->size >= units)
				break;
		}
	}
	narrate(MALLOC_SEARCHED, block, looked_at, block ? bytes_of(block) : 0);
	return block;
}

// -- growing and shrinking the heap

// Sizes end at 64 GiB.
static bool mergeable(const struct block *neighbour, uint32_t units)
{
	return neighbour->state == BLOCK_FREE && neighbour->size <= UINT32_MAX - units;
}

// Merges a block that is in no bin with its free neighbours and puts the result into its bin.
static struct block *release(struct block *block)
{
	struct block *above = block_above(block), *below = NULL;
	uint32_t units = block->size;

	if (block->previous) {
		below = at_units(block, -(long)block->previous);
		verify(below, "its header is overwritten, probably from the block below");
	}
	if (mergeable(above, units)) {
		bin_remove(above, BLOCK_ABSORBED);
		units += above->size;
	}
	if (below && mergeable(below, units)) {
		bin_remove(below, BLOCK_USED);
		units += below->size;
		block->state = BLOCK_ABSORBED;
		seal(block);
		block = below;
	}
	if (block->size != units)
		narrate(MALLOC_COALESCED, block, units * UNIT, 0);
	put_used(block, block->previous, units);
	bin_insert(block);
	return block;
}

// Makes `bytes` of fresh memory one free block. `block` is where its header goes: the
// fence of the segment that it continues, or the start of a new one.
static void add_memory(struct block *block, uint32_t previous, uintptr_t end)
{
	struct block *fence = (struct block *)(end - HEADER);

	fence->size = 0;
	fence->state = BLOCK_FENCE; // put_used completes it
	put_used(block, previous, (uint32_t)((end - HEADER - (uintptr_t)block) / UNIT));
	if (!heap.low || (uintptr_t)block < heap.low)
		heap.low = (uintptr_t)block;
	if (end > heap.high)
		heap.high = end;
	release(block);
}

static uintptr_t round_up(uintptr_t value, uintptr_t step)
{
	return (value + step - 1) & -step;
}

static bool grow_by_brk(size_t bytes)
{
	uintptr_t now = (uintptr_t)system_call1(__NR_brk, 0);
	uintptr_t start = round_up(now, UNIT), end;
	struct block *fence;
	bool granted;

	if (__builtin_add_overflow(start, round_up(bytes, GROW_STEP), &end))
		return false;
	end = round_up(end, PAGE);
	granted = end > now && (uintptr_t)system_call1(__NR_brk, end) == end;
	narrate(MALLOC_BRK, (void *)now, end - now, granted);
	if (!granted)
		return false;
	if (now == heap.brk_end) {
		fence = (struct block *)(now - HEADER);
		verify(fence, "the end of the heap is overwritten");
		add_memory(fence, fence->previous, end);
	} else {
		add_memory((struct block *)start, 0, end);
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

	bytes += 2 * HEADER; // the fence, and the unit that aligning may cost
	if (grow_by_brk(bytes))
		return true;
	bytes = round_up(bytes < SEGMENT_MIN ? SEGMENT_MIN : bytes, PAGE);
	segment = map(bytes);
	if (segment)
		add_memory(segment, 0, (uintptr_t)segment + bytes);
	return segment != NULL;
}

// Gives the heap's top back when much of it is free.
static void trim(struct block *block)
{
	uintptr_t end = (uintptr_t)at_units(block, block->size) + HEADER, new_end;
	uint32_t previous;

	if (bytes_of(block) < TRIM_ABOVE || end != heap.brk_end ||
	    (uintptr_t)system_call1(__NR_brk, 0) != end)
		return;
	new_end = round_up((uintptr_t)block + TRIM_KEEP, PAGE);
	previous = block->previous;
	bin_remove(block, BLOCK_USED);
	if ((uintptr_t)system_call1(__NR_brk, (long)new_end) != new_end)
		new_end = end;
	else
		narrate(MALLOC_TRIMMED, (void *)new_end, end - new_end, 0);
	if (heap.high == end)
		heap.high = new_end;
	heap.brk_end = new_end;
	add_memory(block, previous, new_end);
}

// -- blocks in the heap

// Cuts a block in use down to `units`, freeing the rest when that is enough for a block.
static void split(struct block *block, uint32_t units)
{
	struct block *rest = at_units(block, units);
	uint32_t left = block->size - units;

	block_above(block); // sees that it is whole before its header is rewritten
	if (left < UNITS_MIN)
		return;
	put_used(rest, units, left);
	put_used(block, block->previous, units);
	narrate(MALLOC_SPLIT, rest, units * UNIT, left * UNIT);
	release(rest);
}

static struct block *heap_allocate(uint32_t units)
{
	struct block *block = search(units);

	if (!block) {
		if (!grow(units * UNIT))
			return NULL;
		block = search(units);
		if (!block)
			return NULL;
	}
	bin_remove(block, BLOCK_USED);
	split(block, units);
	return block;
}

// The same, with the caller's bytes at a multiple of `alignment`: what lies before is freed.
static struct block *heap_allocate_aligned(uint32_t units, size_t alignment)
{
	uint32_t slack = (uint32_t)(alignment / UNIT) + UNITS_MIN;
	struct block *whole = heap_allocate(units + slack), *block = whole;
	uintptr_t payload;
	uint32_t before;

	if (!whole)
		return NULL;
	payload = (uintptr_t)payload_of(whole);
	if (payload % alignment != 0) {
		payload = round_up(payload + UNITS_MIN * UNIT, alignment);
		block = block_of((void *)payload);
		before = (uint32_t)(((uintptr_t)block - (uintptr_t)whole) / UNIT);
		put_used(block, before, whole->size - before);
		put_used(whole, whole->previous, before);
		release(whole);
	}
	split(block, units);
	return block;
}

// Makes a block in use reach `units` without moving it, out of the free block above it and, at
// the top of the heap, out of brk.
static bool extend_in_place(struct block *block, uint32_t units)
{
	struct block *above = block_above(block);
	uint32_t room = block->size + (above->state == BLOCK_FREE ? above->size : 0);

	if (room < units) {
		struct block *end = above->state == BLOCK_FREE ? block_above(above) : above;

		if ((uintptr_t)end + HEADER != heap.brk_end ||
		    !grow_by_brk((units - room) * UNIT + HEADER))
			return false;
		above = block_above(block);
		room = block->size + (above->state == BLOCK_FREE ? above->size : 0);
	}
	if (room < units || above->state != BLOCK_FREE)
		return false;
	bin_remove(above, BLOCK_ABSORBED);
	put_used(block, block->previous, room);
	split(block, units);
	return true;
}

// -- blocks that are mappings

static struct block *mapped_allocate(size_t size, size_t alignment)
{
	size_t front = sizeof(struct mapping) + HEADER, length;
	struct block *block;
	char *start;

	if (alignment < UNIT)
		alignment = UNIT;
	if (__builtin_add_overflow(size, front + alignment + PAGE, &length))
		return NULL;
	length = round_up(size + front + (alignment > UNIT ? alignment : 0), PAGE);
	start = map(length);
	if (!start)
		return NULL;
	block = block_of((void *)round_up((uintptr_t)start + front, alignment));
	block->previous = 0;
	block->size = 0;
	block->state = BLOCK_MAPPED;
	mapping_of(block)->length = length;
	mapping_of(block)->offset = (size_t)((char *)block - start);
	seal(block);
	return block;
}

static void mapped_free(struct block *block)
{
	struct mapping mapping = *mapping_of(block);
	char *start = (char *)block - mapping.offset;

	narrate(MALLOC_UNMAPPED, start, mapping.length, 0);
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
	seal(block);
	return block;
}

// -- what both kinds share

static size_t usable_bytes(const struct block *block)
{
	if (block->state == BLOCK_MAPPED)
		return mapping_of(block)->length - mapping_of(block)->offset - HEADER;
	return bytes_of(block) - HEADER;
}

static uint32_t units_for(size_t size)
{
	uint32_t units = (uint32_t)((size + HEADER + UNIT - 1) / UNIT);

	return units < UNITS_MIN ? UNITS_MIN : units;
}

// Called with the heap locked; NULL without errno on failure.
static struct block *allocate(size_t size, size_t alignment)
{
	struct block *block;

	narrate(MALLOC_ASKED, NULL, size, size < MAP_THRESHOLD ? units_for(size) * UNIT : 0);
	if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX)
		return NULL;
	if (size >= MAP_THRESHOLD || alignment >= MAP_THRESHOLD)
		block = mapped_allocate(size, alignment);
	else if (alignment <= UNIT)
		block = heap_allocate(units_for(size));
	else
		block = heap_allocate_aligned(units_for(size), alignment);
	if (block)
		narrate(MALLOC_GRANTED, payload_of(block), usable_bytes(block), 0);
	return block;
}

static void *allocate_locked(size_t size, size_t alignment)
{
	struct block *block;

	heap_lock();
	block = allocate(size, alignment);
	heap_unlock();
	if (block)
		return payload_of(block);
	errno = ENOMEM;
	return NULL;
}

// A pointer into nowhere would end in SIGSEGV on reading its header: ask the kernel first. Costs
// a system call, but only for what is not in the heap, and freeing a mapping is one anyway.
static bool readable(const struct block *block)
{
	uintptr_t start = (uintptr_t)mapping_of(block), end = (uintptr_t)payload_of(block);
	unsigned char resident[2];

	if ((uintptr_t)block >= heap.low && (uintptr_t)block < heap.high)
		return true;
	start &= -PAGE;
	return system_call3(__NR_mincore, (long)start, (long)(end - start), (long)resident) !=
	       -ENOMEM;
}

// The block whose bytes the caller passed, after making sure that it is one and is in use.
static struct block *claimed(const void *payload)
{
	struct block *block = block_of(payload);

	if ((uintptr_t)payload % UNIT != 0 || (uintptr_t)payload < PAGE || !readable(block))
		die(block, "was never allocated");
	verify(block, "was never allocated, or its header is overwritten");
	if (block->state == BLOCK_FREE || block->state == BLOCK_ABSORBED)
		die(block, "freed twice, or used after it was freed");
	if (block->state != BLOCK_USED && block->state != BLOCK_MAPPED)
		die(block, "was never allocated");
	return block;
}

static void deallocate(struct block *block)
{
	narrate(MALLOC_FREED, payload_of(block), bytes_of(block), 0);
	if (block->state == BLOCK_MAPPED)
		mapped_free(block);
	else
		trim(release(block));
}

// The block itself, grown or shrunk where it is; a mapping may move. NULL: it takes a copy.
static struct block *resize(struct block *block, size_t size)
{
	if (size > PTRDIFF_MAX)
		return NULL;
	if (block->state == BLOCK_MAPPED)
		return mapped_resize(block, size);
	if (size >= MAP_THRESHOLD)
		return NULL;
	if (units_for(size) <= block->size) {
		split(block, units_for(size));
		return block;
	}
	return extend_in_place(block, units_for(size)) ? block : NULL;
}

// -- the interface

void *malloc(size_t size)
{
	return allocate_locked(size, UNIT);
}

void free(void *payload)
{
	if (!payload)
		return;
	heap_lock();
	deallocate(claimed(payload));
	heap_unlock();
}

void *calloc(size_t count, size_t size)
{
	void *payload;

	if (__builtin_mul_overflow(count, size, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	payload = allocate_locked(size, UNIT);
	if (payload && block_of(payload)->state != BLOCK_MAPPED) // fresh mappings are zero
		memset(payload, 0, size);
	return payload;
}

void *realloc(void *payload, size_t size)
{
	struct block *block, *other;
	size_t kept;

	if (!payload)
		return malloc(size);
	heap_lock();
	block = claimed(payload);
	other = resize(block, size);
	if (!other) {
		other = allocate(size, UNIT);
		if (other) {
			kept = usable_bytes(block) < size ? usable_bytes(block) : size;
			memcpy(payload_of(other), payload, kept);
			deallocate(block);
		}
	}
	heap_unlock();
	if (other)
		return payload_of(other);
	errno = ENOMEM;
	return NULL;
}

void *reallocarray(void *payload, size_t count, size_t size)
{
	if (!__builtin_mul_overflow(count, size, &size))
		return realloc(payload, size);
	errno = ENOMEM;
	return NULL;
}

static bool power_of_two(size_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

void *memalign(size_t alignment, size_t size)
{
	if (power_of_two(alignment))
		return allocate_locked(size, alignment);
	errno = EINVAL;
	return NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **payload, size_t alignment, size_t size)
{
	int saved = errno;
	void *allocated;

	if (!power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	allocated = allocate_locked(size, alignment);
	errno = saved;
	if (!allocated)
		return ENOMEM;
	*payload = allocated;
	return 0;
}

size_t malloc_usable_size(void *payload)
{
	size_t size;

	if (!payload)
		return 0;
	heap_lock();
	size = usable_bytes(claimed(payload));
	heap_unlock();
	return size;
}
