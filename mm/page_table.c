// SPDX-License-Identifier: MIT
//
// Page tables: making, finding and freeing them (mm/page_entry.h), and looking at them without
// touching (mm/page_table.h).
//
// A table that is freed because its last entry went is all zeros already. A few of those are kept
// on a list of each CPU, so that the next fork or fault need not clear one again; they are given
// back when memory runs out. Top-level tables are kept the same way, the kernel's half in place.

#include "mm/page_table.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/failure.h"
#include "mm/kernel_table.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/poison.h"
#include "mm/trace.h"

#define KEPT_LIMIT 64

// Empty tables kept ready. Nobody but their CPU wants them until frames run out.
struct kept_list {
	struct spinlock lock; // guards the rest; no frame is allocated or freed under it
	unsigned count;
	struct list list; // by frame->link
};

static struct kept_tables {
	struct kept_list tables, roots;
} kept[MAX_CPUS];

static struct kept_tables *this_cpu_kept(void)
{
	struct kept_tables *mine = &kept[machine_cpu()];

	if (__builtin_expect(!mine->tables.list.next, 0)) {
		list_init(&mine->tables.list);
		list_init(&mine->roots.list);
	}
	return mine;
}

static struct frame *take_kept(struct kept_list *from)
{
	struct frame *frame = NULL;

	if (!__atomic_load_n(&from->count, __ATOMIC_RELAXED))
		return NULL;
	spin_lock(&from->lock);
	if (from->count) {
		frame = list_first_entry(&from->list, struct frame, link);
		list_del(&frame->link);
		from->count--;
	}
	spin_unlock(&from->lock);
	return frame;
}

static void keep(struct kept_list *to, struct frame *frame)
{
	bool room;

	if (DEBUG_BUILD)
		machine_frames_freed(frame, 0);
	frame->owner = NULL;
	spin_lock(&to->lock);
	room = to->count < KEPT_LIMIT;
	if (room) {
		to->count++;
		list_add(&to->list, &frame->link);
	}
	spin_unlock(&to->lock);
	if (!room)
		frame_free(frame, 0);
}

static struct frame *table_alloc(struct mm *mm, uintptr_t address, unsigned level)
{
	struct kept_tables *mine = this_cpu_kept();
	struct frame *table;

	if (mine->tables.count && failure_due())
		return NULL;
	table = take_kept(&mine->tables);
	if (!table)
		table = frame_alloc_zeroed(FRAME_PAGE_TABLE);
	if (!table)
		return NULL;
	table->owner = mm;
	table->index = address & ~(level_span(level + 1) - 1);
	table->entries = 0;
	mm->tables++;
	trace_frame(TRACE_TABLE_ALLOC, table);
	return table;
}

void page_table_release(struct frame *table)
{
	struct kept_tables *mine = this_cpu_kept();

	keep(&mine->tables, table);
}

phys_t page_root_alloc(struct mm *mm)
{
	struct kept_tables *mine = this_cpu_kept();
	struct frame *root;
	pte_t *table;

	if (mine->roots.count && failure_due())
		return 0;
	root = take_kept(&mine->roots);
	if (!root) {
		root = frame_alloc_zeroed(FRAME_PAGE_TABLE);
		if (!root)
			return 0;
		table = frame_to_virt(root);
		memcpy(table + TABLE_ENTRIES / 2,
		       (pte_t *)phys_to_virt(kernel_root()) + TABLE_ENTRIES / 2, PAGE_SIZE / 2);
	}
	root->owner = mm;
	root->index = 0;
	root->entries = 0;
	mm->tables++;
	return frame_to_phys(root);
}

void page_root_free(struct mm *mm)
{
	struct kept_tables *mine = this_cpu_kept();

	mm->tables--;
	keep(&mine->roots, phys_to_frame(mm->root));
}

static uint64_t drain_list(struct kept_list *from)
{
	struct frame *frame;
	uint64_t freed = 0;

	for (; (frame = take_kept(from)); freed++)
		frame_free(frame, 0);
	return freed;
}

uint64_t page_table_drain(void)
{
	uint64_t freed = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		freed += drain_list(&kept[cpu].tables) + drain_list(&kept[cpu].roots);
	return freed;
}

uint64_t page_table_kept(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += kept[cpu].tables.count + kept[cpu].roots.count;
	return sum;
}

#define LEAF_HIDDEN  (PTE_USER | PTE_ACCESSED | PTE_HIDDEN | PTE_NX)
#define LEAF_DATA    (LEAF_PROGRAM | PTE_NX)
#define LEAF_PROGRAM (PTE_USER | PTE_ACCESSED | PTE_PRESENT)

