// SPDX-License-Identifier: MIT
//
// Four-level page tables (Intel SDM vol. 3A, 4.5): reading them, and the bits of an entry.
// Changing them is mm/page_entry.h's, which only mm/ includes.
#pragma once

#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>

typedef uint64_t pte_t;

#define PTE_PRESENT  (1ul << 0)
#define PTE_WRITE    (1ul << 1)
#define PTE_USER     (1ul << 2)
#define PTE_NOCACHE  (1ul << 4)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY    (1ul << 6)
#define PTE_HUGE     (1ul << 7) // levels 2 and 3: a leaf of 2 MiB or 1 GiB
#define PTE_GLOBAL   (1ul << 8)
#define PTE_HIDDEN   (1ul << 9)  // not present, but names a frame: PROT_NONE. Free for software.
#define PTE_TRACKED  (1ul << 10) // not written since clear_refs said so; never with PTE_WRITE
#define PTE_MOVED    (1ul << 11) // mremap brought it here since then: told as if it were written
#define PTE_NX       (1ul << 63)
#define PTE_ADDRESS  0x000ffffffffff000ul

// What a walk of one address saw: one entry per level, from the top (level 4) down.
struct page_walk {
	uintptr_t address;
	phys_t table[4]; // physical address of the table read at levels 4, 3, 2, 1
	unsigned index[4];
	pte_t entry[4];
	unsigned levels; // how many levels were read: fewer than 4 at a hole or a huge leaf
	bool present;    // the last entry read is a present leaf
	unsigned shift;  // size of that leaf: 12, 21 or 30
};

// Reads the path of `address` through the tree at `root`. Touches nothing; safe in a panic: it
// reads only tables that lie in RAM.
void page_table_walk(phys_t root, uintptr_t address, struct page_walk *walk);

// The entry `depth` steps below the root in one line, every bit named: "PML4[511] = ... present
// writable user accessed". Returns the length as snprintf does.
int page_walk_describe(const struct page_walk *walk, unsigned depth, char *line, size_t size);

// The table that every address space shares in its upper half.
phys_t kernel_root(void);
