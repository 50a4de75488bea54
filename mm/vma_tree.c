// SPDX-License-Identifier: MIT
//
// The tree of VMAs: see mm/vma_tree.h.
//
// Each VMA knows the hole below it, and the largest hole below any VMA of its subtree, so that
// room for a mapping is found by one descent however many VMAs there are.

#include "mm/vma_tree.h"
#include "mm/unmap.h"

static inline uint64_t subtree_gap(struct avl_node *node)
{
	return node ? container_of(node, struct vma, node)->largest_gap : 0;
}

static inline uint64_t compute_largest_gap(const struct vma *vma)
{
	uint64_t gap = vma->gap, left = subtree_gap(vma->node.left);
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

void vma_settle_gaps(struct mm *mm)
{
	struct vma *vma = mm->gap_pending, *until = mm->gap_pending_until;

	mm->gap_pending = NULL;
	while (vma) {
		bool changed = refresh(vma);

		if (vma == until)
			until = NULL;
		if (!changed && !until)
			return;
		vma = vma_of(avl_parent(&vma->node));
	}
}

// The holes below `vma` and below `until`, which is above it in the tree, or NULL, have changed:
// largest_gap is out of date from the one upwards, at least to the other. Left so until somebody
// looks for room: a heap that grows and grows, or a mapping that comes and goes, costs nothing.
static inline void set_pending(struct mm *mm, struct vma *vma, struct vma *until)
{
	mm->gap_pending = vma;
	mm->gap_pending_until = until;
}

// Before `vma` becomes pending with `until`: what is pending then is theirs already, or done.
static inline void settle_others(struct mm *mm, const struct vma *vma, const struct vma *until)
{
	const struct vma *pending = mm->gap_pending, *last = mm->gap_pending_until;

	if (pending && ((pending != vma && pending != until) || (last && last != until)))
		vma_settle_gaps(mm);
}

// Nodes have changed places, so that a right one may be below a wrong one: to the root.
static void settle_all(struct mm *mm)
{
	struct vma *vma = mm->gap_pending;

	mm->gap_pending = NULL;
	for (; vma; vma = vma_of(avl_parent(&vma->node)))
		refresh(vma);
}

void vma_tree_set_gap(struct mm *mm, struct vma *vma, uint64_t gap)
{
	vma->gap = gap;
	if (mm->gap_pending == vma)
		return;
	vma_settle_gaps(mm);
	set_pending(mm, vma, NULL);
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

// Of two neighbours in order one is always below the other, and that one has room for a child on
// the side of the other.
static void link_below(struct mm *mm, struct vma *vma, struct vma *above)
{
	struct avl_node *parent = above ? &above->node : NULL, **link;

	if (above && !above->node.left) {
		link = &parent->left;
	} else {
		parent = above ? avl_prev(&above->node) : avl_last(&mm->vmas);
		link = parent ? &parent->right : &mm->vmas.root;
	}
	avl_link(&vma->node, parent, link);
}

// The VMA above in order is above it in the tree, too.
void vma_tree_insert(struct mm *mm, struct vma *vma, struct vma *above)
{
	settle_others(mm, NULL, above);
	if (above) {
		vma->gap = vma->start - (above->start - above->gap);
		above->gap = above->start - vma->end;
	} else {
		struct vma *last = vma_last(mm);

		vma->gap = vma->start - (last ? last->end : 0);
	}
	vma->largest_gap = 0;
	link_below(mm, vma, above);
	set_pending(mm, vma, above);
	if (avl_settle(&mm->vmas, &vma->node))
		settle_all(mm);
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
	if (avl_settle(&mm->vmas, &vma->node)) {
		set_pending(mm, vma, NULL);
		settle_all(mm);
	}
}

// Its place goes to `next` when that is in the right subtree. Else `next`, or NULL, is above it.
struct vma *vma_tree_remove(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(vma);
	bool replaced = vma->node.right, alone = !vma->node.left;
	struct avl_node *lowest;
	bool rotated;

	settle_others(mm, vma, next);
	if (next)
		next->gap = next->start - (vma->start - vma->gap);
	rotated = avl_take_out(&mm->vmas, &vma->node, &lowest);
	if (replaced)
		next->largest_gap = vma->largest_gap; // as those above know it
	set_pending(mm, replaced && alone ? next : vma_of(lowest), next);
	if (rotated)
		settle_all(mm);
	return next;
}

// No hole changes, but the next VMA's may come to be in other subtrees.
void vma_tree_absorb(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma->node.left && vma->node.right ? vma_next(vma) : NULL;
	struct avl_node *lowest;
	bool rotated;

	vma_settle_gaps(mm);
	rotated = avl_take_out(&mm->vmas, &vma->node, &lowest);
	if (next)
		next->largest_gap = vma->largest_gap; // as those above know it
	if (rotated || next)
		set_pending(mm, vma_of(lowest), next);
	if (rotated)
		settle_all(mm);
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
		if (vma_of(node)->gap >= size)
			return vma_of(node);
	}
	node = node->left;
	for (;;) {
		if (subtree_gap(node->right) >= size)
			node = node->right;
		else if (vma_of(node)->gap >= size)
			return vma_of(node);
		else
			node = node->left;
	}
}

// End of the part of the hole below `vma` that lies below `top`; 0 when `size` does not fit.
static uintptr_t hole_end(const struct vma *vma, uint64_t size, uintptr_t top)
{
	uintptr_t floor = vma->start - vma->gap, end = vma->start;

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
		end = vma ? vma->start : 0;
	}
	*above = vma;
	return end;
}

uintptr_t vma_find_hole(struct mm *mm, uint64_t size, uintptr_t top, struct vma **above)
{
	vma_settle_gaps(mm);
	while (size <= top) {
		uintptr_t end = find_hole_end(mm, size, top, above);

		if (end < size + mmap_min_address)
			return 0;
		// In the guard gap of a stack: Linux goes on looking below that gap, and so passes
		// over what other holes there are beside it.
		top = *above ? vma_guarded_start(*above) : end;
		if (end <= top)
			return end - size;
	}
	return 0;
}
