// SPDX-License-Identifier: MIT
//
// The reverse map of anonymous memory. A `struct anon` stands for one piece of anonymous memory
// and all that fork made of it: it lists every VMA, of whatever process, that may map one of its
// frames. A frame points to it (frame->owner) and knows its page offset (frame->index), so all
// of a frame's entries are found without searching every process.
//
// Linux keeps such a structure per process and generation, and which mappings it joins to one
// depends on them; that is visible (in /proc/PID/maps, and in what mremap takes for one mapping).
// Here vma->anon_mark stands for it: VMAs of one space with anonymous frames can be joined only
// when their marks are the same.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/mm.h"
#include <stdbool.h>

struct anon {
	struct spinlock lock; // guards the rest
	uint32_t users;       // VMAs on the list
	struct list vmas;     // by vma->anon_link
};

// Set in the mark of a VMA whose frames fork may have brought: it joins none without frames, so
// that what the families share stays apart from what they do not.
#define ANON_MARK_FORKED (1u << 23)

// A mark that no other VMA of the space has. Under mm->lock.
static inline uint32_t anon_new_mark(struct mm *mm)
{
	return ++mm->anon_marks & (ANON_MARK_FORKED - 1);
}

// Before the first anonymous frame of a VMA; false when out of memory. One that continues a
// neighbour but for its protection becomes of the neighbour's anon, so that the two can be joined
// when the protection is the same again.
bool anon_prepare_slow(struct vma *vma);

static inline bool anon_prepare(struct vma *vma)
{
	return __builtin_expect(vma->anon != NULL, 1) || anon_prepare_slow(vma);
}

// `vma` has become a second VMA of vma->anon (copied by fork, split off): lists it. NULL is fine.
void anon_join_list(struct vma *vma);
static inline void anon_join(struct vma *vma)
{
	if (vma->anon)
		anon_join_list(vma);
}

// `vma` goes. The last one frees the anon.
void anon_leave_list(struct vma *vma);
static inline void anon_leave(struct vma *vma)
{
	if (vma->anon)
		anon_leave_list(vma);
}
