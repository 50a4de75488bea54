// SPDX-License-Identifier: MIT
//
// What the pages of a range are: see mm/usage.h.

#include "mm/usage.h"
#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/zero.h"

#define SPANS_AT_ONCE 16 // lowest tables looked at under one hold of mm->lock

// The page cache's own reference does not count.
uint64_t frame_mappings(const struct frame *frame)
{
	uint64_t count = __atomic_load_n(&frame->references, __ATOMIC_RELAXED);

	if (frame->kind == FRAME_FILE)
		return count ? count - 1 : 0;
	return frame->kind == FRAME_ANON ? count : 0;
}

// The same of one that is mapped here. Somebody may hold it for a moment, and the cache may just
// have given it up.
static uint64_t mappings_of(const struct frame *frame)
{
	uint64_t count = frame_mappings(frame);

	return count ? count : 1;
}

static void count_page(pte_t *slot, struct page_usage *usage)
{
	pte_t entry = *slot;
	const struct frame *frame = entry_frame(entry);
	uint64_t mappings = mappings_of(frame);
	bool dirty = entry & PTE_DIRTY;
	bool memory = frame->kind == FRAME_FILE && (frame->file_state & FRAME_KEPT);

	if (frame == zero_frame || frame->kind == FRAME_DEVICE)
		return;
	usage->resident++;
	usage->share += USAGE_UNIT / mappings;
	usage->dirty_share += dirty ? USAGE_UNIT / mappings : 0;
	usage->anonymous += frame->kind == FRAME_ANON;
	usage->anonymous_share += frame->kind == FRAME_ANON ? USAGE_UNIT / mappings : 0;
	usage->memory += memory;
	usage->memory_share += memory ? USAGE_UNIT / mappings : 0;
	usage->referenced += (entry & PTE_ACCESSED) != 0;
	if (mappings > 1)
		*(dirty ? &usage->shared_dirty : &usage->shared_clean) += 1;
	else
		*(dirty ? &usage->private_dirty : &usage->private_clean) += 1;
}

// The lowest table of `address`, or NULL; *next is where the following one begins, past any hole
// in the upper levels.
static pte_t *table_at(struct mm *mm, uintptr_t address, uintptr_t *next)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4; level > 1 && table; level--) {
		*next = (address | (level_span(level) - 1)) + 1;
		table = page_table_below(table, address, level);
	}
	return table;
}

// Calls `visit` for each entry that maps something, up to the end of some tables; where that is.
typedef void (*entry_visitor)(pte_t *entry, struct page_usage *usage);
static uintptr_t visit_some(struct mm *mm, uintptr_t start, uintptr_t end, entry_visitor visit,
			    struct page_usage *usage)
{
	for (unsigned spans = 0; start < end && spans < SPANS_AT_ONCE; spans++) {
		uintptr_t next = end;
		pte_t *table = table_at(mm, start, &next);

		if (next > end)
			next = end;
		for (uintptr_t at = start; table && at < next; at += PAGE_SIZE) {
			pte_t *entry = &table[level_index(at, 1)];

			if (*entry & PTE_MAPS)
				visit(entry, usage);
		}
		start = next;
	}
	return start;
}

void mm_count_usage(struct mm *mm, uintptr_t start, uintptr_t end, struct page_usage *usage)
{
	while (start < end) {
		spin_lock(&mm->lock);
		start = visit_some(mm, start, end, count_page, usage);
		spin_unlock(&mm->lock);
	}
}

// Processors may be setting the bit at the same time.
static void clear_referenced(pte_t *entry, struct page_usage *usage)
{
	(void)usage;
	__atomic_and_fetch(entry, ~PTE_ACCESSED, __ATOMIC_RELAXED);
}

// Without the flush a CPU that remembers the translation would not set the bit again.
void mm_clear_referenced(struct mm *mm, uintptr_t start, uintptr_t end)
{
	while (start < end) {
		uintptr_t from = start;

		spin_lock(&mm->lock);
		start = visit_some(mm, start, end, clear_referenced, NULL);
		if (!MUTANT(referenced_without_flush))
			machine_flush_range(mm, from, start);
		spin_unlock(&mm->lock);
	}
}

void mm_reset_peak(struct mm *mm)
{
	spin_lock(&mm->lock);
	mm->peak_resident = mm->anon_resident + mm->file_resident;
	spin_unlock(&mm->lock);
}

static void track_writes(pte_t *entry, struct page_usage *usage)
{
	(void)usage;
	*entry = (*entry & ~(PTE_WRITE | PTE_MOVED)) | PTE_TRACKED;
}

void mm_track_writes(struct mm *mm)
{
	uintptr_t at = 0;
	struct vma *vma;

	do {
		spin_lock(&mm->lock);
		vma = mm_find_vma(mm, at);
		if (vma) {
			uintptr_t from = at > vma->start ? at : vma->start;

			vma->flags |= VMA_TRACKED;
			at = visit_some(mm, from, vma->end, track_writes, NULL);
			if (!MUTANT(tracked_without_flush))
				machine_flush_range(mm, from, at);
		}
		spin_unlock(&mm->lock);
	} while (vma);
}

static uint64_t pagemap_word(pte_t entry)
{
	const struct frame *frame = entry_frame(entry);
	uint64_t word = PAGEMAP_PRESENT | (entry & PTE_ADDRESS) >> PAGE_SHIFT;

	if (frame->kind == FRAME_FILE)
		word |= PAGEMAP_FILE;
	if ((entry & (PTE_DIRTY | PTE_TRACKED)) == PTE_DIRTY || (entry & PTE_MOVED))
		word |= PAGEMAP_SOFT_DIRTY;
	if (frame->kind == FRAME_DEVICE)
		return word;
	return mappings_of(frame) == 1 ? word | PAGEMAP_EXCLUSIVE : word;
}

void mm_pagemap(struct mm *mm, uintptr_t start, size_t pages, uint64_t *words)
{
	struct vma *vma;

	spin_lock(&mm->lock);
	vma = mm_find_vma(mm, start);
	for (size_t i = 0; i < pages; i++) {
		uintptr_t address = start + i * PAGE_SIZE;
		const pte_t *slot = page_slot_find(mm, address);

		words[i] = slot && (*slot & PTE_MAPS) ? pagemap_word(*slot) : 0;
		while (vma && vma->end <= address)
			vma = mm_next_vma(vma);
		if (vma && vma->start <= address && !(vma->flags & VMA_TRACKED))
			words[i] |= PAGEMAP_SOFT_DIRTY;
	}
	spin_unlock(&mm->lock);
}
