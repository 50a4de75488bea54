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

static uintptr_t maximum(uintptr_t a, uintptr_t b)
{
	return a > b ? a : b;
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

// An emptied table leaves the tree; processors keep tables in caches of their own, for the whole
// span.
static void unmap_empty(pte_t *slot, struct frame *below, struct flush_batch *batch)
{
	*slot = 0;
	table_of(slot)->entries--;
	batch->mm->tables--;
	if (!MUTANT(freed_table_remembered))
		page_forget_leaf(batch->mm);
	trace_frame(TRACE_TABLE_FREE, below);
	flush_batch_add_table(batch, below);
}

static void unmap_leaf(struct frame *table, uintptr_t start, uintptr_t end,
		       struct flush_batch *batch)
{
	if (batch->unreachable)
		abandon_entries(table, start, end, batch);
	else
		unmap_entries(table, start, end, batch);
}

// Takes the table that `slot` names out of the tree if it is empty; whether it was.
static bool unmap_if_empty(pte_t *slot, uintptr_t start, uintptr_t end, struct flush_batch *batch)
{
	struct frame *below = entry_frame(*slot);

	if ((below->entries && !MUTANT(table_freed_in_use)) || MUTANT(empty_table_kept))
		return false;
	flush_batch_range(batch, start, end);
	unmap_empty(slot, below, batch);
	return true;
}

static void unmap_table(struct frame *table, unsigned level, uintptr_t start, uintptr_t end,
			struct flush_batch *batch)
{
	pte_t *entries = frame_to_virt(table), *slot = &entries[level_index(start, level)];
	pte_t *last = &entries[level_index(end - 1, level)] + 1;
	uintptr_t base = start & ~(level_span(level + 1) - 1);

	for (; (slot = page_slot_next_used(slot, last)) < last; slot++) {
		uintptr_t first = base + (slot - entries) * level_span(level);
		uintptr_t from = maximum(first, start);
		uintptr_t to = minimum(first + level_span(level), end);

		if (level == 2)
			unmap_leaf(entry_frame(*slot), from, to, batch);
		else
			unmap_table(entry_frame(*slot), level - 1, from, to, batch);
		unmap_if_empty(slot, from, to, batch);
	}
}

// The same for a range within one lowest table: a path instead of a tree. Where tables are
// missing, those above may be empty: what was to be entered there could not be.
static void unmap_path(struct mm *mm, uintptr_t start, uintptr_t end, struct flush_batch *batch)
{
	pte_t *path[5], *table = phys_to_virt(mm->root);
	unsigned level = 4;

	for (;; level--) {
		path[level] = &table[level_index(start, level)];
		if (!*path[level]) {
			level++;
			break;
		}
		table = entry_table(*path[level]);
		if (level == 2) {
			unmap_leaf(table_of(table), start, end, batch);
			break;
		}
	}
	while (level <= 4 && unmap_if_empty(path[level], start, end, batch))
		level++;
}

void page_unmap(struct mm *mm, uintptr_t start, uintptr_t end, struct flush_batch *batch)
{
	pte_t *slot;

	if (start >> LEAF_SPAN_SHIFT != (end - 1) >> LEAF_SPAN_SHIFT) {
		unmap_table(phys_to_frame(mm->root), 4, start, end, batch);
		return;
	}
	// Most ranges lie in one lowest table, and that most often stays.
	slot = page_slot_look(mm, start);
	if (slot && table_of(slot)->entries > (end - start) >> PAGE_SHIFT)
		unmap_leaf(table_of(slot), start, end, batch);
	else
		unmap_path(mm, start, end, batch);
}

void page_prune(struct mm *mm, uintptr_t address)
{
	struct flush_batch batch;

	flush_batch_start(&batch, mm);
	page_unmap(mm, address, address + PAGE_SIZE, &batch);
	flush_batch_finish(&batch);
}

// What may be accessed, but not written.
static void protect_entries(pte_t *slot, pte_t *last, pte_t bits)
{
	for (; slot < last; slot++)
		if (*slot & PTE_MAPS)
			*slot = (*slot & (PTE_ADDRESS | PTE_DIRTY | PTE_TRACKED | PTE_MOVED)) |
				bits;
}

// What may be written again. An only owner may at once; a shared frame waits for the fault that
// copies it, and one whose writes are watched for the fault that tells.
static void permit_entries(pte_t *slot, pte_t *last, pte_t bits)
{
	const pte_t kept = PTE_ADDRESS | PTE_WRITE | PTE_DIRTY | PTE_TRACKED | PTE_MOVED;
	const pte_t writable = bits | PTE_WRITE | PTE_DIRTY;

	for (; slot < last; slot++) {
		pte_t entry = *slot;
		struct frame *frame = entry_frame(entry);

		if (!(entry & PTE_MAPS))
			continue;
		if (frame->references == 1 && frame->kind == FRAME_ANON && !(entry & PTE_TRACKED))
			*slot = (entry & PTE_ADDRESS) | writable;
		else
			*slot = (entry & kept) | bits;
	}
}

static void protect_leaf(pte_t *slot, uint64_t count, uint32_t vma_flags)
{
	pte_t bits = page_protection(vma_flags);

	if (vma_flags & VMA_WRITE)
		permit_entries(slot, slot + count, bits);
	else
		protect_entries(slot, slot + count, bits);
}

static void protect_table(pte_t *entries, unsigned level, uintptr_t start, uintptr_t end,
			  uint32_t vma_flags)
{
	pte_t *slot = &entries[level_index(start, level)];
	pte_t *last = &entries[level_index(end - 1, level)] + 1;
	uintptr_t base = start & ~(level_span(level + 1) - 1);

	for (; (slot = page_slot_next_used(slot, last)) < last; slot++) {
		uintptr_t first = base + (slot - entries) * level_span(level);
		uintptr_t from = maximum(first, start);
		uintptr_t to = minimum(first + level_span(level), end);

		if (level == 2)
			protect_leaf(entry_table(*slot) + level_index(from, 1),
				     (to - from) >> PAGE_SHIFT, vma_flags);
		else
			protect_table(entry_table(*slot), level - 1, from, to, vma_flags);
	}
}

void page_protect(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t before, uint32_t after)
{
	if (start >> LEAF_SPAN_SHIFT == (end - 1) >> LEAF_SPAN_SHIFT) {
		pte_t *slot = page_slot_look(mm, start);

		if (!slot)
			return;
		protect_leaf(slot, (end - start) >> PAGE_SHIFT, after);
	} else {
		protect_table(phys_to_virt(mm->root), 4, start, end, after);
	}
	// A processor that knows less than is allowed asks again by a fault.
	if ((before & ~after & VMA_PROTECTION) && !MUTANT(protect_without_flush))
		machine_flush_range(mm, start, end);
}
