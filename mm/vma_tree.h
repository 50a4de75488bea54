// SPDX-License-Identifier: MIT
//
// The tree of a process's VMAs: finding, linking, splitting, merging, and finding room. Guarded by
// mm->lock, taken by the caller.
#pragma once

#include "mm/mm.h"
#include "mm/vma.h"

// Kept free below a stack that may grow, as Linux's stack_guard_gap: 256 pages.
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

// How many VMAs a process may have: sysctl vm.max_map_count. Read and written whole.
#define VMA_COUNT_DEFAULT 65530
extern int vma_count_limit;

// How many VMAs may still be added; negative when the limit has come down.
static inline int64_t vma_count_left(const struct mm *mm)
{
	return __atomic_load_n(&vma_count_limit, __ATOMIC_RELAXED) - (int64_t)mm->vma_count;
}

extern void vma_tree_update(struct avl_node *node); // for struct avl_tree

// Makes every vma->largest_gap right.
void vma_settle_gaps(struct mm *mm);

static inline struct vma *vma_of(struct avl_node *node)
{
	return node ? container_of(node, struct vma, node) : NULL;
}

// The first VMA that ends after `address`: the one that contains it, or the next above.
struct vma *vma_find_in_tree(struct mm *mm, uintptr_t address);
static inline struct vma *vma_find(struct mm *mm, uintptr_t address)
{
	struct vma *last = mm->last_found;

	if (last && last->start <= address && address < last->end)
		return last;
	return vma_find_in_tree(mm, address);
}

static inline struct vma *vma_first(struct mm *mm)
{
	return vma_of(avl_first(&mm->vmas));
}

static inline struct vma *vma_next(const struct vma *vma)
{
	return vma_of(avl_next(&vma->node));
}

static inline struct vma *vma_prev(const struct vma *vma)
{
	return vma_of(avl_prev(&vma->node));
}

// A VMA that is in no tree yet: all fields but the links set. NULL when out of memory.
struct vma *vma_alloc(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags);
void vma_free(struct vma *vma); // one that is in no tree and on no list

// Puts a VMA into the tree, its object's and its anon's lists, and the counters.
void vma_link(struct mm *mm, struct vma *vma);
// The same in two steps, for many at once: everything but the tree, VMA by VMA, and then the tree
// of `count` VMAs, linked in order by node.right.
void vma_enter(struct mm *mm, struct vma *vma);
void vma_tree_build(struct mm *mm, struct avl_node *first, uint64_t count);
// Takes it out again and frees it.
void vma_unlink(struct mm *mm, struct vma *vma);

// Moves one of a VMA's borders, keeping the tree, page_offset and counters right. It stays between
// its neighbours.
void vma_move_start(struct mm *mm, struct vma *vma, uintptr_t start);
void vma_move_end(struct mm *mm, struct vma *vma, uintptr_t end);

// Cuts `vma` in two at `address`, which lies inside; the upper part is the new one. 0 or -ENOMEM
// (also at the limit of VMAs).
int vma_split(struct mm *mm, struct vma *vma, uintptr_t address);

// Splits off what lies outside of [start, end), which overlaps *vma; *vma becomes the part inside.
// 0 or -ENOMEM, then nothing has changed.
int vma_isolate(struct mm *mm, struct vma **vma, uintptr_t start, uintptr_t end);

// Joins `vma` with its neighbours where they are equal and touch; the VMA that is left.
struct vma *vma_merge(struct mm *mm, struct vma *vma);

// Whether pages behind `vma` may continue it: a range with these properties right at its end.
static inline bool vma_can_extend(const struct vma *vma, uintptr_t start, uint32_t flags,
				  const struct object *object, uint64_t page_offset)
{
	return vma->end == start && vma->flags == flags && vma->object == object &&
	       vma->page_offset + ((start - vma->start) >> PAGE_SHIFT) == page_offset;
}

// Changes a VMA's flags, keeping the counters right.
void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags);

// The highest hole of `size` bytes that ends at or below `top`; 0: there is none. Logarithmic.
uintptr_t vma_find_hole(struct mm *mm, uint64_t size, uintptr_t top);

// Whether [start, end) touches no VMA and no guard gap below a stack.
bool vma_range_free(struct mm *mm, uintptr_t start, uintptr_t end);
