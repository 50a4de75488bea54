// SPDX-License-Identifier: MIT
//
// From page number to frame: a radix tree of nodes with 64 places, as high as the largest number
// needs. Guarded by the lock of the object it belongs to.
#pragma once

#include <stdint.h>

struct frame;

struct page_index {
	void *root;      // frame (height 0) or struct page_index_node
	unsigned height; // levels of nodes
};

struct frame *page_index_get(const struct page_index *index, uint64_t number);

// Enters a frame where there is none. 0 or -ENOMEM.
int page_index_set(struct page_index *index, uint64_t number, struct frame *frame);

// Takes a frame out; nodes that become empty are freed.
void page_index_clear(struct page_index *index, uint64_t number);
