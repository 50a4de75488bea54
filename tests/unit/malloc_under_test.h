// SPDX-License-Identifier: MIT
//
// lib/libc/malloc.c for its tests: under other names beside the host's own, with system calls that
// fail where a test wants it, and with an audit of the whole heap.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/libc/system_call.h"
#include "tests/unit/random.h"

// -- the kernel as malloc.c sees it

static long fail_at; // the how manieth request for memory fails; 0: none
static bool fail_on; // and all that follow
static bool refuse_brk;
static long requests;

static bool request_fails(void)
{
	long request = __atomic_add_fetch(&requests, 1, __ATOMIC_RELAXED);

	return request == fail_at || (fail_on && fail_at && request > fail_at);
}

// Mappings as they were made: some are segments of the heap. What is too much is not audited.
#define MAPPINGS 4096

static long mappings[MAPPINGS];
static unsigned int mapping_count;
static bool mappings_locked;

static void lock_mappings(void)
{
	while (__atomic_test_and_set(&mappings_locked, __ATOMIC_ACQUIRE))
		;
}

static long keep_mapping(long address)
{
	lock_mappings();
	if (address > 0 && mapping_count < MAPPINGS)
		mappings[mapping_count++] = address;
	__atomic_clear(&mappings_locked, __ATOMIC_RELEASE);
	return address;
}

static void forget_mapping(long address)
{
	lock_mappings();
	for (unsigned int i = 0; i < mapping_count; i++)
		if (mappings[i] == address)
			mappings[i] = mappings[--mapping_count];
	__atomic_clear(&mappings_locked, __ATOMIC_RELEASE);
}

static long kernel(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == __NR_brk && a != 0 && (refuse_brk || request_fails()))
		return system_call6(number, 0, 0, 0, 0, 0, 0);
	if ((number == __NR_mmap || number == __NR_mremap) && request_fails())
		return -ENOMEM;
	if (number == __NR_munmap || number == __NR_mremap)
		forget_mapping(a);
	if (number == __NR_mmap || number == __NR_mremap)
		return keep_mapping(system_call6(number, a, b, c, d, e, f));
	return system_call6(number, a, b, c, d, e, f);
}

#undef system_call1
#undef system_call2
#define system_call1(number, a)                kernel(number, (long)(a), 0, 0, 0, 0, 0)
#define system_call2(number, a, b)             kernel(number, (long)(a), (long)(b), 0, 0, 0, 0)
#define system_call3(number, a, b, c)          kernel(number, a, b, c, 0, 0, 0)
#define system_call4(number, a, b, c, d)       kernel(number, a, b, c, d, 0, 0)
#define system_call6(number, a, b, c, d, e, f) kernel(number, a, b, c, d, e, f)

#define malloc             tested_malloc
#define free               tested_free
#define calloc             tested_calloc
#define realloc            tested_realloc
#define reallocarray       tested_reallocarray
#define memalign           tested_memalign
#define aligned_alloc      tested_aligned_alloc
#define posix_memalign     tested_posix_memalign
#define malloc_usable_size tested_usable_size
void *tested_malloc(size_t size);
void tested_free(void *payload);
void *tested_calloc(size_t count, size_t size);
void *tested_realloc(void *payload, size_t size);
void *tested_reallocarray(void *payload, size_t count, size_t size);
void *tested_memalign(size_t alignment, size_t size);
void *tested_aligned_alloc(size_t alignment, size_t size);
int tested_posix_memalign(void **payload, size_t alignment, size_t size);
size_t tested_usable_size(void *payload);
#define mallinfo2(nothing) tested_mallinfo2(nothing)
#define malloc_stats       tested_stats
#define malloc_trim        tested_trim
struct mallinfo2 tested_mallinfo2(void);
void tested_stats(void);
int tested_trim(size_t pad);
#include "lib/libc/malloc.c"
#undef malloc
#undef free
#undef calloc
#undef realloc

// -- the heap recounted from nothing

static uintptr_t heap_start; // of the brk heap, as the first allocation of a test left it

