// SPDX-License-Identifier: MIT
//
// The general allocator: malloc and its family for programs in ring 3. The same file is tested on
// the reader's machine and runs real programs there as libfaultline-malloc.so.
//
// The heap is a row of blocks, each with a header that gives its size (Knuth's boundary tags). A
// free block has its size at its end too, and the block above it knows that it is free: so a freed
// block finds its neighbours and merges with those that are free. No two free blocks touch. Free
// blocks hang in bins by size: one bin a size up to 2 KiB, then sixteen bins a doubling. The heap
// grows by brk; where brk is refused or was moved by somebody else, a new segment begins. A
// segment ends in a header without a block, the fence, so that no merging runs past it. One lock
// guards all of this.
//
// In front of the heap each thread has a cache: a list of blocks for each bin up to 32 KiB, from
// which malloc takes and to which free gives without lock or atomic instruction. An empty list is
// refilled with several blocks at a time, a full one gives half of what it has back to the heap,
// and both make it larger for the next time. A block freed by another thread than the one that got
// it goes to the inbox of the cache it came from, by one atomic instruction. The cache of a thread
// that ends goes to the next new thread.
//
// Large blocks are mappings of their own. When one is freed, the next of that size come from the
// heap instead: who frees a size probably wants it again. The heap's top goes back to the kernel
// when much of it is free.
//
// Every header carries a check over its size, its address and a number that is another one in each
// run; in a free block over its links too. It is verified before anything in it is believed: a
// block that was overrun, freed twice, written to after it was freed, or never allocated ends the
// program with a line that names it.
//
// Read malloc_block.h and malloc_heap.h first, then from here to the end.
//
// System calls are made directly, as a C library's brk would keep its own idea of the end, and
// errno is only touched on failure.
#include "lib/libc/malloc_heap.h"
#include "lib/libc/malloc_layer.h"
#include "lib/libc/malloc_thread.h"
#include "lib/libc/system_call.h"
#include <errno.h>
#include <linux/mman.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define GROWS 64u // units from which on realloc tries to grow a block in place

// -- caches

#define CACHED_UNITS 2176u              // the largest block a cache holds: 32 KiB and its header
#define CACHED_BINS  (BINS_EXACT + 66u) // up to the bin of that
#define LIST_BYTES   (512ul << 10)      // the most a list may hold
#define CACHE_BYTES  (2ul << 20)        // and all of a cache's together
#define REFUSED_MOST 4096u
#define REFILL_BYTES (16ul << 10) // the most taken from the heap at a time

struct list {
	struct block *first;
	int32_t room;  // how many more it takes; below 0 what came by the way is too much
	int32_t limit; // how many in all
};

// One page: the thread's alone, but for the inbox.
struct cache {
	struct list lists[CACHED_BINS];
	size_t limits;       // bytes that all lists together may hold
	size_t refused;      // times that one was not made larger because of that
	struct block *inbox; // freed by other threads; atomic: all push, who takes takes all
	uint8_t number;      // in caches[]
	bool unowned;        // its thread has ended; under the heap's lock
};
_Static_assert(sizeof(struct cache) <= PAGE, "a cache is a page");

static struct cache no_cache = {.number = NO_CACHE}, first_cache;
static struct cache *caches[CACHES_MAX + 1]; // from 1 on; written under the lock, never removed
static unsigned int cache_count;

static __thread struct cache *mine = &no_cache;
static __thread bool thread_ending;

#ifdef MALLOC_LAYERS // a program that has malloc has the layers too: programs.mk
#define LAYERS true
#else
#pragma weak malloc_layer_wanted
#define LAYERS (malloc_layer_wanted != NULL)
#endif
static const struct malloc_layer *layer; // between the program and us; atomic
static bool layer_chosen;                // atomic

void (*malloc_cache_taken)(void);

static inline void push(struct list *list, struct block *block)
{
	block->next = list->first;
	block->guard = guard_of(block, list->first);
	list->first = block;
}

static inline struct block *pop(struct list *list)
{
	struct block *block = list->first, *next = block->next;

	if (__builtin_expect(block->guard != guard_of(block, next), 0))
		die(block, WRITTEN_AFTER);
	list->first = next;
	return block;
}

