// SPDX-License-Identifier: MIT
//
// The general allocator: malloc and free, for programs in ring 3 and, as libfaultline-malloc.so,
// on the reader's machine. To be read from here to the end, after malloc_block.h.
//
// The heap is a row of blocks. A header of eight bytes before each says how large it is and who
// has it; the caller's bytes follow, up to the next header:
//
//	  low                                                              brk_end
//	  |hd| caller's bytes |hd|next|before|     size|hd| caller's bytes |hd|
//	  '------ used -------'--------- free --------'------ used --------'fence
//
// A free block has its size at its end too (Knuth's boundary tags), and a bit in the header above
// says that it is free: so a freed block finds its neighbours and merges with those that are free,
// and no two free blocks touch. Free blocks hang in bins by size. The heap grows by brk; where brk
// is refused or was moved by somebody else, a new segment begins. A segment ends in a header
// without a block, the fence, so that no merging runs past it. One lock guards all of this.
//
// In front of the heap each thread has a cache: lists of blocks of one size up to 32 KiB, from
// which malloc takes and to which free gives without lock or atomic instruction. An empty list is
// refilled with several blocks at a time, a full one gives half of what it has back, and both make
// it larger for the next time. A block that another thread frees than the one that got it goes to
// the inbox of the cache it came from, by one atomic instruction:
//
//	thread 1                       thread 2
//	  | ^  malloc, free              | ^
//	  v |                            v |        free of a block from 1
//	cache 1 <- inbox 1             cache 2 -----------------------------> inbox 1
//	    ^  |  several at a time, with the lock
//	    |  v
//	  heap: bins                     large blocks: a mapping each
//
// The cache of a thread that ends goes to the next new one. What still comes back to it is taken
// from its inbox before the heap grows.
//
// Large blocks are mappings of their own. When one is freed, the next of that size come from the
// heap instead: who frees a size probably wants it again. The heap's top goes back to the kernel
// when much of it is free, and more has to be free each time that turned out to be a mistake.
//
// Nothing in a header or a free block is believed unchecked. A header's tag is made of its size,
// its address, who has the block, and a number that is another one in each run. Links in a bin
// lead to free blocks only, and those lead back; beside a link in a list stands a guard of that
// number. A block that was overrun, freed twice, written to after it was freed, or never allocated
// ends the program with a line that names it. Who can read the heap can forge tags and guards:
// they are against mistakes, and against those who can only write.
#include "lib/libc/malloc_block.h"
#include "lib/libc/malloc_layer.h"
#include "lib/libc/malloc_lock.h"
#include "lib/libc/malloc_thread.h"
#include <errno.h>
#include <linux/mman.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// -- the heap

#define LOOK_AT    32u            // blocks of a bin, before one is taken from a bin above
#define GROW_STEP  (128ul << 10)  // the heap grows by multiples of this
#define SEGMENT    (1ul << 20)    // at least so much by mmap where brk was refused
#define MAP_FROM   (128ul << 10)  // from here up a block is a mapping, at first
#define MAP_MOST   (32ul << 20)   // and in the end
#define TRIM_ABOVE (512ul << 10)  // so much free at the top is given back, at first
#define TRIM_MOST  (2 * MAP_MOST) // and in the end

static struct {
	uint64_t occupied[BINS / 64];
	struct block *bins[BINS];
	SHARED uintptr_t low;        // every segment lies above; written under the lock
	SHARED uintptr_t extent;     // and in so many UNITs from there; the same
	uintptr_t brk_end;           // where we left brk: just behind a fence
	size_t bytes;                // of all segments
	size_t map_from, trim_above; // atomic
	bool trimmed;                // and not grown since
	size_t maps, maps_most, mapped, mapped_most; // number and bytes of mappings; atomic
} heap = {.map_from = MAP_FROM, .trim_above = TRIM_ABOVE};

static void (*malloc_narrate)(enum malloc_step step, const void *where, size_t a, size_t b);

