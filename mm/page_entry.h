// SPDX-License-Identifier: MIT
//
// Changing page tables: the one interface through which mm/ makes tables and sets entries of
// ring 3's half. A table is a frame of kind FRAME_PAGE_TABLE that counts its entries in use
// (frame->entries) and is freed with the last of them. Everything here is guarded by mm->lock.
//
// An entry is one of: 0 (nothing); present; PTE_HIDDEN (names a frame that nobody may access now:
// PROT_NONE). Other non-zero values without PTE_PRESENT are kept for swap.
#pragma once

#include "mm/flush.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/page_table.h"

#define TABLE_ENTRIES   512
#define LEAF_SPAN_SHIFT (PAGE_SHIFT + 9) // of what a lowest-level table covers: 2 MiB
#define TABLE_BITS      (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define PTE_MAPS        (PTE_PRESENT | PTE_HIDDEN) // either: the entry names a frame

// Bytes that one entry of a table at `level` covers: 4 KiB at level 1.
static inline uintptr_t level_span(unsigned level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static inline unsigned level_index(uintptr_t address, unsigned level)
{
	return address >> (PAGE_SHIFT + 9 * (level - 1)) & (TABLE_ENTRIES - 1);
}

static inline struct frame *entry_frame(pte_t entry)
{
	return phys_to_frame(entry & PTE_ADDRESS);
}

// The first entry in use at or after `slot`, or `last`. Most of a sparse table is passed over by
// four entries at a time.
static inline pte_t *page_slot_next_used(pte_t *slot, pte_t *last)
{
	while (last - slot >= 4 && !(slot[0] | slot[1] | slot[2] | slot[3]))
		slot += 4;
	while (slot < last && !*slot)
		slot++;
	return slot;
}

// The table that an entry or a table at a higher level leads to.
static inline pte_t *entry_table(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDRESS);
}

// The struct frame of the table that `slot` lies in.
static inline struct frame *table_of(const pte_t *slot)
{
	return phys_to_frame(virt_to_phys(slot));
}

// From a table at `level` to the one that an address leads to; NULL when there is none.
static inline pte_t *page_table_below(const pte_t *table, uintptr_t address, unsigned level)
{
	pte_t entry = table[level_index(address, level)];

	if (__builtin_expect((entry & (PTE_PRESENT | PTE_HUGE)) != PTE_PRESENT, 0))
		return NULL;
	return entry_table(entry);
}

// The lowest-level slot of `address`; NULL when a table on the way is missing. Not a loop: with
// the level a constant, each step is half as long.
static inline pte_t *page_slot_find(struct mm *mm, uintptr_t address)
{
	pte_t *table = page_table_below(phys_to_virt(mm->root), address, 4);

	if (table)
		table = page_table_below(table, address, 3);
	if (table)
		table = page_table_below(table, address, 2);
	return table ? &table[level_index(address, 1)] : NULL;
}

// The same, making the tables that are missing; NULL when out of memory. Tables made for a page
// that is then not entered must go again: page_prune. Most faults are near the last one: its
// table is remembered until a table of the lowest level leaves the tree (page_forget_leaf).
pte_t *page_slot_walk(struct mm *mm, uintptr_t address);
pte_t *page_slot_look_up(struct mm *mm, uintptr_t address);
static inline pte_t *page_slot_make(struct mm *mm, uintptr_t address)
{
	if (__builtin_expect(address >> LEAF_SPAN_SHIFT == mm->leaf_span, 1))
		return &mm->leaf_table[level_index(address, 1)];
	return page_slot_walk(mm, address);
}

// As page_slot_find, remembering the table too.
static inline pte_t *page_slot_look(struct mm *mm, uintptr_t address)
{
	if (__builtin_expect(address >> LEAF_SPAN_SHIFT == mm->leaf_span, 1))
		return &mm->leaf_table[level_index(address, 1)];
	return page_slot_look_up(mm, address);
}

// The slot that names the lowest table of `address`, as page_slot_make.
pte_t *page_table_slot_make(struct mm *mm, uintptr_t address);

static inline void page_forget_leaf(struct mm *mm)
{
	mm->leaf_span = NO_LEAF_SPAN;
}

// Puts an entry where there was none.
static inline void page_slot_fill(pte_t *slot, pte_t entry)
{
	*slot = entry;
	table_of(slot)->entries++;
}

// The bits of a leaf by a VMA's protection; PTE_WRITE is the fault handler's to add.
extern const pte_t page_protections[VMA_PROTECTION + 1];
static inline pte_t page_protection(uint32_t vma_flags)
{
	return page_protections[vma_flags & VMA_PROTECTION];
}

// Empties [start, end): frames and emptied tables go to `batch`. mm's counters are adjusted.
void page_unmap(struct mm *mm, uintptr_t start, uintptr_t end, struct flush_batch *batch);

// Frees the empty tables on the path of an address whose page is not mapped.
void page_prune(struct mm *mm, uintptr_t address);

// Gives the entries of [start, end) the protection of a VMA whose flags change.
void page_protect(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t before, uint32_t after);

// Enters all pages of [start, end) of `from` into `to`, one more reference each; `private` ones
// are write-protected in both. -ENOMEM: what was entered stays, and goes with `to`. The caller
// then flushes `from`. Counts into *shared.
int page_share(struct mm *from, struct mm *to, uintptr_t start, uintptr_t end, bool private,
	       uint64_t *shared);

// Counts the frames of [start, end) that a space's resident counters count.
void page_count_resident(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t *anon,
			 uint64_t *file);

// Moves the entries of [from, from + length) to where nothing is mapped. 0, or -ENOMEM with
// everything as before. `tracked`: those that move one by one are told as written (PTE_MOVED).
int page_move(struct mm *mm, uintptr_t from, uintptr_t to, uint64_t length, bool tracked);

// A top-level table with the kernel's half in it: 0 when out of memory.
phys_t page_root_alloc(struct mm *mm);
void page_root_free(struct mm *mm);

// Frees a lower table that is empty (all zeros) and that no CPU can reach any more.
void page_table_release(struct frame *table);

// Gives back the tables kept ready. Frames freed.
uint64_t page_table_drain(void);
// Tables kept ready, for the audit: of FRAME_PAGE_TABLE but of no address space.
uint64_t page_table_kept(void);
