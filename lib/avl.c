// SPDX-License-Identifier: MIT
//
// Balanced trees: see lib/avl.h.

#include "lib/avl.h"

static void set_parent(struct avl_node *node, struct avl_node *parent)
{
	node->parent_and_lean = (uintptr_t)parent | avl_lean(node);
}

static void set_lean(struct avl_node *node, enum avl_lean lean)
{
	node->parent_and_lean = (node->parent_and_lean & ~AVL_LEAN_MASK) | lean;
}

static enum avl_lean other(enum avl_lean side)
{
	return side ^ AVL_LEAN_MASK;
}

static struct avl_node **child_on(struct avl_node *node, enum avl_lean side)
{
	return side == AVL_LEFT ? &node->left : &node->right;
}

static enum avl_lean side_of(const struct avl_node *parent, const struct avl_node *child)
{
	return parent->left == child ? AVL_LEFT : AVL_RIGHT;
}

// Makes `child` stand where `node` stood below node's parent.
static void replace_child(struct avl_tree *tree, struct avl_node *node, struct avl_node *child)
{
	struct avl_node *parent = avl_parent(node);

	if (!parent)
		tree->root = child;
	else if (parent->left == node)
		parent->left = child;
	else
		parent->right = child;
	if (child)
		set_parent(child, parent);
}

static void update(struct avl_tree *tree, struct avl_node *node)
{
	if (tree->update)
		tree->update(node);
}

// Makes `node` the child of `parent` on one side; it may be NULL.
static inline void adopt(struct avl_node *parent, struct avl_node **place, struct avl_node *node)
{
	*place = node;
	if (node)
		set_parent(node, parent);
}

// `child`, on `side` of `top`, becomes the root of top's subtree.
static void rotate(struct avl_tree *tree, struct avl_node *top, struct avl_node *child,
		   enum avl_lean side)
{
	struct avl_node **inner = child_on(child, other(side));

	replace_child(tree, top, child);
	adopt(top, child_on(top, side), *inner);
	adopt(child, inner, top);
}

// The child's child on its other side does: between the two, of which each takes one of its
// subtrees.
static void rotate_twice(struct avl_tree *tree, struct avl_node *top, struct avl_node *child,
			 struct avl_node *up, enum avl_lean side)
{
	struct avl_node **to_child = child_on(up, side), **to_top = child_on(up, other(side));

	replace_child(tree, top, up);
	adopt(child, child_on(child, other(side)), *to_child);
	adopt(top, child_on(top, side), *to_top);
	adopt(up, to_child, child);
	adopt(up, to_top, top);
}

// `top` is too high on `side`, by two. Returns what is the root of its subtree now; that is even,
// and the subtree lower than it was, but for one case that only a removal leads to. What is kept
// about that root, as about all above, is the caller's to recompute.
static __attribute__((noinline)) struct avl_node *restore(struct avl_tree *tree,
							  struct avl_node *top, enum avl_lean side)
{
	struct avl_node *child = *child_on(top, side), *up = child;
	enum avl_lean lean = avl_lean(child);

	if (lean != other(side)) {
		rotate(tree, top, child, side);
		set_lean(top, lean == side ? AVL_EVEN : side);
		set_lean(child, lean == side ? AVL_EVEN : other(side));
	} else {
		up = *child_on(child, other(side));
		lean = avl_lean(up);
		rotate_twice(tree, top, child, up, side);
		set_lean(top, lean == side ? other(side) : AVL_EVEN);
		set_lean(child, lean == other(side) ? side : AVL_EVEN);
		set_lean(up, AVL_EVEN);
		update(tree, child);
	}
	update(tree, top);
	return up;
}

bool avl_settle(struct avl_tree *tree, struct avl_node *node)
{
	struct avl_node *parent = avl_parent(node);

	for (; parent; node = parent, parent = avl_parent(node)) {
		enum avl_lean side = side_of(parent, node), lean = avl_lean(parent);

		if (lean == AVL_EVEN) {
			parent->parent_and_lean |= side;
			continue;
		}
		if (lean == side) {
			restore(tree, parent, side);
			return true;
		}
		set_lean(parent, AVL_EVEN);
		return false;
	}
	return false;
}

static void update_upward(struct avl_tree *tree, struct avl_node *node)
{
	for (; node; node = avl_parent(node))
		update(tree, node);
}

void avl_insert(struct avl_tree *tree, struct avl_node *node, struct avl_node *parent,
		struct avl_node **link)
{
	avl_link(node, parent, link);
	avl_settle(tree, node);
	update_upward(tree, node);
}

// The subtree on `side` of `node` has become lower by one. Whether nodes have changed places.
static bool settle_removed(struct avl_tree *tree, struct avl_node *node, enum avl_lean side)
{
	bool rotated = false;

	while (node) {
		enum avl_lean lean = avl_lean(node);
		struct avl_node *parent;

		if (lean == AVL_EVEN) {
			set_lean(node, other(side));
			break;
		}
		if (lean == side) {
			set_lean(node, AVL_EVEN);
		} else {
			rotated = true;
			node = restore(tree, node, other(side));
			if (avl_lean(node) != AVL_EVEN)
				break;
		}
		parent = avl_parent(node);
		if (parent)
			side = side_of(parent, node);
		node = parent;
	}
	return rotated;
}

// Puts the next node in order, which has no left child, where `node` is. Returns the lowest node
// of which a subtree has become lower, and on which side.
static struct avl_node *put_heir(struct avl_tree *tree, struct avl_node *node, enum avl_lean *side)
{
	struct avl_node *heir = node->right, *lowest;

	while (heir->left)
		heir = heir->left;
	lowest = avl_parent(heir);
	*side = AVL_LEFT;
	if (lowest == node) {
		lowest = heir;
		*side = AVL_RIGHT;
	} else {
		replace_child(tree, heir, heir->right);
		heir->right = node->right;
		set_parent(heir->right, heir);
	}
	heir->left = node->left;
	set_parent(heir->left, heir);
	replace_child(tree, node, heir);
	set_lean(heir, avl_lean(node));
	return lowest;
}

bool avl_take_out(struct avl_tree *tree, struct avl_node *node, struct avl_node **lowest)
{
	enum avl_lean side = AVL_EVEN;

	*lowest = avl_parent(node);
	if (node->left && node->right) {
		*lowest = put_heir(tree, node, &side);
	} else {
		if (*lowest)
			side = side_of(*lowest, node);
		replace_child(tree, node, node->left ? node->left : node->right);
	}
	return settle_removed(tree, *lowest, side);
}

void avl_remove(struct avl_tree *tree, struct avl_node *node)
{
	struct avl_node *lowest;

	avl_take_out(tree, node, &lowest);
	update_upward(tree, lowest);
}

struct avl_node *avl_first(const struct avl_tree *tree)
{
	struct avl_node *node = tree->root;

	while (node && node->left)
		node = node->left;
	return node;
}

struct avl_node *avl_last(const struct avl_tree *tree)
{
	struct avl_node *node = tree->root;

	while (node && node->right)
		node = node->right;
	return node;
}
