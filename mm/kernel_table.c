// SPDX-License-Identifier: MIT
//
// The kernel's half of the address space: see mm/kernel_table.h. Changed only while starting and
// by mm/kernel_map.c, under its lock.

#include "mm/kernel_table.h"
#include "lib/string.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include <linux/errno.h>

#define KERNEL_TABLE_BITS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

static phys_t root;
static table_source source;
static bool giant_pages;
static uint64_t tables;

static phys_t table_from_frames(void)
{
	struct frame *frame = frame_alloc_zeroed(FRAME_PAGE_TABLE);

	if (!frame)
		return 0;
	frame->owner = NULL;
	return frame_to_phys(frame);
}

void kernel_table_use_frames(void)
{
	source = table_from_frames;
}

void kernel_table_allow_giant(bool allow)
{
	giant_pages = allow;
}

uint64_t kernel_table_count(void)
{
	return tables;
}

phys_t kernel_root(void)
{
	return root;
}

static phys_t new_table(void)
{
	phys_t table = source();

	tables += table != 0;
	return table;
}

// The table below `slot`, made if there is none; NULL when out of memory.
static pte_t *table_below(pte_t *slot)
{
	if (!*slot) {
		phys_t table = new_table();

		if (!table)
			return NULL;
		*slot = table | KERNEL_TABLE_BITS;
	}
	return entry_table(*slot);
}

void kernel_table_start(table_source boot_source, phys_t physical_end)
{
	static const uintptr_t regions[] = {KERNEL_MAP_BASE, FRAME_TABLE_BASE, KERNEL_IMAGE};
	pte_t *top;

	source = boot_source;
	tables = 0;
	root = new_table();
	top = phys_to_virt(root);
	for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		table_below(&top[level_index(regions[i], 4)]);
	for (phys_t at = 0; at < physical_end; at += level_span(4))
		table_below(&top[level_index(DIRECT_MAP_BASE + at, 4)]);
}

// The largest level whose leaf fits here.
static unsigned leaf_level(uintptr_t virtual, phys_t physical, uint64_t size)
{
	for (unsigned level = giant_pages ? 3 : 2; level > 1; level--)
		if (!((virtual | physical) & (level_span(level) - 1)) && size >= level_span(level))
			return level;
	return 1;
}

// The slot of `virtual` at `level`, or NULL when out of memory; *level becomes that of a larger
// leaf when one covers the address already.
static pte_t *slot_make(uintptr_t virtual, unsigned *level)
{
	pte_t *table = phys_to_virt(root);

	for (unsigned at = 4; at > *level; at--) {
		pte_t *slot = &table[level_index(virtual, at)];

		if (*slot & PTE_HUGE) {
			*level = at;
			return slot;
		}
		table = table_below(slot);
		if (!table)
			return NULL;
	}
	return &table[level_index(virtual, *level)];
}

int kernel_table_map(uintptr_t virtual, phys_t physical, uint64_t size, pte_t bits)
{
	while (size > 0) {
		unsigned level = leaf_level(virtual, physical, size);
		pte_t *slot = slot_make(virtual, &level);
		uint64_t step;

		if (!slot)
			return -ENOMEM;
		// A table where a large leaf would go: fill it by smaller ones.
		while (level > 1 && *slot && !(*slot & PTE_HUGE)) {
			level--;
			slot = &entry_table(*slot)[level_index(virtual, level)];
		}
		if (!*slot)
			*slot = physical | bits | (level > 1 ? PTE_HUGE : 0);
		step = level_span(level) - (virtual & (level_span(level) - 1));
		if (step > size)
			step = size;
		virtual += step;
		physical += step;
		size -= step;
	}
	return 0;
}

// The lowest slot that is there, at *level; entries of large leaves count as lowest.
static pte_t *slot_find(uintptr_t virtual, unsigned *level)
{
	pte_t *table = phys_to_virt(root);

	for (unsigned at = 4;; at--) {
		pte_t *slot = &table[level_index(virtual, at)];

		*level = at;
		if (at == 1 || !(*slot & PTE_PRESENT) || (*slot & PTE_HUGE))
			return slot;
		table = entry_table(*slot);
	}
}

void kernel_table_clear(uintptr_t virtual, uint64_t size)
{
	uintptr_t end = virtual + size;

	for (; virtual < end; virtual += PAGE_SIZE) {
		unsigned level;
		pte_t *slot = slot_find(virtual, &level);

		if (level == 1)
			*slot = 0;
	}
}

void kernel_table_unmap(uintptr_t virtual, uint64_t size)
{
	kernel_table_clear(virtual, size);
	machine_flush_range(NULL, virtual, virtual + size);
}

bool kernel_table_lookup(uintptr_t virtual, phys_t *physical)
{
	unsigned level;
	pte_t *slot = slot_find(virtual, &level);

	if (!(*slot & PTE_PRESENT))
		return false;
	*physical = ((*slot & PTE_ADDRESS) & ~(level_span(level) - 1)) |
		    (virtual & (level_span(level) - 1));
	return true;
}
