// SPDX-License-Identifier: MIT
//
// From page number to frame: a radix tree of nodes with 64 places, as high as the largest number
// needs. Guarded by the lock of the object it belongs to.
#pragma once

#include <stdint.h>

struct frame;

#define PAGE_INDEX_BITS   6
#define PAGE_INDEX_PLACES (1u << PAGE_INDEX_BITS)

struct page_index_node {
	void *places[PAGE_INDEX_PLACES];
	unsigned used;
};

struct page_index {
	void *root;                   // frame (height 0) or struct page_index_node
	unsigned height;              // levels of nodes
	struct page_index_node *near; // the lowest-level node used last, or NULL: most pages are
				      // asked for beside the last one
	uint64_t near_number;         // of its first place, in units of PAGE_INDEX_PLACES
};

struct frame *page_index_find(struct page_index *index, uint64_t number);
static inline struct frame *page_index_get(struct page_index *index, uint64_t number)
{
	if (index->near && number >> PAGE_INDEX_BITS == index->near_number)
		return index->near->places[number % PAGE_INDEX_PLACES];
	return page_index_find(index, number);
}

// The first frame at or after *number, which becomes its number; NULL: none.
struct frame *page_index_next(const struct page_index *index, uint64_t *number);

// Enters a frame where there is none. 0 or -ENOMEM.
int page_index_insert(struct page_index *index, uint64_t number, struct frame *frame);
static inline int page_index_set(struct page_index *index, uint64_t number, struct frame *frame)
{
	if (!index->near || number >> PAGE_INDEX_BITS != index->near_number)
		return page_index_insert(index, number, frame);
	index->near->places[number % PAGE_INDEX_PLACES] = frame;
	index->near->used++;
	return 0;
}

// Takes a frame out; nodes that become empty are freed.
void page_index_clear(struct page_index *index, uint64_t number);
