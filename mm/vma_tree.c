// SPDX-License-Identifier: MIT
//
// The tree of a process's VMAs: see mm/vma_tree.h.
//
// Each node knows the largest hole below any VMA of its subtree, so that room for a mapping is
// found by one descent however many VMAs there are.

#include "mm/vma_tree.h"
#include "lib/mutant.h"
#include "mm/anon.h"
#include "mm/object.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include "mm/unmap.h"
#include <linux/errno.h>

static struct cache *vma_cache;

int vma_count_limit = VMA_COUNT_DEFAULT;

// Lowest address that a mapping below this VMA must keep away from.
static uintptr_t guarded_start(const struct vma *vma)
{
	if (!(vma->flags & VMA_GROWS_DOWN))
		return vma->start;
	return vma->start > STACK_GUARD_GAP ? vma->start - STACK_GUARD_GAP : 0;
}

// Bytes free between this VMA and the end of the one before.
static inline uint64_t gap_from(uintptr_t end, const struct vma *vma)
{
	uint64_t gap = vma->start - end;

	if (__builtin_expect(!(vma->flags & VMA_GROWS_DOWN), 1))
		return gap;
	return gap > STACK_GUARD_GAP ? gap - STACK_GUARD_GAP : 0;
}

static inline uint64_t gap_below(const struct vma *vma)
{
	const struct vma *prev = vma_prev(vma);

	return gap_from(prev ? prev->end : 0, vma);
}

static uint64_t subtree_gap(struct avl_node *node)
{
	return node ? vma_of(node)->largest_gap : 0;
}

// The largest hole of a subtree whose root has this one below it.
static inline uint64_t largest_gap(const struct vma *root, uint64_t gap)
{
	if (subtree_gap(root->node.left) > gap)
		gap = subtree_gap(root->node.left);
	if (subtree_gap(root->node.right) > gap)
		gap = subtree_gap(root->node.right);
	return gap;
}

static inline uint64_t compute_largest_gap(const struct vma *vma)
{
	return largest_gap(vma, gap_below(vma));
}

void vma_tree_update(struct avl_node *node)
{
	struct vma *vma = vma_of(node);

	vma->largest_gap = compute_largest_gap(vma);
}

void vma_settle_gaps(struct mm *mm)
{
	struct vma *vma = mm->gap_pending;

	mm->gap_pending = NULL;
	for (; vma; vma = vma_of(vma->node.parent)) {
		uint64_t gap = compute_largest_gap(vma);

		if (gap == vma->largest_gap)
			return;
		vma->largest_gap = gap;
	}
}

// The hole below `vma` (NULL: none) has become larger or smaller. That is only noted: a heap or a
// stack that grows and grows goes up the tree once, when somebody looks for room.
static inline void gap_changed(struct mm *mm, struct vma *vma)
{
	if (mm->gap_pending == vma)
		return;
	vma_settle_gaps(mm);
	mm->gap_pending = vma;
}

struct vma *vma_find_in_tree(struct mm *mm, uintptr_t address)
{
	struct avl_node *node = mm->vmas.root;
	struct vma *found = mm->last_found;

