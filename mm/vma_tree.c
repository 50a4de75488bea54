// SPDX-License-Identifier: MIT
//
// The tree of VMAs: see mm/vma_tree.h.
//
// Each VMA knows the hole below it, and the largest hole below any VMA of its subtree, so that
// room for a mapping is found by one descent however many VMAs there are.

#include "mm/vma_tree.h"
#include "mm/unmap.h"

// Bytes below this VMA that a mapping may take.
static inline uint64_t usable_gap(const struct vma *vma)
{
	if (__builtin_expect(!(vma->flags & VMA_GROWS_DOWN), 1))
		return vma->gap;
	return vma->gap > STACK_GUARD_GAP ? vma->gap - STACK_GUARD_GAP : 0;
}

static inline uint64_t subtree_gap(struct avl_node *node)
{
	return node ? container_of(node, struct vma, node)->largest_gap : 0;
}

static inline uint64_t compute_largest_gap(const struct vma *vma)
{
	uint64_t gap = usable_gap(vma), left = subtree_gap(vma->node.left);
	uint64_t right = subtree_gap(vma->node.right);

	if (left > gap)
		gap = left;
	return right > gap ? right : gap;
}

// Whether that has changed it.
static inline bool refresh(struct vma *vma)
{
	uint64_t gap = compute_largest_gap(vma);

	if (gap == vma->largest_gap)
		return false;
	vma->largest_gap = gap;
	return true;
}

bool vma_tree_update(struct avl_node *node)
{
	return refresh(vma_of(node));
}

static inline void refresh_upward(struct vma *vma)
{
	while (vma && refresh(vma))
		vma = vma_of(avl_parent(&vma->node));
}

void vma_settle_gaps(struct mm *mm)
{
	struct vma *vma = mm->gap_pending;

	mm->gap_pending = NULL;
	refresh_upward(vma);
}

// A heap or a stack that grows and grows goes up the tree once, when somebody looks for room or
// changes the tree.
void vma_tree_set_gap(struct mm *mm, struct vma *vma, uint64_t gap)
{
	vma->gap = gap;
	if (mm->gap_pending == vma)
		return;
	vma_settle_gaps(mm);
	mm->gap_pending = vma;
}

static struct vma *find_first_ending_after(struct mm *mm, uintptr_t address)
{
	struct avl_node *node = mm->vmas.root;
	struct vma *found = NULL;