static inline void narrate(enum malloc_step step, const void *where, size_t a, size_t b)
{
	if (unlikely(malloc_narrate != NULL))
		malloc_narrate(step, where, a, b);
}

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

#define OVERRUN       "its header is overwritten, probably from the block below"
#define WRITTEN_AFTER "written to after it was freed"

static inline unsigned int verify(const struct block *block, const char *what)
{
	unsigned int holder = holder_of(block);

	if (unlikely(holder >= HOLDERS))
		die(block, what);
	return holder;
}

// Aligned, too: what is not turns into a large number.
static inline bool in_heap(const struct block *block)
{
	uintptr_t offset = (uintptr_t)block - heap.low;

	return (offset >> 4 | offset << 60) < heap.extent;
}

// -- bins: free blocks by size. From here to "mappings" the lock is held.

static void bin_insert(struct block *block, size_t size)
{
	unsigned int bin = bin_of(size);
	struct block *first = heap.bins[bin];

	put(block, size, below_of(block), FREE);
	*size_again(block) = size;
	set_below(above(block), BELOW_FREE);
	block->before = NULL;
	block->next = first;
	if (first)
		first->before = block;
	heap.bins[bin] = block;
	heap.occupied[bin / 64] |= 1ull << (bin % 64);
}

// Whether a link leads to a free block. That it leads back is for the caller to see.
static inline bool leads_to_free(const struct block *link)
{
	return in_heap(link) && holder_of(link) == FREE;
}

