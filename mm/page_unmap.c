// SPDX-License-Identifier: MIT
//
// Emptying and re-protecting ranges of page tables: see mm/page_entry.h.

#include "lib/mutant.h"
#include "mm/page_entry.h"
#include "mm/machine.h"
#include "mm/trace.h"

static uintptr_t minimum(uintptr_t a, uintptr_t b)
{
	return a < b ? a : b;
}

// The entries of one lowest-level table. Pages that are not FRAME_ANON or FRAME_FILE are not
// counted as resident: the shared zero frame takes no memory.
static void unmap_entries(struct frame *table, uintptr_t start, uintptr_t end,
			  struct flush_batch *batch)
{
	pte_t *slot = (pte_t *)frame_to_virt(table) + level_index(start, 1);
	pte_t *last = slot + ((end - start) >> PAGE_SHIFT);
	uint64_t anon = 0, file = 0, gone = 0;

	slot = page_slot_next_used(slot, last);
	if (slot == last)
		return;
	flush_batch_range(batch, start, end);
	while (slot < last) {
		struct frame *frame;

		if (!*slot) {
			slot = page_slot_next_used(slot, last);
			continue;
		}
		frame = entry_frame(*slot);
		*slot++ = 0;
		gone++;
		anon += frame->kind == FRAME_ANON;
		file += frame->kind == FRAME_FILE;
		flush_batch_add(batch, frame);
	}
	table->entries -= gone;
	batch->mm->anon_resident -= anon;
	batch->mm->file_resident -= file;
}

// The same for an address space that is being destroyed: its counters go with it, and nobody can
// reach a frame through a stale translation, so a reference that is not the last goes at once.
// This loop is most of what the exit of a large process costs.
static void abandon_entries(struct frame *table, uintptr_t start, uintptr_t end,
			    struct flush_batch *batch)
{
	pte_t *slot = (pte_t *)frame_to_virt(table) + level_index(start, 1);
	pte_t *last = slot + ((end - start) >> PAGE_SHIFT);
	uint32_t gone = 0;

	while (slot < last) {
		pte_t entry = *slot;

		if (!entry) {
			slot = page_slot_next_used(slot, last);
			continue;
		}
		*slot++ = 0;
		gone++;
		if (!frame_put_unless_last(entry_frame(entry)))
			flush_batch_add(batch, entry_frame(entry));
	}
	table->entries -= gone;
}

static void unmap_table(struct frame *table, unsigned level, uintptr_t start, uintptr_t end,
			struct flush_batch *batch)
{
	pte_t *entries = frame_to_virt(table);
	uintptr_t next;

	for (; start < end; start = next) {
		pte_t *slot = &entries[level_index(start, level)];
		struct frame *below;

		next = minimum((start | (level_span(level) - 1)) + 1, end);
		if (!*slot)
			continue;
		below = entry_frame(*slot);
		if (level == 2 && batch->unreachable)
			abandon_entries(below, start, next, batch);
		else if (level == 2)
			unmap_entries(below, start, next, batch);
		else
			unmap_table(below, level - 1, start, next, batch);
		if ((below->entries && !MUTANT(table_freed_in_use)) || MUTANT(empty_table_kept))
			continue;
		*slot = 0;
		table->entries--;
		batch->mm->tables--;
		if (!MUTANT(freed_table_remembered))
			page_forget_leaf(batch->mm);
		trace(TRACE_TABLE_FREE, below->index, level - 1, below - frame_table, 0);
		// Processors keep tables in caches of their own, for the whole span.
		flush_batch_range(batch, start, next);
		flush_batch_add_table(batch, below);
	}
}

void page_unmap(struct mm *mm, uintptr_t start, uintptr_t end, struct flush_batch *batch)
{
	unmap_table(phys_to_frame(mm->root), 4, start, end, batch);
}

void page_prune(struct mm *mm, uintptr_t address)
{
	struct flush_batch batch;

	flush_batch_start(&batch, mm);
	page_unmap(mm, address, address + PAGE_SIZE, &batch);
	flush_batch_finish(&batch);
}

// An only owner may write again at once; a shared frame waits for the fault that copies it.
static pte_t protected_entry(pte_t entry, pte_t bits, uint32_t vma_flags)
{
	struct frame *frame = entry_frame(entry);
	pte_t result = (entry & (PTE_ADDRESS | PTE_DIRTY)) | bits;

	if ((vma_flags & VMA_WRITE) && frame->kind == FRAME_ANON && frame->references == 1)
		result |= PTE_WRITE;
	return result;
}

static bool protect_entries(pte_t *slot, uint64_t count, uint32_t vma_flags)
{
	pte_t bits = page_protection(vma_flags);
	bool changed = false;

	for (; count-- > 0; slot++) {
		pte_t before = *slot;

		if (!(before & PTE_MAPS))
			continue;
		*slot = protected_entry(before, bits, vma_flags);
		changed |= *slot != before;
	}
	return changed;
}

static bool protect_table(pte_t *entries, unsigned level, uintptr_t start, uintptr_t end,
			  uint32_t vma_flags)
{
	bool changed = false;
	uintptr_t next;

	for (; start < end; start = next) {
		pte_t entry = entries[level_index(start, level)];

		next = minimum((start | (level_span(level) - 1)) + 1, end);
		if (!entry)
			continue;
		if (level == 2)
			changed |= protect_entries(entry_table(entry) + level_index(start, 1),
						   (next - start) >> PAGE_SHIFT, vma_flags);
		else
			changed |= protect_table(entry_table(entry), level - 1, start, next,
						 vma_flags);
	}
	return changed;
}

void page_protect(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t vma_flags)
{
	bool changed = protect_table(phys_to_virt(mm->root), 4, start, end, vma_flags);

	if (changed && !MUTANT(protect_without_flush))
		machine_flush_range(mm, start, end);
}
