// SPDX-License-Identifier: MIT
//
// What the calls of mm/mmap.c, mm/brk.c and exec share. All under mm->lock, taken by the caller.
#pragma once

#include "mm/machine.h"
#include "mm/mm.h"

// Below this address nothing is mapped without being asked for, and then only with CAP_SYS_RAWIO:
// it keeps NULL pointers, and what lies a little beside them, invalid. sysctl vm.mmap_min_addr;
// read and written whole.
#define MMAP_MIN_DEFAULT 65536ul
extern uint64_t mmap_min_address;

// Removes every mapping in [start, end), page aligned. 0, or -ENOMEM when a VMA would have to be
// split and can not be: then nothing is changed.
int unmap_range(struct mm *mm, uintptr_t start, uintptr_t end);

// A hole of `length` bytes for whole 2 MiB of private anonymous memory, at a multiple of 2 MiB,
// and the VMA above it (NULL: none); 0: there is none.
uintptr_t mm_find_aligned_hole(struct mm *mm, uint64_t length, struct vma **above);

// Adds private anonymous memory where nothing is, right below the VMA `above` (NULL: there is
// none), joined to its neighbours when they are alike. 0 or -ENOMEM.
int mm_add_anonymous(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags,
		     struct vma *above);

// Whether the running process's limits allow `mm` that many more pages. As on Linux, with a limit
// of 0 on data it is the hard limit that counts (valgrind needs that).
static inline bool mm_fits(const struct mm *mm, const struct memory_limits *limits, uint64_t pages,
			   uint32_t vma_flags)
{
	bool data = (vma_flags & (VMA_WRITE | VMA_SHARED | VMA_GROWS_DOWN)) == VMA_WRITE;

	if (mm->mapped + pages > limits->space >> PAGE_SHIFT)
		return false;
	if (!data || mm->data + pages <= limits->data >> PAGE_SHIFT)
		return true;
	return !limits->data && mm->data + pages <= limits->data_most >> PAGE_SHIFT;
}

static inline bool mm_may_expand(const struct mm *mm, uint64_t pages, uint32_t vma_flags)
{
	return mm_fits(mm, machine_limits(), pages, vma_flags);
}

// Whether they allow that many more pages with these flags to be locked, if they are (mm/mlock.c).
bool mm_lock_permitted(void); // whether any may be
bool mm_lock_allowed(const struct mm *mm, uint64_t pages);
static inline bool mm_may_lock(const struct mm *mm, uint64_t pages, uint32_t vma_flags)
{
	return __builtin_expect(!(vma_flags & VMA_LOCKED), 1) || mm_lock_allowed(mm, pages);
}
