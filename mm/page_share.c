// SPDX-License-Identifier: MIT
//
// fork's part of the page tables: every page of a range entered into a second address space, and
// write-protected in both when it is private. Only entries are copied, never pages.

#include "lib/mutant.h"
#include "mm/page_entry.h"
#include <linux/errno.h>

// The lowest table that covers `address`, or NULL; *next is where the following one begins, past
// any hole in the upper levels.
static pte_t *lowest_table(struct mm *mm, uintptr_t address, uintptr_t *next)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4; level > 1; level--) {
		pte_t entry = table[level_index(address, level)];

		*next = (address | (level_span(level) - 1)) + 1;
		if (!(entry & PTE_PRESENT))
			return NULL;
		table = entry_table(entry);
	}
	return table;
}

// The loop that fork's cost consists of. `from` is in use.
static uint64_t share_entries(pte_t *from, pte_t *last, pte_t *to, pte_t kept_bits)
{
	uint64_t shared = 0;

	while (from < last) {
		pte_t entry = *from;

		if (!entry) {
			pte_t *next = page_slot_next_used(from, last);

			to += next - from;
			from = next;
			continue;
		}
		if (!MUTANT(fork_without_reference))
			frame_get(entry_frame(entry));
		if (entry & ~kept_bits) {
			entry &= kept_bits;
			*from = entry;
		}
		*to = entry;
		shared++;
		from++;
		to++;
	}
	return shared;
}

int page_share(struct mm *from, struct mm *to, uintptr_t start, uintptr_t end, bool private,
	       uint64_t *shared)
{
	pte_t kept_bits = private && !MUTANT(fork_keeps_write) ? ~PTE_WRITE : ~0ul;
	uintptr_t next;

	for (; start < end; start = next) {
		pte_t *table = lowest_table(from, start, &next);
		pte_t *first, *source, *last, *target;
		uint64_t entered;

		if (next > end)
			next = end;
		if (!table)
			continue;
		first = table + level_index(start, 1);
		last = first + ((next - start) >> PAGE_SHIFT);
		source = page_slot_next_used(first, last);
		if (source == last)
			continue;
		target = page_slot_make(to, start);
		if (!target)
			return -ENOMEM;
		target += source - first;
		entered = share_entries(source, last, target, kept_bits);
		table_of(target)->entries += entered;
		*shared += entered;
	}
	return 0;
}

void page_count_resident(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t *anon,
			 uint64_t *file)
{
	uintptr_t next;

	for (; start < end; start = next) {
		pte_t *table = lowest_table(mm, start, &next);

		if (next > end)
			next = end;
		if (!table)
			continue;
		for (uintptr_t at = start; at < next; at += PAGE_SIZE) {
			pte_t entry = table[level_index(at, 1)];

			if (!(entry & PTE_MAPS))
				continue;
			*anon += entry_frame(entry)->kind == FRAME_ANON;
			*file += entry_frame(entry)->kind == FRAME_FILE;
		}
	}
}
