// SPDX-License-Identifier: MIT
//
// Free blocks of frames: see mm/buddy.h.

#include "mm/buddy.h"
#include "lib/mutant.h"

struct spinlock buddy_lock;

// A list that was never initialised is empty: the lists are ready before any code has run.
static struct list free_blocks[FRAME_ORDER_MAX + 1];
static uint64_t free_count[FRAME_ORDER_MAX + 1];

struct list *buddy_list(unsigned order)
{
	if (!free_blocks[order].next)
		list_init(&free_blocks[order]);
	return &free_blocks[order];
}

uint64_t buddy_blocks(unsigned order)
{
	return free_count[order];
}

static void block_add(struct frame *frame, unsigned order)
{
	frame->order = order;
	frame->place = FRAME_IN_BUDDY;
	frame->kind = FRAME_FREE;
	list_add(buddy_list(order), &frame->link);
	free_count[order]++;
}

static void block_remove(struct frame *frame)
{
	list_del(&frame->link);
	free_count[frame->order]--;
	frame->place = FRAME_NOWHERE;
}

struct frame *buddy_take(unsigned order)
{
	unsigned found = order;
	struct frame *frame;

	while (found <= FRAME_ORDER_MAX && !free_count[found])
		found++;
	if (found > FRAME_ORDER_MAX)
		return NULL;
	frame = list_first_entry(&free_blocks[found], struct frame, link);
	block_remove(frame);
	while (found > order) {
		found--;
		block_add(frame + (1ul << found), found);
	}
	return frame;
}

struct frame *buddy_take_smallest(unsigned *order)
{
	unsigned found = 0;

	while (found < *order && !free_count[found])
		found++;
	*order = found;
	return buddy_take(found);
}

// Blocks of the largest order are aligned to their size, and the frame table has entries for the
// whole of each such block in which there is any RAM: the buddy's entry can always be read.
void buddy_give(struct frame *frame, unsigned order)
{
	uint64_t number = frame - frame_table;

	while (order < FRAME_ORDER_MAX) {
		struct frame *buddy = &frame_table[number ^ (1ul << order)];

		if (buddy->place != FRAME_IN_BUDDY ||
		    (buddy->order != order && !MUTANT(merge_ignores_order)))
			break;
		block_remove(buddy);
		number &= ~(1ul << order);
		order++;
	}
	block_add(&frame_table[number], order);
}