	while (node) {
		struct vma *vma = vma_of(node);

		if (address < vma->end) {
			found = vma;
			if (address >= vma->start)
				break;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

struct vma *vma_find_in_tree(struct mm *mm, uintptr_t address)
{
	struct vma *found = mm->last_found;

	// What continues the last mapping, or a stack, is found from there.
	if (found && address == found->end)
		return vma_next(found);
	if (found && found->flags & VMA_GROWS_DOWN && address < found->start &&
	    address >= found->start - found->gap)
		return found;
	found = find_first_ending_after(mm, address);
	if (found && found->start <= address)
		mm->last_found = found;
	return found;
}

// Links a VMA whose gap is set. Of two neighbours in order one is always below the other, and that
// one has room for a child on the side of the other.
static struct avl_node *link_before(struct mm *mm, struct vma *vma, struct vma *above)
{
	struct avl_node *parent = above ? &above->node : NULL, **link;

	vma->largest_gap = usable_gap(vma);
	if (above && !above->node.left) {
		link = &parent->left;
	} else {
		parent = above ? avl_prev(&above->node) : avl_last(&mm->vmas);
		link = parent ? &parent->right : &mm->vmas.root;
	}
	avl_link(&vma->node, parent, link);
	return parent;
}

void vma_tree_insert(struct mm *mm, struct vma *vma, struct vma *above)
{
	struct avl_node *parent;

	vma_settle_gaps(mm);
	if (above) {
		vma->gap = vma->start - (above->start - above->gap);
		above->gap = above->start - vma->end;
	} else {
		struct vma *last = vma_last(mm);

		vma->gap = vma->start - (last ? last->end : 0);
	}
	parent = link_before(mm, vma, above);
	refresh_upward(vma_of(parent));
	if (above && parent != &above->node)
		refresh_upward(above);
	avl_settle(&mm->vmas, &vma->node);
}

void vma_tree_insert_behind(struct mm *mm, struct vma *vma, struct vma *below)
{
	vma_settle_gaps(mm);
	vma->gap = 0;
	vma->largest_gap = 0;
	if (below->node.right) {
		struct avl_node *next = avl_next(&below->node);

		avl_link(&vma->node, next, &next->left);
	} else {
		avl_link(&vma->node, &below->node, &below->node.right);
	}
	avl_settle(&mm->vmas, &vma->node);
}

struct vma *vma_tree_remove(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(vma);

	vma_settle_gaps(mm);
	if (next) {
		next->gap += vma->gap + (vma->end - vma->start);
		refresh_upward(next);
	}
	avl_remove(&mm->vmas, &vma->node);
	return next;
}

void vma_tree_absorb(struct mm *mm, struct vma *vma)
{
	vma_settle_gaps(mm);
	avl_remove(&mm->vmas, &vma->node);
}

// How high a tree of that many nodes is that vma_tree_build makes.
static unsigned height(uint64_t count)
{
	return count ? 64 - __builtin_clzl(count) : 0;
}

// The subtree of the next `count` VMAs of a list. `end` is where the last one before them ends.
static struct avl_node *build(struct avl_node **next, uint64_t count, uintptr_t *end)
{
	uint64_t on_left = count / 2, on_right = count - on_left - 1;
	struct avl_node *left, *right, *node;
	struct vma *vma;

	if (!count)
		return NULL;
	left = build(next, on_left, end);
	node = *next;
	*next = node->right;
	vma = vma_of(node);
	vma->gap = vma->start - *end;
	*end = vma->end;
	right = build(next, on_right, end);
	if (left)
		left->parent_and_lean |= (uintptr_t)node;
	if (right)
		right->parent_and_lean |= (uintptr_t)node;
	node->left = left;
	node->right = right;
	node->parent_and_lean = height(on_left) > height(on_right) ? AVL_LEFT : AVL_EVEN;
	vma->largest_gap = compute_largest_gap(vma);
	return node;
}

void vma_tree_build(struct mm *mm, struct avl_node *first, uint64_t count)
{
	uintptr_t end = 0;

	mm->vmas.root = build(&first, count, &end);
}

// The next lower VMA with so much room below it; NULL: there is none.
static struct vma *prev_with_room(struct vma *vma, uint64_t size)
{
	struct avl_node *node = &vma->node;

	while (subtree_gap(node->left) < size) {
		struct avl_node *child;

		do {
			child = node;
			node = avl_parent(child);
			if (!node)
				return NULL;
		} while (node->left == child);
		if (usable_gap(vma_of(node)) >= size)
			return vma_of(node);
	}
	node = node->left;
	for (;;) {
		if (subtree_gap(node->right) >= size)
			node = node->right;
		else if (usable_gap(vma_of(node)) >= size)
			return vma_of(node);
		else
			node = node->left;
	}
}

// End of the part of the hole below `vma` that lies below `top`; 0 when `size` does not fit.
static uintptr_t hole_end(const struct vma *vma, uint64_t size, uintptr_t top)
{
	uintptr_t floor = vma->start - vma->gap, end = vma_guarded_start(vma);

	if (end > top)
		end = top;
	return end > floor && end - floor >= size ? end : 0;
}

static uintptr_t find_hole_end(struct mm *mm, uint64_t size, uintptr_t top, struct vma **above)
{
	struct vma *vma = find_first_ending_after(mm, top);
	uintptr_t end;

	*above = vma;
	if (!vma) {
		vma = vma_last(mm);
		if (top - (vma ? vma->end : 0) >= size)
			return top;
		if (!vma)
			return 0;
	}
	// Only this hole may reach beyond `top`; those below it are what the tree says.
	end = hole_end(vma, size, top);
	if (!end) {
		vma = prev_with_room(vma, size);
		end = vma ? vma_guarded_start(vma) : 0;
	}
	*above = vma;
	return end;
}

uintptr_t vma_find_hole(struct mm *mm, uint64_t size, uintptr_t top, struct vma **above)
{
	uintptr_t end;

	if (size > top)
		return 0;
	vma_settle_gaps(mm);
	end = find_hole_end(mm, size, top, above);
	return end >= size + mmap_min_address ? end - size : 0;
}
