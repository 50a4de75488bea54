// SPDX-License-Identifier: MIT
//
// A VMA: a range of addresses of one process with one protection and one source of pages.
#pragma once

#include "lib/list.h"
#include "lib/avl.h"
#include <stdbool.h>
#include <stdint.h>

struct mm;
struct object;
struct anon;

// What a VMA is. The low three bits are PROT_READ, PROT_WRITE and PROT_EXEC themselves.
enum {
	VMA_READ = 1,
	VMA_WRITE = 2,
	VMA_EXEC = 4,
	VMA_PROTECTION = 7,
	VMA_SHARED = 8,           // writes reach the object
	VMA_MAY_WRITE = 16,       // mprotect may add write: the file was opened for it, or private
	VMA_GROWS_DOWN = 32,      // a stack
	VMA_LOCKED = 128,         // mlock
	VMA_NO_FORK = 256,        // MADV_DONTFORK: fork leaves it out
	VMA_WIPE_ON_FORK = 512,   // MADV_WIPEONFORK: empty in the child
	VMA_ACCOUNT = 1024,       // its pages are counted as promised (mm/commit.h)
	VMA_NO_RESERVE = 2048,    // MAP_NORESERVE: they are not, also when it becomes writable
	VMA_LOCK_ON_FAULT = 4096, // MLOCK_ONFAULT: locked, and not brought in for that
	VMA_LOCK_MASK = VMA_LOCKED | VMA_LOCK_ON_FAULT,
	// Nothing here follows from these, but they tell mappings apart, and /proc shows them.
	VMA_SEQUENTIAL = 1 << 13, // MADV_SEQUENTIAL
	VMA_RANDOM = 1 << 14,     // MADV_RANDOM
	VMA_NO_DUMP = 1 << 15,    // MADV_DONTDUMP
	VMA_HUGE = 1 << 16,       // MADV_HUGEPAGE
	VMA_NO_HUGE = 1 << 17,    // MADV_NOHUGEPAGE, MAP_STACK
	VMA_MERGEABLE = 1 << 18,  // MADV_MERGEABLE
	// Pages written from now on are told apart (clear_refs, PTE_TRACKED). Does not tell
	// mappings apart: what is continued by a new one is as new as that.
	VMA_TRACKED = 1 << 19,
	// Maps a device's memory: does not grow, is not locked; its anon_mark keeps it apart.
	VMA_DEVICE = 1 << 20,
};

struct vma {
	struct avl_node node; // in mm->vmas, by address; guarded like all else here by mm->lock
	uintptr_t start;      // first address, page aligned
	uintptr_t end;        // one past the last
	uint64_t gap;         // bytes between the end of the VMA below, or 0, and `start`
	uint64_t largest_gap; // largest hole below any VMA of this subtree, in bytes; it may be
			      // out of date: vma_settle_gaps
	struct mm *mm;
	uint64_t page_offset;  // of `start` in the object, in pages; anonymous: start / PAGE_SIZE
	struct object *object; // where pages come from; NULL: anonymous
	struct anon *anon;     // reverse map of this VMA's anonymous frames; NULL before the first
	struct list object_link; // on object->vmas, guarded by object->lock
	struct list anon_link;   // on anon->vmas, guarded by anon->lock
	uint32_t flags;          // VMA_*
	bool touched; // false: no page of it has been entered, so there are no entries to change
	uint32_t anon_mark : 24; // whose anonymous pages may become one VMA: mm/anon.h
};

static inline bool vma_same_flags(const struct vma *vma, uint32_t flags)
{
	return !((vma->flags ^ flags) & ~(uint32_t)VMA_TRACKED);
}

// Whether pages of a new VMA with these flags are promised to it: private and writable.
static inline bool vma_is_accountable(uint32_t flags)
{
	return (flags & (VMA_WRITE | VMA_SHARED | VMA_NO_RESERVE)) == VMA_WRITE;
}

_Static_assert(sizeof(struct vma) <= 128, "a process may have 65,530 of these");