// The caller gives the block a new header, and tells the block above, which still takes it for
// free.
static void bin_remove(struct block *block)
{
	unsigned int bin = bin_of(size_of(block));
	struct block *next = block->next, *before = block->before;

	if (next && unlikely(!leads_to_free(next) || next->before != block))
		die(block, WRITTEN_AFTER);
	if (before) {
		if (unlikely(!leads_to_free(before) || before->next != block))
			die(block, WRITTEN_AFTER);
		before->next = next;
	} else {
		if (unlikely(heap.bins[bin] != block))
			die(block, WRITTEN_AFTER);
		heap.bins[bin] = next;
		if (!next)
			heap.occupied[bin / 64] &= ~(1ull << (bin % 64));
	}
	if (next)
		next->before = before;
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

// A free block of at least `size`, still in its bin; NULL when there is none. Of the bin that
// `size` belongs to some blocks are too small, but none in those above.
static struct block *search(size_t size)
{
	unsigned int bin = bin_of(size);
	struct block *block = heap.bins[bin];
	size_t looked_at = 0;

	while (block && size_of(block) < size) {
		if (unlikely(block->next && !leads_to_free(block->next)))
			die(block, WRITTEN_AFTER);
		block = ++looked_at < LOOK_AT ? block->next : NULL;
	}
	if (!block) {
		bin = occupied_bin(bin + 1);
		block = bin < BINS ? heap.bins[bin] : NULL;
	}
	looked_at += block != NULL;
	if (block && verify(block, WRITTEN_AFTER) != FREE)
		die(block, WRITTEN_AFTER);
	narrate(MALLOC_SEARCHED, block, looked_at, block ? size_of(block) : 0);
	return block;
}

// -- merging and cutting

// The free block below, or NULL.
static struct block *free_below(const struct block *block)
{
	uint64_t size;
	struct block *below;

	if (!below_of(block))
		return NULL;
	size = ((const uint64_t *)block)[-1];
	below = (struct block *)((uintptr_t)block - size);
	if (size > SIZE_MOST || size % UNIT != 0 || (uintptr_t)below < heap.low)
		die(block, "the block below was written to after it was freed");
	if (size_of(below) != size || verify(below, WRITTEN_AFTER) != FREE)
		die(below, WRITTEN_AFTER);
	return below;
}

// Merges a block that nobody holds with its free neighbours and puts the result into its bin.
static struct block *release(struct block *block)
{
	struct block *next = above(block), *below = free_below(block);
	size_t size = size_of(block);

	if (verify(next, OVERRUN) == FREE && size_of(next) + size <= SIZE_MOST) {
		bin_remove(next);
		set_holder(next, ABSORBED);
		size += size_of(next);
	}
	if (below && size_of(below) + size <= SIZE_MOST) {
		bin_remove(below);
		set_holder(block, ABSORBED);
		size += size_of(below);
		block = below;
	}
	if (size_of(block) != size)
		narrate(MALLOC_COALESCED, block, size, 0);
	bin_insert(block, size);
	return block;
}

// Cuts a block that is in no bin down to `size`, and frees the rest where that is enough for one.
static void cut(struct block *block, size_t size, unsigned int holder)
{
	size_t left = size_of(block) - size;
	struct block *rest = at(block, size);

	verify(above(block), OVERRUN);
	if (left < LEAST) {
		set_holder(block, holder);
		set_below(above(block), 0);
		return;
	}
	put(block, size, below_of(block), holder);
	put(rest, left, 0, PROGRAM);
	narrate(MALLOC_SPLIT, rest, size, left);
	release(rest);
}

// -- growing and shrinking

// Makes memory up to `end` one free block. `block` is where its header goes: the fence of the
// segment that it continues, or the start of a new one.
static void add_memory(struct block *block, uint32_t below, uintptr_t end)
{
	struct block *fence = (struct block *)(end - HEADER);
	uintptr_t high = heap.low + heap.extent * UNIT;

	put(block, end - HEADER - (uintptr_t)block, below, PROGRAM);
	put(fence, 0, 0, FENCE);
	if (!heap.low || (uintptr_t)block < heap.low)
		heap.low = (uintptr_t)block;
	high = end > high ? end : high;
	heap.extent = (high - heap.low) / UNIT;
	release(block);
}

static void set_trim_above(size_t bytes)
{
	__atomic_store_n(&heap.trim_above, bytes < TRIM_MOST ? bytes : TRIM_MOST,
			 __ATOMIC_RELAXED);
}

static bool grow_by_brk(size_t bytes)
{
	uintptr_t now = (uintptr_t)system_call1(__NR_brk, 0), start = round_up(now, UNIT), end;
	struct block *fence = (struct block *)(now - HEADER);
	bool granted;

	if (__builtin_add_overflow(start, round_up(bytes, GROW_STEP), &end))
		return false;
	end = round_up(end, PAGE);
	granted = end > now && (uintptr_t)system_call1(__NR_brk, end) == end;
	narrate(MALLOC_BRK, (void *)now, end - now, granted);
	if (!granted)
		return false;
	heap.bytes += end - start;
	if (now != heap.brk_end)
		add_memory((struct block *)(start + HEADER), 0, end);
	else if (verify(fence, "the end of the heap is overwritten") == FENCE)
		add_memory(fence, below_of(fence), end);
	heap.brk_end = end;
	if (heap.trimmed)
		set_trim_above(2 * heap.trim_above);
	heap.trimmed = false;
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
	char *segment;

	bytes += 2 * UNIT; // the fence, and what aligning may cost
	if (grow_by_brk(bytes))
		return true;
	bytes = round_up(bytes < SEGMENT ? SEGMENT : bytes, PAGE);
	segment = map(bytes);
	if (segment) {
		add_memory((struct block *)(segment + HEADER), 0, (uintptr_t)segment + bytes);
		heap.bytes += bytes;
	}
	return segment != NULL;
}

// Gives the heap's top back, but for `keep` bytes, when `block` is there, free and larger than
// `most`. Whether anything was given back.
static bool trim(struct block *block, size_t most, size_t keep)
{
	uintptr_t end = (uintptr_t)above(block) + HEADER, new_end;
	uint32_t below = below_of(block);

	if (size_of(block) < most || end != heap.brk_end ||
	    (uintptr_t)system_call1(__NR_brk, 0) != end)
		return false;
	new_end = round_up((uintptr_t)block + LEAST + HEADER + keep, PAGE);
	if (new_end >= end)
		return false;
	bin_remove(block);
	heap.trimmed = (uintptr_t)system_call1(__NR_brk, (long)new_end) == new_end;
	if (heap.trimmed)
		narrate(MALLOC_TRIMMED, (void *)new_end, end - new_end, 0);
	else
		new_end = end;
	if ((end - heap.low) / UNIT == heap.extent)
		heap.extent = (new_end - heap.low) / UNIT;
	heap.bytes -= end - new_end;
	heap.brk_end = new_end;
	add_memory(block, below, new_end);
	return heap.trimmed;
}

static void trim_if_much(struct block *block)
{
	size_t most = __atomic_load_n(&heap.trim_above, __ATOMIC_RELAXED);

	trim(block, most, most / 4);
}

// -- lists of a cache: the calling thread's own, no lock

#define CACHED_SIZE  (34ul << 10)       // the largest block a cache holds
#define CACHED_BINS  (BINS_SMALL + 66u) // up to the bin of that
#define LIST_BYTES   (512ul << 10)      // the most a list may hold
#define CACHE_BYTES  (4ul << 20)        // and all of a cache's together
#define REFILL_BYTES (4ul << 10)        // the most taken from the heap at a time

struct list {
	struct block *first;
	SHARED int32_t room;  // how many more it takes; below 0 what came by the way is too much
	SHARED int32_t limit; // how many in all
};

// One page: the thread's alone, but for the inbox.
struct cache {
	struct list lists[CACHED_BINS];
	size_t limits;            // bytes that all lists together may hold
	int32_t seen[BINS_SMALL]; // how many were in each list when it was looked at, or empty
	unsigned int look_at;     // the one to look at next
	uint32_t key;             // of the tags of blocks that a program has from here
	uint8_t number;           // in caches[]
	bool unowned;             // its thread has ended; under the heap's lock
	// Freed by others; atomic: all push, who takes takes all. In a cache line of its own.
	_Alignas(64) struct block *inbox;
};
_Static_assert(sizeof(struct cache) <= PAGE && sizeof(struct list) == UNIT, "");

static struct cache no_cache = {.number = NO_CACHE}, first_cache;
static struct cache *caches[CACHES_MAX + 1]; // from 1 on; written under the lock, never removed
static SHARED unsigned int cache_count;

static __thread struct cache *mine = &no_cache;
static __thread bool thread_ending;

// Beside a link in a list: both have to be changed together, by who knows the key.
static inline uint64_t guard_of(const struct block *block, const struct block *next)
{
	return ((uintptr_t)next ^ malloc_key) + (uintptr_t)block;
}

// Of a size that a cache may have.
static inline struct list *list_of(struct cache *cache, size_t size)
{
	if (likely(size < SMALL))
		return (struct list *)((char *)cache->lists +
				       size); // a list is as large as a UNIT
	return &cache->lists[bin_of(size)];
}

// From which to take a block of at least `size`: all in there are large enough.
static inline unsigned int list_for(size_t size)
{
	return size < SMALL ? (unsigned int)(size / UNIT) : bin_of(size - 1) + 1;
}

static inline void push(struct list *list, struct block *block)
{
	block->next = list->first;
	block->guard = guard_of(block, list->first);
	list->first = block;
}

// The one behind it in a list or an inbox.
static inline struct block *next_of(const struct block *block)
{
	struct block *next = block->next;

	if (unlikely(block->guard != guard_of(block, next)))
		die(block, WRITTEN_AFTER);
	return next;
}

static inline struct block *pop(struct list *list)
{
	struct block *block = list->first;

	list->first = next_of(block);
	return block;
}

// To the cache of another thread.
static void give_back(struct block *block, unsigned int number)
{
	struct cache *cache = caches[number];
	struct block *first = __atomic_load_n(&cache->inbox, __ATOMIC_RELAXED);

	block->tag ^= CACHED;
	do {
		block->next = first;
		block->guard = guard_of(block, first);
	} while (!__atomic_compare_exchange_n(&cache->inbox, &first, block, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

// All that is in the inbox, as a list.
static struct list take_inbox(struct cache *cache)
{
	struct list taken = {.first = NULL};

	if (__atomic_load_n(&cache->inbox, __ATOMIC_RELAXED))
		taken.first = __atomic_exchange_n(&cache->inbox, NULL, __ATOMIC_ACQUIRE);
	return taken;
}

// Sorts what came back from other threads into the lists. Blocks of one size that came one after
// the other are linked as they have to be, but for the last.
static void read_inbox(struct cache *cache)
{
	struct block *first = take_inbox(cache).first, *last, *next;

	for (; first; first = next) {
		size_t size = size_of(first);
		struct list *list = list_of(cache, size);

		list->room--;
		for (last = first; (next = next_of(last)) && size_of(next) == size; last = next)
			list->room--;
		last->next = list->first;
		last->guard = guard_of(last, list->first);
		list->first = first;
	}
}

// -- from lists to the heap and back, with the lock held

// Gives `count` blocks of a list to the heap, or all that it has.
static bool release_list(struct list *list, int32_t count)
{
	struct block *block = NULL;

	for (; list->first && count > 0; count--, list->room++) {
		block = pop(list);
		if (!(verify(block, OVERRUN) & CACHED))
			die(block, WRITTEN_AFTER);
		block = release(block);
	}
	if (block)
		trim_if_much(block);
	return block != NULL;
}

static bool empty_inboxes(void)
{
	bool any = false;

	for (unsigned int i = 1; i <= cache_count; i++) {
		struct list list = take_inbox(caches[i]);

		any |= release_list(&list, INT32_MAX);
	}
	return any;
}

// What came back from other threads and is more than the lists may hold.
static bool release_surplus(struct cache *cache)
{
	bool any = false;

	for (unsigned int bin = 0; bin < CACHED_BINS; bin++)
		any |= release_list(&cache->lists[bin], -cache->lists[bin].room);
	return any;
}

// All of it; each list may hold as little again as in the beginning.
static bool empty_cache(struct cache *cache)
{
	bool any = false;

	for (unsigned int bin = 0; bin < CACHED_BINS; bin++) {
		any |= release_list(&cache->lists[bin], INT32_MAX);
		cache->lists[bin].room = cache->lists[bin].limit = 0;
	}
	cache->limits = 0;
	return any;
}

// A block of at least `size`, still in its bin. What caches hold back is taken before the heap
// grows, when it is nobody's, or when it can not.
static struct block *search_or_grow(size_t size)
{
	struct block *block = search(size);

	if (!block && (empty_inboxes() | release_surplus(mine)))
		block = search(size);
	if (!block && (grow(size) || empty_cache(mine)))
		block = search(size);
	return block;
}

static struct block *heap_allocate(size_t size)
{
	struct block *block = search_or_grow(size);

	if (block) {
		bin_remove(block);
		cut(block, size, PROGRAM);
	}
	return block;
}

// -- large blocks: mappings, no lock

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
	mapping_of(block)->length = length;
	mapping_of(block)->offset = (size_t)((char *)block - start);
	put(block, 0, 0, MAPPED);
	count_mapping(1, length);
	return block;
}

static void mapped_free(struct block *block)
{
	struct mapping mapping = *mapping_of(block);
	char *start = (char *)block - mapping.offset;

	if (mapping.length <= MAP_MOST &&
	    mapping.length > __atomic_load_n(&heap.map_from, __ATOMIC_RELAXED)) {
		__atomic_store_n(&heap.map_from, mapping.length, __ATOMIC_RELAXED);
		if (2 * mapping.length > __atomic_load_n(&heap.trim_above, __ATOMIC_RELAXED))
			set_trim_above(2 * mapping.length);
	}
	narrate(MALLOC_UNMAPPED, start, mapping.length, 0);
	count_mapping(-1, -mapping.length);
	system_call2(__NR_munmap, start, mapping.length);
}

// -- the slow half of a cache: full and empty lists

// Of the next list in turn, half of what it had all the time since it was looked at last is more
// than the program needs there. With the lock.
static void release_unused(struct cache *cache)
{
	unsigned int bin = cache->look_at;
	struct list *list = &cache->lists[bin];
	int32_t count = list->limit - list->room, unused = cache->seen[bin];

	unused = (count < unused ? count : unused) / 2;
	if (unused > 0 && release_list(list, unused)) {
		unused = unused < list->limit ? unused : list->limit; // others gave more back
		list->limit -= unused;
		list->room -= unused;
		cache->limits -= (size_t)unused * size_of_bin(bin);
	}
	cache->seen[bin] = list->limit - list->room;
	cache->look_at = (bin + 1) % BINS_SMALL;
}

// Lets a list hold twice as much as before, but no more than is good for all lists together. With
// the lock.
static void enlarge(struct cache *cache, struct list *list)
{
	size_t more = list->limit ? (size_t)list->limit : 4;
	size_t bytes = more * size_of_bin((unsigned int)(list - cache->lists));

	release_unused(cache);
	if (list->limit && (2 * bytes > LIST_BYTES || cache->limits + bytes > CACHE_BYTES))
		return;
	list->limit += (int32_t)more;
	list->room += (int32_t)more;
	cache->limits += bytes;
}

// Cuts a free block into at most `count` blocks for a list. Returns how many. With the lock.
static size_t carve(struct block *whole, size_t size, size_t count, struct list *list,
		    unsigned int holder)
{
	size_t fit = size_of(whole) / size, left;
	struct block *next = above(whole), *block;

	verify(next, OVERRUN);
	bin_remove(whole);
	if (count > fit)
		count = fit;
	left = size_of(whole) - count * size;
	if (left >= LEAST) {
		block = at(whole, count * size);
		put(block, left, 0, PROGRAM);
		bin_insert(block, left);
		left = 0;
	} else {
		set_below(next, 0);
	}
	for (size_t i = count; i-- > 0; left = 0) { // the lowest is handed out first
		block = at(whole, i * size);
		put(block, size + left, i ? 0 : below_of(whole), holder);
		push(list, block);
	}
	return count;
}

// Takes several blocks out of the heap for an empty list: out of the smallest free block that
// holds one, then of the next. With the lock.
static void refill(struct cache *cache, unsigned int bin, size_t size)
{
	struct list *list = &cache->lists[bin];
	size_t count, most = REFILL_BYTES / size, got;
	struct block *block;

	enlarge(cache, list);
	if (bin < BINS_SMALL)
		cache->seen[bin] = 0;
	count = ((size_t)list->limit + 1) / 2;
	if (count > most)
		count = most ? most : 1;
	while (count > 0) {
		block = list->first ? search(size) : search_or_grow(size);
		if (!block)
			break;
		got = carve(block, size, count, list, CACHED | cache->number);
		list->room -= (int32_t)got;
		count -= got;
	}
}

static struct block *cached_allocate(struct cache *cache, unsigned int bin)
{
	struct list *list = &cache->lists[bin];
	struct block *block;

	if (!list->first)
		read_inbox(cache);
	if (!list->first) {
		heap_lock();
		refill(cache, bin, size_of_bin(bin));
		heap_unlock();
		if (!list->first)
			return NULL;
	}
	block = pop(list);
	list->room++;
	block->tag ^= CACHED;
	return block;
}

// To a list that is counted to have it already.
static __attribute__((noinline)) void cached_free(struct cache *cache, struct block *block)
{
	struct list *list = list_of(cache, size_of(block));

	if (list->room < 0) {
		heap_lock();
		enlarge(cache, list);
		if (list->room < 0)
			release_list(list, list->limit / 2 - list->room);
		heap_unlock();
	}
	block->tag ^= CACHED;
	push(list, block);
}

// -- threads, forks, and who stands between us and the program

void (*malloc_cache_taken)(void);

static const struct malloc_layer *layer; // atomic
static bool layer_chosen;                // atomic

static const struct malloc_layer *choose_layer(void)
{
	if (!__atomic_load_n(&layer_chosen, __ATOMIC_ACQUIRE)) {
		const struct malloc_layer *wanted = LAYERS ? malloc_layer_wanted() : NULL;

		if (wanted && wanted->narrator)
			malloc_narrate = wanted->narrator;
		__atomic_store_n(&layer, wanted, __ATOMIC_RELAXED);
		__atomic_store_n(&layer_chosen, true, __ATOMIC_RELEASE);
	}
	return __atomic_load_n(&layer, __ATOMIC_RELAXED);
}

// What the calling thread has to go through; always asked before it has a cache.
static inline const struct malloc_layer *layer_above(void)
{
	return mine == &no_cache ? choose_layer() : NULL;
}

// With the lock; NULL where there can not be one more.
static struct cache *new_cache(void)
{
	struct cache *cache = cache_count == 0 ? &first_cache : NULL;
	unsigned int number = cache_count + 1;

	if (!cache && cache_count < CACHES_MAX)
		cache = map(sizeof(struct cache));
	if (cache) {
		cache->number = (uint8_t)number;
		cache->key = (uint32_t)malloc_key ^ number;
		caches[number] = cache;
		cache_count = number;
	}
	return cache;
}

// A cache for the calling thread, where there is one.
static void take_cache(void)
{
	struct cache *cache = NULL;

	heap_lock();
	if (!malloc_key) {
		malloc_key = random_number();
		no_cache.key = (uint32_t)malloc_key ^ NO_CACHE;
	}
	if (!thread_ending && !malloc_narrate && !layer) {
		for (unsigned int i = 1; i <= cache_count && !cache; i++)
			if (caches[i]->unowned)
				cache = caches[i];
		if (!cache)
			cache = new_cache();
	}
	if (cache) {
		cache->unowned = false;
		mine = cache;
	}
	heap_unlock();
	if (cache && malloc_cache_taken)
		malloc_cache_taken();
}

// -- all kinds of blocks

static size_t usable_bytes(const struct block *block)
{
	if (size_of(block) == 0)
		return mapping_of(block)->length - mapping_of(block)->offset - HEADER;
	return size_of(block) - HEADER;
}

// A mapping, or a block of the heap: PROGRAM's, or where the thread has a cache, from there.
static struct block *find_block(size_t size)
{
	struct block *block;

	if (size >= __atomic_load_n(&heap.map_from, __ATOMIC_RELAXED))
		return mapped_allocate(size, UNIT);
	if (size <= CACHED_SIZE - HEADER && mine != &no_cache)
		return cached_allocate(mine, list_for(block_size(size)));
	heap_lock();
	block = heap_allocate(block_size(size));
	heap_unlock();
	return block;
}

static struct block *find_aligned(size_t size, size_t alignment); // malloc_family.h

void *malloc_plain(size_t size, size_t alignment)
{
	struct block *block;

	if (mine == &no_cache)
		take_cache();
	narrate(MALLOC_ASKED, NULL, size, block_size(size));
	if (alignment > UNIT)
		block = find_aligned(size, alignment);
	else
		block = size > PTRDIFF_MAX ? NULL : find_block(size);
	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	narrate(MALLOC_GRANTED, payload_of(block), usable_bytes(block), 0);
	return payload_of(block);
}

// A pointer into nowhere would end in SIGSEGV on reading its header: where it is not in the heap,
// the kernel is asked first. Freeing a mapping is a system call anyway.
static bool readable(const struct block *block)
{
	uintptr_t start = (uintptr_t)mapping_of(block) & -PAGE, end = (uintptr_t)payload_of(block);
	unsigned char resident[2];

	return in_heap(block) || system_call3(__NR_mincore, (long)start, (long)(end - start),
					      (long)resident) != -ENOMEM;
}

// Makes sure that the caller passed a block's bytes and that it is in use. Returns its holder.
static unsigned int claim(const struct block *block)
{
	unsigned int holder;

	if ((uintptr_t)payload_of(block) % UNIT != 0 || (uintptr_t)block < PAGE ||
	    !readable(block))
		die(block, "was never allocated");
	holder = verify(block, "was never allocated, or its header is overwritten");
	if (holder & CACHED || holder == FREE || holder == ABSORBED)
		die(block, "freed twice, or used after it was freed");
	if (holder != MAPPED && holder > cache_count)
		die(block, "was never allocated, or its header is overwritten");
	return holder;
}

void malloc_plain_free(void *payload)
{
	struct block *block = block_of(payload);
	unsigned int holder;

	if (!payload)
		return;
	holder = claim(block);
	narrate(MALLOC_FREED, payload, size_of(block), 0);
	if (holder == MAPPED) {
		mapped_free(block);
	} else if (holder == PROGRAM) {
		heap_lock();
		trim_if_much(release(block));
		heap_unlock();
	} else if (holder == mine->number) {
		list_of(mine, size_of(block))->room--;
		cached_free(mine, block);
	} else {
		give_back(block, holder);
	}
}

// -- the interface

static void *allocate_from_layer(size_t size, size_t alignment, bool zeroed)
{
	void *payload = layer->allocate(size, alignment, zeroed);

	if (!payload)
		errno = ENOMEM;
	return payload;
}

// What only the first 8 bytes of a block are for finds its list too, but not at once.
static __attribute__((noinline)) void *malloc_slowly(size_t size)
{
	if (layer_above())
		return allocate_from_layer(size, UNIT, false);
	return size <= HEADER ? malloc(LEAST - HEADER) : malloc_plain(size, UNIT);
}

void *malloc(size_t size)
{
	struct list *list = (struct list *)mine;

	if (likely(size < SMALL - HEADER))
		list += (size + HEADER + UNIT - 1) / UNIT;
	else if (likely(size <= CACHED_SIZE - HEADER))
		list += bin_of(size + HEADER - 1) + 1; // all that it has are large enough
	if (likely(list->first != NULL)) {
		struct block *block = pop(list);

		list->room++;
		block->tag ^= CACHED;
		return payload_of(block);
	}
	return malloc_slowly(size);
}

static __attribute__((noinline)) void free_slowly(void *payload)
{
	if (payload && layer_above())
		layer->release(payload);
	else
		malloc_plain_free(payload);
}

// `tag`: what it would be if the block were from the thread's own cache.
static __attribute__((noinline)) void free_of_another(void *payload, uint32_t tag)
{
	struct block *block = block_of(payload);
	uint32_t holder = block->tag ^ tag ^ mine->number;

	if (likely(holder - 1 < cache_count))
		give_back(block, holder);
	else
		free_slowly(payload);
}

void free(void *payload)
{
	struct cache *cache = mine;
	struct block *block = block_of(payload);

	if (likely(in_heap(block))) {
		size_t size = size_of(block);
		uint32_t tag = cache->key ^ tag_base(block, size);

		if (likely(block->tag == tag)) {
			struct list *list = list_of(cache, size);

			if (likely(--list->room >= 0)) {
				block->tag = tag ^ CACHED;
				push(list, block);
			} else {
				cached_free(cache, block);
			}
			return;
		}
		free_of_another(payload, tag);
		return;
	}
	free_slowly(payload);
}

#include "lib/libc/malloc_family.h"  // realloc and the others
#include "lib/libc/malloc_figures.h" // what malloc knows about itself
