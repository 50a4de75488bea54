// SPDX-License-Identifier: MIT
//
// What malloc knows about itself (mallinfo2, malloc_stats, as glibc has them) and what it can give
// back when asked. The last part of malloc.c.
#pragma once

#include "lib/libc/malloc_walk.h"

// Other threads' caches are counted as they stand at some moment.
static void count_cached(struct mallinfo2 *info)
{
	for (unsigned int i = 1; i <= cache_count; i++) {
		for (unsigned int bin = 0; bin < CACHED_BINS; bin++) {
			struct list *list = &caches[i]->lists[bin];
			int32_t count = __atomic_load_n(&list->limit, __ATOMIC_RELAXED) -
					__atomic_load_n(&list->room, __ATOMIC_RELAXED);

			info->smblks += (size_t)count;
			info->fsmblks += (size_t)count * size_of_bin(bin);
		}
	}
}

struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 info = {0};

	heap_lock();
	for (unsigned int bin = 0; bin < BINS; bin++) {
		for (struct block *block = heap.bins[bin]; block; block = block->next) {
			info.ordblks++;
			info.fordblks += size_of(block);
			if ((uintptr_t)above(block) + HEADER == heap.brk_end)
				info.keepcost = size_of(block);
		}
	}
	count_cached(&info);
	info.arena = heap.bytes;
	heap_unlock();
	info.fordblks += info.fsmblks;
	info.uordblks = info.arena - info.fordblks;
	info.hblks = __atomic_load_n(&heap.maps, __ATOMIC_RELAXED);
	info.hblkhd = __atomic_load_n(&heap.mapped, __ATOMIC_RELAXED);
	return info;
}

void malloc_walk(void (*visit)(const void *start, size_t size, enum malloc_state state,
			       void *context),
		 void *context)
{
	heap_lock();
	for (struct block *block = (struct block *)heap.low; block; block = above(block)) {
		unsigned int holder = verify(block, OVERRUN);

		if (holder == FENCE)
			break;
		visit(block, size_of(block),
		      holder == FREE     ? MALLOC_FREE
		      : holder >= CACHED ? MALLOC_CACHED
					 : MALLOC_USED,
		      context);
	}
	heap_unlock();
}

void malloc_stats(void)
{
	struct mallinfo2 info = mallinfo2();
	char text[400];
	int length = snprintf(text, sizeof(text),
			      "Arena 0:\nsystem bytes     = %10zu\nin use bytes     = %10zu\n"
			      "Total (incl. mmap):\nsystem bytes     = %10zu\n"
			      "in use bytes     = %10zu\nmax mmap regions = %10zu\n"
			      "max mmap bytes   = %10zu\n",
			      info.arena, info.uordblks, info.arena + info.hblkhd,
			      info.uordblks + info.hblkhd, heap.maps_most, heap.mapped_most);

	system_call3(__NR_write, 2, (long)text, length);
}

// The whole pages inside of free blocks are the kernel's again; what is read there then is zero.
static bool drop_pages(void)
{
	bool any = false;

	for (unsigned int bin = bin_of(PAGE); bin < BINS; bin++) {
		for (struct block *block = heap.bins[bin]; block; block = block->next) {
			uintptr_t start = round_up((uintptr_t)(block + 1), PAGE);
			uintptr_t end = (uintptr_t)size_again(block) & -PAGE;

			if (start < end)
				any |= system_call3(__NR_madvise, (long)start, (long)(end - start),
						    MADV_DONTNEED) == 0;
		}
	}
	return any;
}

// Gives back what can be given back: the top of the heap but for `pad` bytes, and free pages
// below it. 1 if there was anything.
int malloc_trim(size_t pad)
{
	bool any = false;

	heap_lock();
	empty_cache(mine);
	empty_inboxes();
	if (heap.brk_end) {
		struct block *top = free_below((struct block *)(heap.brk_end - HEADER));

		any = top && trim(top, 0, pad);
	}
	any |= drop_pages();
	heap_unlock();
	return any;
}