struct counted {
	size_t used, free, cached;
};

// The headers of a segment agree with their neighbours. Returns its fence.
static struct block *audit_segment(struct block *block, struct counted *counted)
{
	bool below_free = false;

	for (; holder_of(block) != FENCE; block = above(block)) {
		unsigned int holder = holder_of(block);

		assert_true(holder < HOLDERS);
		assert_int_equal(below_of(block), below_free ? BELOW_FREE : 0);
		assert_true(size_of(block) >= LEAST);
		assert_false(below_free && holder == FREE);
		below_free = holder == FREE;
		if (below_free)
			assert_int_equal(*size_again(block), size_of(block));
		counted->free += below_free;
		counted->cached += (holder & CACHED) != 0;
		counted->used += holder <= CACHES_MAX;
		assert_true(below_free || (holder & ~CACHED) <= CACHES_MAX);
	}
	assert_int_equal(below_of(block), below_free ? BELOW_FREE : 0);
	return block;
}

// A mapping that is a segment begins with a block of the heap.
static void audit_mappings(struct counted *counted)
{
	for (unsigned int i = 0; i < mapping_count; i++) {
		struct block *first = (struct block *)(mappings[i] + (long)HEADER);
		unsigned int holder = in_heap(first) ? holder_of(first) : HOLDERS;

		if (holder < HOLDERS && holder != MAPPED)
			audit_segment(first, counted);
	}
}

// Every header of the heap agrees with its neighbours, no two free blocks touch, and exactly the
// free ones are in the bins they belong to; the lists of the caches hold what is in no other
// place. Returns the number of blocks in use.
static size_t audit(void)
{
	struct counted counted = {0};
	struct block *block = audit_segment((struct block *)heap_start, &counted);
	size_t in_bins = 0, in_caches = 0;

	assert_int_equal((uintptr_t)block + HEADER, heap.brk_end);
	audit_mappings(&counted);
	for (unsigned int bin = 0; bin < BINS; bin++) {
		bool occupied = heap.occupied[bin / 64] >> (bin % 64) & 1;

		assert_int_equal(occupied, heap.bins[bin] != NULL);
		for (block = heap.bins[bin]; block; block = block->next, in_bins++)
			assert_int_equal(bin_of(size_of(block)), bin);
	}
	assert_int_equal(in_bins, counted.free);
	for (unsigned int i = 1; i <= cache_count; i++) {
		for (unsigned int bin = 0; bin < CACHED_BINS; bin++) {
			struct list *list = &caches[i]->lists[bin];
			int32_t count = 0;

			for (block = list->first; block; block = block->next, count++) {
				assert_in_range(bin_of(size_of(block)), bin, bin + 1);
				assert_int_equal(holder_of(block), CACHED | i);
				assert_true(block->guard == guard_of(block, block->next));
			}
			assert_int_equal(count, list->limit - list->room);
			in_caches += (size_t)count;
		}
		for (block = caches[i]->inbox; block; block = block->next)
			in_caches++;
	}
	assert_int_equal(in_caches, counted.cached);
	return counted.used;
}

// Nothing of the heap stays in caches.
static void empty_caches(void)
{
	heap_lock();
	for (unsigned int i = 1; i <= cache_count; i++)
		empty_cache(caches[i]);
	empty_inboxes();
	heap_unlock();
}

// A heap that has never been used. What the last one held stays mapped and forgotten.
static int fresh_heap(void **state)
{
	(void)state;
	memset(&heap, 0, sizeof(heap));
	memset(&first_cache, 0, sizeof(first_cache));
	mapping_count = 0;
	heap.map_from = MAP_FROM;
	heap.trim_above = TRIM_ABOVE;
	cache_count = 0;
	mine = &no_cache;
	layer = NULL;
	fail_at = 0;
	fail_on = false;
	refuse_brk = false;
	tested_free(tested_malloc(1));
	empty_caches();
	heap_start = heap.low;
	requests = 0;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh_heap)