	// What continues the last mapping, or a stack, is found from there.
	if (found && address == found->end)
		return vma_next(found);
	if (found && found->flags & VMA_GROWS_DOWN && address < found->start) {
		struct vma *prev = vma_prev(found);

		if (!prev || prev->end <= address)
			return found;
	}
	found = NULL;
	while (node) {
		struct vma *vma = vma_of(node);

		if (address < vma->end) {
			found = vma;
			if (address >= vma->start) {
				mm->last_found = vma;
				break;
			}
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

struct vma *vma_alloc(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags)
{
	struct vma *vma;

	if (!vma_cache) {
		vma_cache = cache_create("vma", sizeof(struct vma));
		if (!vma_cache)
			return NULL;
	}
	vma = cache_alloc(vma_cache);
	if (!vma)
		return NULL;
	vma->start = start;
	vma->end = end;
	vma->mm = mm;
	vma->page_offset = start >> PAGE_SHIFT;
	vma->object = NULL;
	vma->anon = NULL;
	vma->flags = flags;
	return vma;
}

void vma_free(struct vma *vma)
{
	cache_free(vma_cache, vma);
}

static bool counts_as_data(uint32_t flags)
{
	return (flags & (VMA_WRITE | VMA_SHARED | VMA_GROWS_DOWN)) == VMA_WRITE;
}

static void count_pages(struct mm *mm, uint32_t flags, int64_t pages)
{
	mm->mapped += pages;
	if (flags & VMA_LOCKED)
		mm->locked += pages;
	if (counts_as_data(flags))
		mm->data += pages;
}

static int64_t vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

static void tree_insert(struct mm *mm, struct vma *vma)
{
	struct avl_node **link = &mm->vmas.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = vma->start < vma_of(parent)->start ? &parent->left : &parent->right;
	}
	avl_insert(&mm->vmas, &vma->node, parent, link);
	gap_changed(mm, vma_next(vma));
}

static void object_join(struct vma *vma)
{
	struct object *object = vma->object;

	if (!object)
		return;
	spin_lock(&object->lock);
	list_add_tail(&object->vmas, &vma->object_link);
	spin_unlock(&object->lock);
}

static void object_leave(struct vma *vma)
{
	struct object *object = vma->object;

	if (!object)
		return;
	spin_lock(&object->lock);
	list_del(&vma->object_link);
	spin_unlock(&object->lock);
	object_put(object);
}

static int height(const struct avl_node *node)
{
	return node ? node->height : 0;
}

// The subtree of the next `count` VMAs of a list. `end` is where the last one before them ends.
static struct avl_node *build(struct avl_node **next, uint64_t count, uintptr_t *end)
{
	struct avl_node *left, *right, *node;
	uint64_t gap;

	if (!count)
		return NULL;
	left = build(next, count / 2, end);
	node = *next;
	*next = node->right;
	gap = gap_from(*end, vma_of(node));
	*end = vma_of(node)->end;
	right = build(next, count - count / 2 - 1, end);
	if (left)
		left->parent = node;
	if (right)
		right->parent = node;
	node->left = left;
	node->right = right;
	node->height = (height(left) > height(right) ? height(left) : height(right)) + 1;
	vma_of(node)->largest_gap = largest_gap(vma_of(node), gap);
	return node;
}

void vma_tree_build(struct mm *mm, struct avl_node *first, uint64_t count)
{
	uintptr_t end = 0;

	mm->vmas.root = build(&first, count, &end);
	if (mm->vmas.root)
		mm->vmas.root->parent = NULL;
}

void vma_enter(struct mm *mm, struct vma *vma)
{
	object_join(vma);
	anon_join(vma);
	mm->vma_count++;
	count_pages(mm, vma->flags, vma_pages(vma));
	trace(TRACE_VMA, vma->start, vma->end, vma->flags, TRACE_VMA_ADDED);
}

void vma_link(struct mm *mm, struct vma *vma)
{
	tree_insert(mm, vma);
	vma_enter(mm, vma);
}

void vma_unlink(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(vma);

	trace(TRACE_VMA, vma->start, vma->end, vma->flags, TRACE_VMA_REMOVED);
	avl_remove(&mm->vmas, &vma->node);
	if (mm->gap_pending == vma)
		mm->gap_pending = NULL;
	gap_changed(mm, next);
	if (mm->last_found == vma)
		mm->last_found = NULL;
	mm->vma_count--;
	count_pages(mm, vma->flags, -vma_pages(vma));
	anon_leave(vma);
	object_leave(vma);
	vma_free(vma);
}

void vma_move_start(struct mm *mm, struct vma *vma, uintptr_t start)
{
	int64_t pages = (int64_t)(start - vma->start) >> PAGE_SHIFT;

	vma->page_offset += pages;
	vma->start = start;
	count_pages(mm, vma->flags, -pages);
	gap_changed(mm, vma);
	trace(TRACE_VMA, start, vma->end, vma->flags, TRACE_VMA_RESIZED);
}

void vma_move_end(struct mm *mm, struct vma *vma, uintptr_t end)
{
	int64_t pages = (int64_t)(end - vma->end) >> PAGE_SHIFT;

	vma->end = end;
	count_pages(mm, vma->flags, pages);
	gap_changed(mm, vma_next(vma));
	trace(TRACE_VMA, vma->start, end, vma->flags, TRACE_VMA_RESIZED);
}

int vma_split(struct mm *mm, struct vma *vma, uintptr_t address)
{
	struct vma *upper;

	if (vma_count_left(mm) <= 0)
		return -ENOMEM;
	upper = vma_alloc(mm, address, vma->end, vma->flags);
	if (!upper)
		return -ENOMEM;
	upper->page_offset = vma->page_offset;
	if (!MUTANT(split_keeps_offset))
		upper->page_offset += (address - vma->start) >> PAGE_SHIFT;
	upper->anon = vma->anon;
	if (vma->object)
		upper->object = object_get(vma->object);
	vma_move_end(mm, vma, address);
	vma_link(mm, upper);
	return 0;
}

int vma_isolate(struct mm *mm, struct vma **vma, uintptr_t start, uintptr_t end)
{
	struct vma *part = *vma;
	int error;

	if (part->start < start) {
		error = vma_split(mm, part, start);
		if (error)
			return error;
		part = vma_next(part);
	}
	if (part->end > end) {
		error = vma_split(mm, part, end);
		if (error) {
			vma_merge(mm, part);
			return error;
		}
	}
	*vma = part;
	return 0;
}

// Two that touch can become one when nothing tells them apart; of their reverse maps at most one
// may exist, or both be the same.
static bool can_merge(const struct vma *lower, const struct vma *upper)
{
	return vma_can_extend(lower, upper->start, upper->flags, upper->object,
			      upper->page_offset) &&
	       (!lower->anon || !upper->anon || lower->anon == upper->anon);
}

// `lower` swallows `upper`.
static struct vma *join(struct mm *mm, struct vma *lower, struct vma *upper)
{
	uintptr_t end = upper->end;

	if (!lower->anon && upper->anon) {
		lower->anon = upper->anon;
		anon_join(lower);
	}
	vma_unlink(mm, upper);
	vma_move_end(mm, lower, end);
	return lower;
}

struct vma *vma_merge(struct mm *mm, struct vma *vma)
{
	struct vma *prev = vma_prev(vma), *next = vma_next(vma);

	if (next && can_merge(vma, next))
		join(mm, vma, next);
	if (prev && can_merge(prev, vma))
		vma = join(mm, prev, vma);
	return vma;
}

void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags)
{
	count_pages(mm, vma->flags, -vma_pages(vma));
	vma->flags = flags;
	count_pages(mm, flags, vma_pages(vma));
	trace(TRACE_VMA, vma->start, vma->end, flags, TRACE_VMA_PROTECTED);
}

// End of the part of the hole below `vma` that lies below `top`; 0 when `size` does not fit.
static uintptr_t hole_end(struct vma *vma, uint64_t size, uintptr_t top)
{
	struct vma *prev = vma_prev(vma);
	uintptr_t floor = prev ? prev->end : 0, end = guarded_start(vma);

	if (end > top)
		end = top;
	return end > floor && end - floor >= size ? end : 0;
}

// The hole with the highest end in a subtree: right before node before left. Subtrees without a
// large enough hole are not entered; those wholly above `top` fail fast at their leftmost VMA.
static uintptr_t highest_hole(struct avl_node *node, uint64_t size, uintptr_t top)
{
	uintptr_t end = 0;

	while (node && subtree_gap(node) >= size) {
		struct vma *vma = vma_of(node);

		if (vma->end < top)
			end = highest_hole(node->right, size, top);
		if (!end)
			end = hole_end(vma, size, top);
		if (end)
			return end;
		node = node->left;
	}
	return 0;
}

uintptr_t vma_find_hole(struct mm *mm, uint64_t size, uintptr_t top)
{
	struct vma *last = vma_of(avl_last(&mm->vmas));
	uintptr_t floor = last ? last->end : 0, end;

	if (size > top)
		return 0;
	vma_settle_gaps(mm);
	if (floor <= top && top - floor >= size)
		end = top;
	else
		end = highest_hole(mm->vmas.root, size, top);
	return end >= size + mmap_min_address ? end - size : 0;
}

bool vma_range_free(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vma *above = vma_find(mm, start);

	return !above || guarded_start(above) >= end;
}
