// SPDX-License-Identifier: MIT
//
// Flush, then free: see mm/flush.h.

#include "mm/flush.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/machine.h"
#include "mm/mm.h"
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

static void flush(struct flush_batch *batch)
{
	if (MUTANT(freed_before_flush)) {
		frame_put_all(batch->frames, batch->count);
		batch->count = 0;
	}
	if (MUTANT(table_freed_before_flush))
		release_tables(batch);
	if (batch->start < batch->end && !batch->unreachable && !MUTANT(unmap_without_flush)) {
		if (batch->tables)
			machine_flush_tables(batch->mm, batch->start, batch->end);
		else
			machine_flush_range(batch->mm, batch->start, batch->end);
	}
	frame_put_all(batch->frames, batch->count);
	batch->count = 0;
	release_tables(batch);
}

void flush_batch_finish(struct flush_batch *batch)
{
	flush(batch);
	if (batch->frames != batch->few)
		frame_free(phys_to_frame(virt_to_phys(batch->frames)), 0);
	batch->frames = batch->few;
	batch->capacity = FLUSH_BATCH_FRAMES;
}

// To wait for other CPUs takes long, so that fewer and larger flushes are worth a page. Without
// one the batch stays small.
void flush_batch_full(struct flush_batch *batch)
{
	uint64_t cpus = __atomic_load_n(&batch->mm->cpus, __ATOMIC_RELAXED);
	bool alone = batch->unreachable || !(cpus & (cpus - 1));
	struct frame *page = NULL;

	if (!alone && batch->frames == batch->few)
		page = frame_alloc(0, FRAME_KERNEL);
	if (!page) {
		flush(batch);
		return;
	}
	batch->frames = frame_to_virt(page);
	batch->capacity = PAGE_SIZE / sizeof(batch->frames[0]);
	memcpy(batch->frames, batch->few, sizeof(batch->few));
}
