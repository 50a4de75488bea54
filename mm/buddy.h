// SPDX-License-Identifier: MIT
//
// The buddy system below mm/frame.c: free blocks by order, split when too large, merged with
// their buddy when both are free (Knowlton 1965; Knuth, The Art of Computer Programming 1, 2.5).
// It knows free blocks only: owners, references and counts are mm/frame.c's.
//
// All of it is guarded by `buddy_lock`, taken by the caller.
#pragma once

#include "lib/spinlock.h"
#include "mm/frame.h"

extern struct spinlock buddy_lock;

// Takes a block of 2^order frames off the lists; NULL when there is none.
struct frame *buddy_take(unsigned order);

// Takes one of the smallest blocks there are, or a part of a larger one: of 2^*order frames at
// most; *order becomes what it is. NULL when nothing is free.
struct frame *buddy_take_smallest(unsigned *order);

// Puts a block on the lists, merged with what lies beside it.
void buddy_give(struct frame *frame, unsigned order);

// Heads of free blocks of one order: for the audit.
struct list *buddy_list(unsigned order);
uint64_t buddy_blocks(unsigned order);
