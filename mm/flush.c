// SPDX-License-Identifier: MIT
//
// Flush, then free: see mm/flush.h.

#include "mm/flush.h"
#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/page_entry.h"

static void release(struct frame *frame)
{
	if (frame->kind == FRAME_PAGE_TABLE)
		page_table_release(frame);
	else
		frame_put(frame);
}

void flush_batch_finish(struct flush_batch *batch)
{
	if (batch->start < batch->end && !batch->unreachable && !MUTANT(unmap_without_flush))
		machine_flush_range(batch->mm, batch->start, batch->end);
	for (unsigned i = 0; i < batch->count; i++)
		release(batch->frames[i]);
	batch->count = 0;
	batch->start = ~0ul;
	batch->end = 0;
}
