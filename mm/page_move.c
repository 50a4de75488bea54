// SPDX-License-Identifier: MIT
//
// mremap's part of the page tables: entries moved from one range to another, their frames and
// reference counts untouched.
//
// Where a lowest table of the one range covers exactly one of the other, the two tables change
// places: 512 pages at a time. Otherwise entries move one by one.

#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include <linux/errno.h>

#define TABLE_SPAN (PAGE_SIZE * TABLE_ENTRIES)

// The slot that names the lowest table of `address`, or the one above it where nothing is named;
// *span: the bytes that it stands for.
static pte_t *lowest_table_slot(struct mm *mm, uintptr_t address, uint64_t *span)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4;; level--) {
		pte_t *slot = &table[level_index(address, level)];

		*span = level_span(level);
		if (level == 2 || !(*slot & PTE_PRESENT))
			return slot;
		table = entry_table(*slot);
	}
}

static void exchange_tables(struct mm *mm, pte_t *a, pte_t *b)
{
	struct frame *table_a = entry_frame(*a), *table_b = entry_frame(*b);
	uint64_t index = table_a->index;
	pte_t entry = *a;

	table_a->index = table_b->index;
	table_b->index = index;
	*a = *b;
	*b = entry;
	page_forget_leaf(mm);
}

static void move_entries(pte_t *from, pte_t *to, uint64_t count)
{
	uint64_t moved = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (!from[i])
			continue;
		to[i] = from[i];
		from[i] = 0;
		moved++;
	}
	table_of(from)->entries -= moved;
	table_of(to)->entries += moved;
}

// Bytes from `address` to the next multiple of `span`, a power of two.
static uint64_t left_in(uint64_t span, uintptr_t address)
{
	return span - (address & (span - 1));
}

// Moves what one lowest table holds, up to `length` bytes; *moved becomes how far that reached:
// further where tables are missing.
static int move_part(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length, uint64_t *moved)
{
	uint64_t span;
	pte_t *from_slot = lowest_table_slot(mm, from, &span), *to_entry;
	uint64_t step = left_in(span, from);

	if (step > length)
		step = length;
	*moved = step;
	if (!(*from_slot & PTE_PRESENT))
		return 0;
	if (step > left_in(TABLE_SPAN, to))
		*moved = step = left_in(TABLE_SPAN, to);
	to_entry = page_slot_make(mm, to);
	if (!to_entry)
		return -ENOMEM;
	if (step == TABLE_SPAN)
		exchange_tables(mm, from_slot, lowest_table_slot(mm, to, &span));
	else
		move_entries(entry_table(*from_slot) + level_index(from, 1), to_entry,
			     step >> PAGE_SHIFT);
	return 0;
}

// Frees the tables of a range in which nothing is mapped.
static void prune_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct flush_batch batch;

	flush_batch_start(&batch, mm);
	page_unmap(mm, start, end, &batch);
	flush_batch_finish(&batch);
}

static int move_range(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length, uint64_t *done)
{
	uint64_t moved;

	for (*done = 0; *done < length; *done += moved) {
		int error = move_part(mm, from + *done, to + *done, length - *done, &moved);

		if (error)
			return error;
	}
	return 0;
}

int page_move(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length)
{
	uint64_t done, back;
	int error = move_range(mm, from, to, length, &done);

	// The way back makes no tables: those of `from` are all still there.
	if (error)
		move_range(mm, to, from, done, &back);
	if (!MUTANT(move_without_flush))
		machine_flush_range(mm, from, from + length);
	if (error)
		machine_flush_range(mm, to, to + done);
	prune_range(mm, error ? to : from, (error ? to : from) + length);
	return error;
}
