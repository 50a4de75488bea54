// SPDX-License-Identifier: MIT
//
// The reverse map of anonymous memory. A `struct anon` stands for one piece of anonymous memory
// and all that fork made of it: it lists every VMA, of whatever process, that may map one of its
// frames. A frame points to it (frame->owner) and knows its page offset (frame->index), so all
// of a frame's entries are found without searching every process.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/vma.h"
#include <stdbool.h>

struct anon {
	struct spinlock lock; // guards the rest
	uint32_t users;       // VMAs on the list
	struct list vmas;     // by vma->anon_link
};

// Before the first anonymous frame of a VMA; false when out of memory.
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