const pte_t page_protections[VMA_PROTECTION + 1] = {
	[0] = LEAF_HIDDEN,
	[VMA_READ] = LEAF_DATA,
	[VMA_WRITE] = LEAF_DATA,
	[VMA_WRITE | VMA_READ] = LEAF_DATA,
	[VMA_EXEC] = LEAF_PROGRAM,
	[VMA_EXEC | VMA_READ] = LEAF_PROGRAM,
	[VMA_EXEC | VMA_WRITE] = LEAF_PROGRAM,
	[VMA_EXEC | VMA_WRITE | VMA_READ] = LEAF_PROGRAM,
};

// The slot at level `lowest`, with the tables above it made. NULL: out of memory.
static pte_t *make_tables(struct mm *mm, uintptr_t address, unsigned lowest)
{
	pte_t *table = phys_to_virt(mm->root);

	for (unsigned level = 4; level > lowest; level--) {
		pte_t *slot = &table[level_index(address, level)];

		if (!(*slot & PTE_PRESENT)) {
			struct frame *below = table_alloc(mm, address, level - 1);

			if (!below)
				return NULL;
			page_slot_fill(slot, frame_to_phys(below) | TABLE_BITS);
		}
		table = entry_table(*slot);
	}
	return &table[level_index(address, lowest)];
}

pte_t *page_table_slot_make(struct mm *mm, uintptr_t address)
{
	return make_tables(mm, address, 2);
}

static pte_t *remember(struct mm *mm, uintptr_t address, pte_t *slot)
{
	if (slot) {
		mm->leaf_span = address >> LEAF_SPAN_SHIFT;
		mm->leaf_table = slot - level_index(address, 1);
	}
	return slot;
}

pte_t *page_slot_look_up(struct mm *mm, uintptr_t address)
{
	return remember(mm, address, page_slot_find(mm, address));
}

pte_t *page_slot_walk(struct mm *mm, uintptr_t address)
{
	pte_t *slot = page_slot_find(mm, address);

	return remember(mm, address, slot ? slot : make_tables(mm, address, 1));
}

// Whether the frame that holds a table exists: a broken tree must not break the report about it.
static bool table_readable(phys_t table)
{
	uint64_t number = table >> PAGE_SHIFT;

	return number < frame_limit && kernel_table_maps((uintptr_t)phys_to_virt(table));
}

void page_table_walk(phys_t root, uintptr_t address, struct page_walk *walk)
{
	phys_t table = root;

	*walk = (struct page_walk){.address = address};
	for (unsigned level = 4; level > 0; level--) {
		unsigned depth = 4 - level;
		pte_t entry;

		if (!table_readable(table))
			return;
		walk->table[depth] = table;
		walk->index[depth] = level_index(address, level);
		entry = ((pte_t *)phys_to_virt(table))[walk->index[depth]];
		walk->entry[depth] = entry;
		walk->levels = depth + 1;
		walk->shift = PAGE_SHIFT + 9 * (level - 1);
		if (!(entry & PTE_PRESENT))
			return;
		if (level == 1 || (level < 4 && (entry & PTE_HUGE))) {
			walk->present = true;
			return;
		}
		table = entry & PTE_ADDRESS;
	}
}

// "2 MiB page", "1 GiB page" or nothing: what an entry with PTE_HUGE is at this depth.
static const char *leaf_name(const struct page_walk *walk, unsigned depth)
{
	static const char *const names[] = {"", " 1GiB-page", " 2MiB-page", ""};

	return walk->entry[depth] & PTE_HUGE ? names[depth] : "";
}

int page_walk_describe(const struct page_walk *walk, unsigned depth, char *line, size_t size)
{
	static const char *const names[] = {"PML4", "PDPT", "PD", "PT"};
	pte_t entry = walk->entry[depth];

	if (!(entry & PTE_PRESENT))
		return snprintf(line, size, "%-4s[%3u] = %#018lx not present%s", names[depth],
				walk->index[depth], entry,
				entry & PTE_HIDDEN ? " (frame kept, no access)" : "");
	return snprintf(
		line, size, "%-4s[%3u] = %#018lx frame %#lx present %s %s%s%s%s%s%s%s",
		names[depth], walk->index[depth], entry, (entry & PTE_ADDRESS) >> PAGE_SHIFT,
		entry & PTE_WRITE ? "writable" : "read-only", entry & PTE_USER ? "user" : "kernel",
		entry & PTE_ACCESSED ? " accessed" : "", entry & PTE_DIRTY ? " dirty" : "",
		leaf_name(walk, depth), entry & PTE_GLOBAL ? " global" : "",
		entry & PTE_NOCACHE ? " uncached" : "", entry & PTE_NX ? " no-execute" : "");
}
