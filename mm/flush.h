// SPDX-License-Identifier: MIT
//
// Freeing what was mapped, in the only safe order: first the entries are cleared, then every CPU
// forgets them, and only then are the frames given back (Intel SDM vol. 3A, 4.10.4.2 and 4.10.5).
// A batch collects frames so that one flush serves many.
#pragma once

#include "mm/frame.h"
#include <stdbool.h>

struct mm;

#define FLUSH_BATCH_FRAMES 48

// Lives on the stack of whoever unmaps; guarded by mm->lock.
struct flush_batch {
	struct mm *mm;
	uintptr_t start, end; // what must be flushed; empty when start >= end
	unsigned count, capacity;
	bool unreachable;     // no CPU runs this mm, nor ever will: nothing needs flushing
	struct frame *tables; // emptied page tables, linked by frame->link.next
	struct frame *
		*frames; // those below, or a page of them where other CPUs have to be waited for
	struct frame *few[FLUSH_BATCH_FRAMES];
};

static inline void flush_batch_start(struct flush_batch *batch, struct mm *mm)
{
	batch->mm = mm;
	batch->start = ~0ul;
	batch->end = 0;
	batch->count = 0;
	batch->capacity = FLUSH_BATCH_FRAMES;
	batch->unreachable = false;
	batch->tables = NULL;
	batch->frames = batch->few;
}

// The translation of [start, end) has changed.
static inline void flush_batch_range(struct flush_batch *batch, uintptr_t start, uintptr_t end)
{
	if (start < batch->start)
		batch->start = start;
	if (end > batch->end)
		batch->end = end;
}

// Flushes, then drops the references collected.
void flush_batch_finish(struct flush_batch *batch);

// Makes room for more. The range stays: what is unmapped after this and lies in it needs no
// flush_batch_range.
void flush_batch_full(struct flush_batch *batch);

// An empty page table goes after the next flush.
static inline void flush_batch_add_table(struct flush_batch *batch, struct frame *table)
{
	table->link.next = batch->tables ? &batch->tables->link : NULL;
	batch->tables = table;
}

// One reference to `frame` goes after the next flush.
static inline void flush_batch_add(struct flush_batch *batch, struct frame *frame)
{
	if (batch->count == batch->capacity)
		flush_batch_full(batch);
	batch->frames[batch->count++] = frame;
}
