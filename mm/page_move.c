// SPDX-License-Identifier: MIT
//
// mremap's part of the page tables: entries moved from one range to another, their frames and
// reference counts untouched.
//
// Where a lowest table of the one range covers exactly one of the other, the table itself moves:
// 512 pages at a time. Otherwise entries move one by one. Only these are told to have been written
// (soft-dirty), as on Linux.

#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include <linux/errno.h>

#define TABLE_SPAN (PAGE_SIZE * TABLE_ENTRIES)

// The slot that may name the lowest table of `address`; NULL when nothing is mapped up to *left
// bytes on.
static pte_t *lowest_table_slot(struct mm *mm, uintptr_t address, uint64_t *left)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4; level > 2; level--) {
		pte_t entry = table[level_index(address, level)];

		*left = level_span(level) - (address & (level_span(level) - 1));
		if (!entry)
			return NULL;
		table = entry_table(entry);
	}
	return &table[level_index(address, 2)];
}

// Where nothing is mapped in the whole span of a table, there is none.
static void move_tables(pte_t *from, pte_t *to, uint64_t count, uint64_t distance)
{
	uint64_t moved = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (!from[i])
			continue;
		entry_frame(from[i])->index += distance;
		to[i] = from[i];
		from[i] = 0;
		moved++;
	}
	table_of(from)->entries -= moved;
	table_of(to)->entries += moved;
}

// `first`: the first of them that is in use. `moved_bits`: what they have in addition.
static void move_entries(pte_t *from, pte_t *to, uint64_t first, uint64_t count, pte_t moved_bits)
{
	uint64_t moved = 0;

	for (uint64_t i = first; i < count; i++) {
		if (!from[i])
			continue;
		to[i] = from[i] | moved_bits;
		from[i] = 0;
		moved++;
	}
	table_of(from)->entries -= moved;
	table_of(to)->entries += moved;
}

static uint64_t minimum(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// Bytes from `address` on that lie in one table of `span` bytes.
static uint64_t left_in(uintptr_t address, uint64_t span)
{
	return span - (address & (span - 1));
}

// Moves lowest tables named by one table each: 1 GiB at most.
static int move_aligned(struct mm *mm, pte_t *from_slot, uintptr_t from, uintptr_t to,
			uint64_t length, uint64_t *moved)
{
	uint64_t left = minimum(left_in(from, level_span(3)), left_in(to, level_span(3)));
	pte_t *last, *to_slot;

	*moved = minimum(length & ~(TABLE_SPAN - 1), left);
	last = from_slot + *moved / TABLE_SPAN;
	if (page_slot_next_used(from_slot, last) == last)
		return 0;
	to_slot = page_table_slot_make(mm, to);
	if (!to_slot)
		return -ENOMEM;
	move_tables(from_slot, to_slot, last - from_slot, to - from);
	page_forget_leaf(mm);
	return 0;
}

// Moves what one table holds, up to `length` bytes; *moved becomes how far that reached.
static int move_part(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length,
		     pte_t moved_bits, uint64_t *moved)
{
	uint64_t left;
	pte_t *from_slot = lowest_table_slot(mm, from, &left), *to_slot, *source;
	uint64_t first;

	*moved = minimum(from_slot ? left_in(from, TABLE_SPAN) : left, length);
	if (from_slot && !((from | to) & (TABLE_SPAN - 1)) && length >= TABLE_SPAN)
		return move_aligned(mm, from_slot, from, to, length, moved);
	if (!from_slot || !*from_slot)
		return 0;
	*moved = minimum(*moved, left_in(to, TABLE_SPAN));
	source = entry_table(*from_slot) + level_index(from, 1);
	first = page_slot_next_used(source, source + (*moved >> PAGE_SHIFT)) - source;
	// No table for what holds nothing: it would stay empty.
	if (first == *moved >> PAGE_SHIFT)
		return 0;
	to_slot = page_slot_make(mm, to);
	if (!to_slot)
		return -ENOMEM;
	move_entries(source, to_slot, first, *moved >> PAGE_SHIFT, moved_bits);
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

static int move_range(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length,
		      pte_t moved_bits, uint64_t *done)
{
	uint64_t moved;

	for (*done = 0; *done < length; *done += moved) {
		int error = move_part(mm, from + *done, to + *done, length - *done, moved_bits,
				      &moved);

		if (error)
			return error;
	}
	return 0;
}

int page_move(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length, bool tracked)
{
	const pte_t moved_bits = tracked ? PTE_MOVED : 0;
	uint64_t done, back;
	int error = move_range(mm, from, to, length, moved_bits, &done);

	// The way back makes no tables: those of `from` are all still there.
	if (error)
		move_range(mm, to, from, done, 0, &back);
	// Tables have only moved. When one is freed, each CPU forgets every way to it, this old
	// one too (SDM vol. 3A, 4.10.4.1).
	if (!MUTANT(move_without_flush))
		machine_flush_range(mm, from, from + length);
	if (error && !MUTANT(failed_move_without_flush))
		machine_flush_range(mm, to, to + done);
	prune_range(mm, error ? to : from, (error ? to : from) + length);
	return error;
}
