// SPDX-License-Identifier: MIT
//
// From page number to frame: see mm/page_index.h.

#include "mm/page_index.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>

#define NODE_BITS   PAGE_INDEX_BITS
#define NODE_PLACES PAGE_INDEX_PLACES
#define MAX_HEIGHT  11 // 64 bits

// Whether `number` has a place in a tree of this height.
static bool fits(uint64_t number, unsigned height)
{
	return height * NODE_BITS >= 64 || number >> (height * NODE_BITS) == 0;
}

static unsigned place_of(uint64_t number, unsigned level)
{
	return number >> (NODE_BITS * (level - 1)) & (NODE_PLACES - 1);
}

static void remember(struct page_index *index, uint64_t number, struct page_index_node *node)
{
	index->near = node;
	index->near_number = number >> NODE_BITS;
}

struct frame *page_index_find(struct page_index *index, uint64_t number)
{
	struct page_index_node *node = NULL;
	void *at = index->root;

	if (!fits(number, index->height))
		return NULL;
	for (unsigned level = index->height; level > 0 && at; level--) {
		node = at;
		at = node->places[place_of(number, level)];
		if (level == 1)
			remember(index, number, node);
	}
	return at;
}

// The same within a subtree whose numbers begin at `base`.
static struct frame *next_below(void *at, unsigned level, uint64_t base, uint64_t *number)
{
	struct page_index_node *node = at;
	unsigned shift = NODE_BITS * (level - 1);
	unsigned place = *number > base ? place_of(*number, level) : 0;

	if (level == 0) {
		*number = base;
		return at;
	}
	for (; place < NODE_PLACES; place++) {
		struct frame *found = NULL;

		if (node->places[place])
			found = next_below(node->places[place], level - 1,
					   base + ((uint64_t)place << shift), number);
		if (found)
			return found;
	}
	return NULL;
}

struct frame *page_index_next(const struct page_index *index, uint64_t *number)
{
	if (!index->root || !fits(*number, index->height))
		return NULL;
	return next_below(index->root, index->height, 0, number);
}

// Puts a node above the root, so that larger numbers fit.
static int grow(struct page_index *index)
{
	if (index->root) {
		struct page_index_node *node = kzalloc(sizeof(*node));

		if (!node)
			return -ENOMEM;
		node->places[0] = index->root;
		node->used = 1;
		index->root = node;
	}
	index->height++;
	return 0;
}

// Frees the nodes on the path to `number` that hold nothing, lowest first.
static void prune(struct page_index *index, uint64_t number)
{
	struct page_index_node *path[MAX_HEIGHT + 1];
	void *at = index->root;
	unsigned level = index->height;

	index->near = NULL;
	for (; level > 0 && at; level--) {
		path[level] = at;
		at = path[level]->places[place_of(number, level)];
	}
	for (level++; level <= index->height && !path[level]->used; level++) {
		kfree(path[level]);
		if (level == index->height) {
			index->root = NULL;
			break;
		}
		path[level + 1]->places[place_of(number, level + 1)] = NULL;
		path[level + 1]->used--;
	}
}

int page_index_insert(struct page_index *index, uint64_t number, struct frame *frame)
{
	struct page_index_node *parent = NULL;
	void **link = &index->root;

	while (!fits(number, index->height))
		if (grow(index))
			return -ENOMEM;
	for (unsigned level = index->height; level > 0; level--) {
		if (!*link) {
			*link = kzalloc(sizeof(struct page_index_node));
			if (!*link) {
				prune(index, number);
				return -ENOMEM;
			}
			if (parent)
				parent->used++;
		}
		parent = *link;
		link = &parent->places[place_of(number, level)];
	}
	*link = frame;
	if (!parent)
		return 0;
	parent->used++;
	remember(index, number, parent);
	return 0;
}

void page_index_clear(struct page_index *index, uint64_t number)
{
	struct page_index_node *node = index->root;

	if (!index->height) {
		index->root = NULL;
		return;
	}
	for (unsigned level = index->height; level > 1; level--)
		node = node->places[place_of(number, level)];
	node->places[place_of(number, 1)] = NULL;
	node->used--;
	prune(index, number);
}
