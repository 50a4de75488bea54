// SPDX-License-Identifier: MIT
//
// The tree of a process's VMAs: finding VMAs and finding room (mm/vma_tree.c), making, changing,
// splitting and merging VMAs (mm/vma.c). Guarded by mm->lock, taken by the caller.
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

// ---- the tree ----
extern bool vma_tree_update(struct avl_node *node); // for struct avl_tree

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

static inline struct vma *vma_last(struct mm *mm)
{
	return vma_of(avl_last(&mm->vmas));
}

static inline struct vma *vma_next(const struct vma *vma)
{
	return vma_of(avl_next(&vma->node));
}

static inline struct vma *vma_prev(const struct vma *vma)
{
	return vma_of(avl_prev(&vma->node));
}

// Puts a VMA into the tree, right below `above` (NULL: it is the last), or right above `below`,
// which it touches and whose end is its own start already.
void vma_tree_insert(struct mm *mm, struct vma *vma, struct vma *above);
void vma_tree_insert_behind(struct mm *mm, struct vma *vma, struct vma *below);
// Takes it out: the hole below the next one grows. Returns that, or NULL.
struct vma *vma_tree_remove(struct mm *mm, struct vma *vma);
// The same when another VMA is about to end where this one does.
void vma_tree_absorb(struct mm *mm, struct vma *vma);
// The tree of `count` VMAs, linked in order by node.right.
void vma_tree_build(struct mm *mm, struct avl_node *first, uint64_t count);

// The hole below `vma` is `gap` bytes now.
void vma_tree_set_gap(struct mm *mm, struct vma *vma, uint64_t gap);

// The highest hole of `size` bytes that ends at or below `top`, and the VMA above it (NULL: none);
// 0: there is none. Logarithmic.
uintptr_t vma_find_hole(struct mm *mm, uint64_t size, uintptr_t top, struct vma **above);

// Lowest address that a mapping below this VMA must keep away from.
static inline uintptr_t vma_guarded_start(const struct vma *vma)
{
	if (__builtin_expect(!(vma->flags & VMA_GROWS_DOWN), 1))
		return vma->start;
	return vma->start > STACK_GUARD_GAP ? vma->start - STACK_GUARD_GAP : 0;
}

// Whether [start, end) touches no VMA and no guard gap below a stack; *above is the next VMA.
static inline bool vma_range_free(struct mm *mm, uintptr_t start, uintptr_t end,
				  struct vma **above)
{
	*above = vma_find(mm, start);
	return !*above || vma_guarded_start(*above) >= end;
}

// ---- VMAs ----
// One that is in no tree yet: all fields but the links set. NULL when out of memory.
struct vma *vma_alloc(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags);
void vma_free(struct vma *vma); // one that is in no tree and on no list

// Puts a VMA right below `above` (NULL: last), onto its object's and its anon's lists, and into
// the counters.
void vma_link(struct mm *mm, struct vma *vma, struct vma *above);
// The same without the tree, for vma_tree_build to complete.
void vma_enter(struct mm *mm, struct vma *vma);
// Takes it out again and frees it. Returns the next one.
struct vma *vma_unlink(struct mm *mm, struct vma *vma);

// Takes it off its object's list and drops its reference; a VMA without an object is left alone.
void vma_leave_object(struct vma *vma);

// Moves one of a VMA's borders, keeping the tree, page_offset and counters right. It stays between
// its neighbours.
void vma_move_start(struct mm *mm, struct vma *vma, uintptr_t start);
void vma_move_end(struct mm *mm, struct vma *vma, uintptr_t end);
// The same when the next VMA, or NULL, is known.
void vma_move_end_below(struct mm *mm, struct vma *vma, uintptr_t end, struct vma *next);

// Cuts `vma` in two at `address`, which lies inside; the upper part, returned in *upper, is the
// new one. 0 or -ENOMEM (also at the limit of VMAs).
int vma_split(struct mm *mm, struct vma *vma, uintptr_t address, struct vma **upper);

// Splits off what lies outside of [start, end), which overlaps *vma; *vma becomes the part inside.
// 0 or -ENOMEM, then nothing has changed.
int vma_isolate(struct mm *mm, struct vma **vma, uintptr_t start, uintptr_t end);

// Joins `vma`, which is new or has changed, with its neighbours where they are equal and touch;
// the VMA that is left.
struct vma *vma_merge(struct mm *mm, struct vma *vma);
// The same with the one above alone: `vma` has become longer.
void vma_merge_above(struct mm *mm, struct vma *vma);

// Gives the part of `vma` that lies in [start, end) other flags, as part of a neighbour where that
// is possible. 0 or -ENOMEM, then nothing has changed.
int vma_change_flags(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end,
		     uint32_t flags);

// Changes all of a VMA's flags, keeping the counters right.
void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags);

// Whether a range with these properties may continue `vma` right at its end.
static inline bool vma_can_extend(const struct vma *vma, uintptr_t start, uint32_t flags,
				  const struct object *object, uint64_t page_offset)
{
	return vma->end == start && vma_same_flags(vma, flags) && vma->object == object &&
	       vma->page_offset + ((start - vma->start) >> PAGE_SHIFT) == page_offset;
}

// Whether `vma` may begin with a range with these properties, which ends where it starts.
static inline bool vma_can_precede(const struct vma *vma, uintptr_t start, uint32_t flags,
				   const struct object *object, uint64_t page_offset)
{
	return vma_same_flags(vma, flags) && vma->object == object &&
	       vma->page_offset - ((vma->start - start) >> PAGE_SHIFT) == page_offset;
}
