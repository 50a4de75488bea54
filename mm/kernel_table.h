// SPDX-License-Identifier: MIT
//
// The kernel's half of the address space: one set of tables that every top-level table shares.
// Its top-level entries are all made at start and never change, so no address space has to be
// told when something is mapped below them.
#pragma once

#include "mm/page_table.h"

#define KERNEL_BITS (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL)

// Where tables come from while the frame allocator is not there yet: zeroed, page aligned.
typedef phys_t (*table_source)(void);

// An empty kernel half with every top-level entry in place, for RAM up to `physical_end`. Tables
// come from `source`, which must not fail, until kernel_table_use_frames().
void kernel_table_start(table_source source, phys_t physical_end);
void kernel_table_use_frames(void);

// Maps [virtual, virtual + size) to `physical` in the largest leaves that alignment allows; what
// is mapped there already stays. All page aligned. 0 or -ENOMEM.
int kernel_table_map(uintptr_t virtual, phys_t physical, uint64_t size, pte_t bits);

// Empties entries of 4 KiB and flushes. The tables stay.
void kernel_table_unmap(uintptr_t virtual, uint64_t size);
// The same without the flush, which is then the caller's: machine_flush_range(NULL, ...).
void kernel_table_clear(uintptr_t virtual, uint64_t size);

// Where `virtual` leads; false when nowhere.
bool kernel_table_lookup(uintptr_t virtual, phys_t *physical);

static inline bool kernel_table_maps(uintptr_t virtual)
{
	phys_t ignored;

	return kernel_table_lookup(virtual, &ignored);
}

// Whether leaves of 1 GiB may be used.
void kernel_table_allow_giant(bool allow);

// Tables of the kernel's half, the top-level one included.
uint64_t kernel_table_count(void);
