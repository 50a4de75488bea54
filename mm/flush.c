// SPDX-License-Identifier: MIT
//
// Flush, then free: see mm/flush.h.

#include "mm/flush.h"
#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/page_entry.h"

static void release_tables(struct flush_batch *batch)
{
	struct frame *table;

	while ((table = batch->tables)) {
		struct list *next = table->link.next;

		batch->tables = next ? container_of(next, struct frame, link) : NULL;
		page_table_release(table);
	}
}

void flush_batch_finish(struct flush_batch *batch)
{
	if (batch->start < batch->end && !batch->unreachable && !MUTANT(unmap_without_flush))
		machine_flush_range(batch->mm, batch->start, batch->end);
	frame_put_all(batch->frames, batch->count);
	batch->count = 0;
	release_tables(batch);
}
