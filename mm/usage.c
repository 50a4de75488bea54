// SPDX-License-Identifier: MIT
//
// What the pages of a range are: see mm/usage.h.

#include "mm/usage.h"
#include "mm/page_entry.h"
#include "mm/zero.h"

#define SPANS_AT_ONCE 16 // lowest tables looked at under one hold of mm->lock

// How many address spaces map a frame, or the same one several times. The page cache's own
// reference does not count.
static uint64_t mappings_of(const struct frame *frame)
{
	uint64_t count = __atomic_load_n(&frame->references, __ATOMIC_RELAXED);

	if (frame->kind == FRAME_FILE && count > 1)
		count--;
	return count;
}

static void count_page(pte_t entry, struct page_usage *usage)
{
	const struct frame *frame = entry_frame(entry);
	uint64_t mappings = mappings_of(frame);
	bool dirty = entry & PTE_DIRTY;

	if (frame == zero_frame)
		return;
	usage->resident++;
	usage->share += USAGE_UNIT / mappings;
	usage->dirty_share += dirty ? USAGE_UNIT / mappings : 0;
	usage->anonymous += frame->kind == FRAME_ANON;
	usage->anonymous_share += frame->kind == FRAME_ANON ? USAGE_UNIT / mappings : 0;
	usage->referenced += (entry & PTE_ACCESSED) != 0;
	if (mappings > 1)
		*(dirty ? &usage->shared_dirty : &usage->shared_clean) += 1;
	else
		*(dirty ? &usage->private_dirty : &usage->private_clean) += 1;
}

// The lowest table of `address`, or NULL; *next is where the following one begins, past any hole
// in the upper levels.
static const pte_t *table_at(struct mm *mm, uintptr_t address, uintptr_t *next)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4; level > 1 && table; level--) {
		*next = (address | (level_span(level) - 1)) + 1;
		table = page_table_below(table, address, level);
	}
	return table;
}

// Up to the end of some tables; where that is.
static uintptr_t count_some(struct mm *mm, uintptr_t start, uintptr_t end,
			    struct page_usage *usage)
{
	for (unsigned spans = 0; start < end && spans < SPANS_AT_ONCE; spans++) {
		uintptr_t next = end;
		const pte_t *table = table_at(mm, start, &next);

		if (next > end)
			next = end;
		for (uintptr_t at = start; table && at < next; at += PAGE_SIZE) {
			pte_t entry = table[level_index(at, 1)];

			if (entry & PTE_MAPS)
				count_page(entry, usage);
		}
		start = next;
	}
	return start;
}

void mm_count_usage(struct mm *mm, uintptr_t start, uintptr_t end, struct page_usage *usage)
{
	while (start < end) {
		spin_lock(&mm->lock);
		start = count_some(mm, start, end, usage);
		spin_unlock(&mm->lock);
	}
}

static uint64_t pagemap_word(pte_t entry)
{
	const struct frame *frame = entry_frame(entry);
	uint64_t word = PAGEMAP_PRESENT | (entry & PTE_ADDRESS) >> PAGE_SHIFT;

	if (frame->kind == FRAME_FILE)
		word |= PAGEMAP_FILE;
	return mappings_of(frame) == 1 ? word | PAGEMAP_EXCLUSIVE : word;
}

void mm_pagemap(struct mm *mm, uintptr_t start, size_t pages, uint64_t *words)
{
	spin_lock(&mm->lock);
	for (size_t i = 0; i < pages; i++) {
		const pte_t *slot = page_slot_find(mm, start + i * PAGE_SIZE);

		words[i] = slot && (*slot & PTE_MAPS) ? pagemap_word(*slot) : 0;
	}
	spin_unlock(&mm->lock);
}