static void push_inbox(struct cache *cache, struct block *block)
{
	struct block *first = __atomic_load_n(&cache->inbox, __ATOMIC_RELAXED);

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

// Gives `count` blocks of a list to the heap, or all that it has.
static bool release_list(struct list *list, int32_t count)
{
	struct block *block = NULL;

	for (; list->first && count > 0; count--, list->room++) {
		block = pop(list);
		verify(block, OVERRUN);
		block = release(block);
	}
	if (block)
		trim(block, __atomic_load_n(&heap.trim_above, __ATOMIC_RELAXED), TRIM_KEEP);
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

// And every list may hold as little again as in the beginning.
static bool empty_cache(struct cache *cache)
{
	bool any = false;

	for (unsigned int bin = 0; bin < CACHED_BINS; bin++) {
		any |= release_list(&cache->lists[bin], INT32_MAX);
		cache->lists[bin].room = cache->lists[bin].limit = 0;
	}
	cache->limits = cache->refused = 0;
	return any;
}

static bool empty_my_cache(void)
{
	return empty_cache(mine);
}

// Lets a list hold twice as much as before, but no more than is good for all lists together. Where
// that was in the way often, all begin anew: the program does something else now than before.
static void enlarge(struct cache *cache, struct list *list, size_t units)
{
	int32_t more = list->limit ? list->limit : 4;

	if (list->limit && (size_t)(list->limit + more) * units * UNIT > LIST_BYTES)
		return;
	if (list->limit && cache->limits + (size_t)more * units * UNIT > CACHE_BYTES) {
		if (++cache->refused < REFUSED_MOST)
			return;
		empty_cache(cache);
		more = 4;
	}
	list->limit += more;
	list->room += more;
	cache->limits += (size_t)more * units * UNIT;
}

// Cuts a free block into at most `count` blocks for a list. Returns how many.
static size_t carve(struct block *whole, size_t units, size_t count, struct list *list)
{
	struct block *next = verified_above(whole), *block;
	size_t fit = whole->size / units, left;

	if (count > fit)
		count = fit;
	left = whole->size - count * units;
	bin_remove(whole, HOLDER_CACHE);
	if (left >= UNITS_MIN) {
		block = (struct block *)((char *)whole + count * units * UNIT);
		put_used(block, left, HOLDER_PROGRAM);
		block->below = BELOW_USED;
		bin_insert(block);
		left = 0;
	} else {
		next->below = BELOW_USED;
	}
	for (size_t i = count; i-- > 0; left = 0) { // the lowest is handed out first
		block = (struct block *)((char *)whole + i * units * UNIT);
		put_used(block, units + left, HOLDER_CACHE);
		block->below = BELOW_USED; // nothing free is below `whole` either
		push(list, block);
	}
	return count;
}

// Takes several blocks out of the heap for an empty list. Where there is no block for all, what is
// left of the size comes first, then any. False when not even one could be had.
static bool refill(struct cache *cache, unsigned int bin, size_t units)
{
	struct list *list = &cache->lists[bin];
	size_t count, most = REFILL_BYTES / (units * UNIT), got;
	struct block *block;

	enlarge(cache, list, units);
	count = (size_t)list->limit / 2;
	if (count > most)
		count = most ? most : 1;
	while (count > 0) {
		block = heap.bins[bin];
		if (!block)
			block = search(count * units);
		if (!block && list->first)
			break;
		if (!block)
			block = search_or_grow(units);
		if (!block)
			break;
		got = carve(block, units, count, list);
		list->room -= (int32_t)got;
		count -= got;
	}
	return list->first != NULL;
}

// Sorts what came back from other threads into the lists.
static void read_inbox(struct cache *cache)
{
	struct list taken = take_inbox(cache);

	while (taken.first) {
		struct block *block = pop(&taken);
		struct list *list = &cache->lists[bin_of(block->size)];

		push(list, block);
		list->room--;
	}
}

// A block of a size that begins its bin.
static struct block *cached_allocate(struct cache *cache, size_t units)
{
	unsigned int bin = bin_of(units);
	struct list *list = &cache->lists[bin];
	struct block *block;

	if (!list->first)
		read_inbox(cache);
	if (!list->first) {
		heap_lock();
		refill(cache, bin, units);
		heap_unlock();
		if (!list->first)
			return NULL;
	}
	block = pop(list);
	list->room++;
	set_holder(block, cache->number);
	return block;
}

// To a list of which free found that it is full.
static void cached_free(struct cache *cache, struct block *block)
{
	struct list *list = &cache->lists[bin_of(block->size)];

	if (list->room <= 0) {
		heap_lock();
		enlarge(cache, list, block->size);
		if (list->room <= 0)
			release_list(list, list->limit / 2 - list->room);
		heap_unlock();
	}
	set_holder(block, HOLDER_CACHE);
	push(list, block);
	list->room--;
}

static uint64_t random_number(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM); // 16 bytes
	uint64_t words[2] = {(uintptr_t)&random, 0};

	if (random)
		memcpy(words, random, sizeof(words));
	return (words[0] ^ words[1] << 8) | 1; // 0 is none
}

// The layer that the calling thread has to go through: always asked before it has a cache.
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

static inline const struct malloc_layer *layer_above(void)
{
	return mine == &no_cache ? choose_layer() : NULL;
}

// A cache for the calling thread, where there is one.
static void take_cache(void)
{
	struct cache *cache = NULL;
	bool wanted = !thread_ending && !malloc_narrate && !layer;

	heap_lock();
	if (!malloc_key)
		malloc_key = random_number();
	for (unsigned int i = 1; wanted && i <= cache_count && !cache; i++)
		if (caches[i]->unowned)
			cache = caches[i];
	if (wanted && !cache && cache_count < CACHES_MAX) {
		cache = cache_count == 0 ? &first_cache : map(sizeof(struct cache));
		if (cache) {
			cache->number = (uint8_t)++cache_count;
			caches[cache_count] = cache;
		}
	}
	if (cache) {
		cache->unowned = false;
		mine = cache;
	}
	heap_unlock();
	if (cache && malloc_cache_taken)
		malloc_cache_taken();
}

// Gives the calling thread's cache away. What it still frees and allocates needs none.
void malloc_thread_end(void)
{
	struct cache *cache = mine;
	struct list list;

	if (layer && layer->thread_end)
		layer->thread_end();
	thread_ending = true;
	if (cache == &no_cache)
		return;
	mine = &no_cache;
	heap_lock();
	empty_cache(cache);
	list = take_inbox(cache);
	release_list(&list, INT32_MAX);
	cache->unowned = true;
	heap_unlock();
}

// The thread that watches has no cache meanwhile, so that every step is to be seen.
void malloc_watch(void (*narrator)(enum malloc_step step, const void *where, size_t a, size_t b))
{
	static __thread struct cache *set_aside;

	if (narrator) {
		if (mine == &no_cache)
			take_cache();
		if (!malloc_narrate)
			set_aside = mine;
		mine = &no_cache;
	} else if (malloc_narrate) {
		mine = set_aside;
	}
	malloc_narrate = narrator;
}

void malloc_before_fork(void)
{
	if (layer && layer->before_fork)
		layer->before_fork();
	heap_lock();
}

void malloc_after_fork(void)
{
	heap_unlock();
	if (layer && layer->after_fork)
		layer->after_fork();
}

// The child has only the forking thread. The lists of the others may have been caught half-way
// through a change: what is in them is lost. Their inboxes are whole at any time.
void malloc_in_child(void)
{
	for (unsigned int i = 1; i <= cache_count; i++) {
		if (caches[i] == mine)
			continue;
		memset(caches[i]->lists, 0, sizeof(caches[i]->lists));
		caches[i]->limits = 0;
		caches[i]->unowned = true;
	}
	holding = false;
	__atomic_store_n(&heap.lock, 0, __ATOMIC_RELEASE);
	if (layer && layer->in_child)
		layer->in_child();
}

// -- what all kinds share

static size_t usable_bytes(const struct block *block)
{
	if (block->holder == HOLDER_MAPPED)
		return mapping_of(block)->length - mapping_of(block)->offset - HEADER;
	return block->size * UNIT - HEADER;
}

static struct block *find_block(size_t size, size_t alignment)
{
	size_t units = units_for(size);
	struct block *block;

	if (alignment <= UNIT && rounded_units(units) <= CACHED_UNITS && mine != &no_cache)
		return cached_allocate(mine, rounded_units(units));
	heap_lock();
	if (alignment <= UNIT)
		block = heap_allocate(units);
	else
		block = heap_allocate_aligned(units, alignment);
	heap_unlock();
	return block;
}

void *malloc_plain(size_t size, size_t alignment)
{
	size_t whole;
	struct block *block;

	if (mine == &no_cache)
		take_cache();
	if (alignment < UNIT)
		alignment = UNIT;
	if (__builtin_add_overflow(size, alignment, &whole) || whole > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	narrate(MALLOC_ASKED, NULL, size, units_for(size) * UNIT);
	if ((alignment > UNIT ? whole : size) >=
	    __atomic_load_n(&heap.map_threshold, __ATOMIC_RELAXED))
		block = mapped_allocate(size, alignment);
	else
		block = find_block(size, alignment);
	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	narrate(MALLOC_GRANTED, payload_of(block), usable_bytes(block), 0);
	return payload_of(block);
}

static void *allocate_from_layer(size_t size, size_t alignment, bool zeroed)
{
	void *payload = layer->allocate(size, alignment, zeroed);

	if (!payload)
		errno = ENOMEM;
	return payload;
}

static void *allocate(size_t size, size_t alignment)
{
	if (layer_above())
		return allocate_from_layer(size, alignment, false);
	return malloc_plain(size, alignment);
}

static inline bool in_heap(const struct block *block)
{
	return (uintptr_t)block - __atomic_load_n(&heap.low, __ATOMIC_RELAXED) <
	       __atomic_load_n(&heap.extent, __ATOMIC_RELAXED);
}

// A pointer into nowhere would end in SIGSEGV on reading its header: ask the kernel first. Costs
// a system call, but only for what is not in the heap, and freeing a mapping is one anyway.
static bool readable(const struct block *block)
{
	uintptr_t start = (uintptr_t)mapping_of(block), end = (uintptr_t)payload_of(block);
	unsigned char resident[2];

	if (in_heap(block))
		return true;
	start &= -PAGE;
	return system_call3(__NR_mincore, (long)start, (long)(end - start), (long)resident) !=
	       -ENOMEM;
}

// The block whose bytes the caller passed, after making sure that it is one and is in use.
static struct block *claimed(const void *payload)
{
	struct block *block = block_of(payload);
	uint8_t holder;

	if ((uintptr_t)payload % UNIT != 0 || (uintptr_t)payload < PAGE || !readable(block))
		die(block, "was never allocated");
	verify(block, "was never allocated, or its header is overwritten");
	holder = holder_of(block);
	if (holder == HOLDER_CACHE || holder == HOLDER_FREE || holder == HOLDER_ABSORBED)
		die(block, "freed twice, or used after it was freed");
	if (holder != HOLDER_MAPPED && holder > cache_count)
		die(block, "was never allocated, or its header is overwritten");
	return block;
}

static void deallocate(struct block *block)
{
	uint8_t holder = block->holder;

	narrate(MALLOC_FREED, payload_of(block), block->size * UNIT, 0);
	if (holder == HOLDER_MAPPED) {
		mapped_free(block);
	} else if (holder == HOLDER_PROGRAM) {
		heap_lock();
		trim(release(block), __atomic_load_n(&heap.trim_above, __ATOMIC_RELAXED),
		     TRIM_KEEP);
		heap_unlock();
	} else if (holder == mine->number) {
		cached_free(mine, block);
	} else {
		set_holder(block, HOLDER_CACHE);
		push_inbox(caches[holder], block);
	}
}

void malloc_plain_free(void *payload)
{
	if (payload)
		deallocate(claimed(payload));
}

static __attribute__((noinline)) void free_slowly(void *payload)
{
	if (layer_above())
		layer->release(payload);
	else
		deallocate(claimed(payload));
}

// The block itself, grown or shrunk where it is; a mapping may move. NULL: it takes a copy, which
// for small blocks costs less than the heap's lock.
static struct block *resize(struct block *block, size_t size)
{
	size_t units = units_for(size);
	bool done = true;

	if (size > PTRDIFF_MAX)
		return NULL;
	if (block->holder == HOLDER_MAPPED)
		return size < MAP_THRESHOLD / 2 ? NULL : mapped_resize(block, size);
	if (units <= block->size && block->size - units <= units / 2)
		return block;
	if (size >= MAP_THRESHOLD_MAX || block->size < GROWS)
		return NULL;
	heap_lock();
	if (units <= block->size)
		split(block, units);
	else
		done = extend_in_place(block, units);
	heap_unlock();
	return done ? block : NULL;
}

// For what has grown before and will again: straight from the heap, with room above it.
static void *allocate_to_grow(size_t size)
{
	size_t units = units_for(size);
	struct block *block = NULL;

	if (size < __atomic_load_n(&heap.map_threshold, __ATOMIC_RELAXED)) {
		heap_lock();
		block = heap_allocate(2 * units);
		if (block)
			split(block, units);
		heap_unlock();
	}
	return block ? payload_of(block) : malloc_plain(size, UNIT);
}

void *malloc_plain_resize(void *payload, size_t size)
{
	struct block *block = claimed(payload), *same = resize(block, size);
	void *other;
	size_t kept;

	if (same)
		return payload_of(same);
	other = size > usable_bytes(block) && block->size >= GROWS ? allocate_to_grow(size)
								   : malloc_plain(size, UNIT);
	if (!other)
		return NULL;
	kept = usable_bytes(block) < size ? usable_bytes(block) : size;
	memcpy(other, payload, kept);
	deallocate(block);
	return other;
}

// Fresh mappings are zero already.
static void zero(void *payload, size_t size)
{
	if (payload && block_of(payload)->holder != HOLDER_MAPPED)
		memset(payload, 0, size);
}

void *malloc_plain_zeroed(size_t size)
{
	void *payload = malloc_plain(size, UNIT);

	zero(payload, size);
	return payload;
}

size_t malloc_plain_usable(void *payload)
{
	return usable_bytes(claimed(payload));
}

// -- the interface

void *malloc(size_t size)
{
	struct cache *cache = mine;

	if (__builtin_expect(size <= (BINS_EXACT - 1) * UNIT - HEADER, 1)) {
		struct list *list = &cache->lists[units_without_minimum(size)];

		if (__builtin_expect(list->first != NULL, 1)) {
			struct block *block = pop(list);

			list->room++;
			set_holder(block, cache->number);
			return payload_of(block);
		}
	}
	return allocate(size, UNIT);
}

void free(void *payload)
{
	struct cache *cache = mine;
	struct block *block = block_of(payload);

	if (__builtin_expect((uintptr_t)payload % UNIT == 0 && in_heap(block) &&
				     holder_of(block) == cache->number &&
				     block->check == check_of(block),
			     1)) {
		struct list *list = &cache->lists[bin_of(block->size)];

		if (__builtin_expect(--list->room >= 0, 1)) {
			set_holder(block, HOLDER_CACHE);
			push(list, block);
			return;
		}
		list->room++;
	}
	if (payload)
		free_slowly(payload);
}

void *calloc(size_t count, size_t size)
{
	void *payload;

	if (__builtin_mul_overflow(count, size, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if (layer_above())
		return allocate_from_layer(size, UNIT, true);
	payload = malloc(size);
	zero(payload, size);
	return payload;
}

void *realloc(void *payload, size_t size)
{
	if (!payload)
		return malloc(size);
	return layer_above() ? layer->resize(payload, size) : malloc_plain_resize(payload, size);
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
		return allocate(size, alignment);
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
	allocated = allocate(size, alignment);
	errno = saved;
	if (!allocated)
		return ENOMEM;
	*payload = allocated;
	return 0;
}

size_t malloc_usable_size(void *payload)
{
	if (!payload)
		return 0;
	return layer_above() ? layer->usable(payload) : malloc_plain_usable(payload);
}

#include "lib/libc/malloc_figures.h"
