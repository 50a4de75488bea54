// SPDX-License-Identifier: MIT
//
// A balanced binary tree (AVL: Adelson-Velsky and Landis, 1962) of intrusive nodes. The user
// finds the place of a node by his own comparisons and links it there; the tree rebalances and
// lets the user recompute what he keeps about each subtree. Nothing here allocates, so nothing
// can fail. The tree's owner says what guards it.
//
// A node knows which of its subtrees is the higher one, not how high they are: most insertions
// and removals then end a step or two above the place, without a look at any sibling. That and
// the parent share a word, because a process may have 65,530 nodes.
#pragma once

#include "lib/list.h"
#include <stdint.h>

struct avl_node {
	struct avl_node *left;
	struct avl_node *right;
	uintptr_t parent_and_lean; // avl_parent(), avl_lean()
};

// Which subtree is higher, by one.
enum avl_lean { AVL_EVEN, AVL_LEFT, AVL_RIGHT };
#define AVL_LEAN_MASK 3ul

struct avl_tree {
	struct avl_node *root;
	// Recomputes what the user keeps in `node` from the node and its children; whether that
	// has changed it. May be NULL.
	bool (*update)(struct avl_node *node);
};

// NULL for the root.
static inline struct avl_node *avl_parent(const struct avl_node *node)
{
	return (struct avl_node *)(node->parent_and_lean & ~AVL_LEAN_MASK);
}

static inline enum avl_lean avl_lean(const struct avl_node *node)
{
	return node->parent_and_lean & AVL_LEAN_MASK;
}

// ---- the steps, for who wants to recompute less, or later ----
// Links `node` below `parent` at `*link` (which is &parent->left, &parent->right or &tree->root,
// and holds NULL). avl_settle is to follow.
static inline void avl_link(struct avl_node *node, struct avl_node *parent, struct avl_node **link)
{
	node->left = NULL;
	node->right = NULL;
	node->parent_and_lean = (uintptr_t)parent;
	*link = node;
}

// Rebalances after avl_link. Whether nodes have changed places: then what is kept about `node` and
// all above it is to be recomputed, to the root. It is not looked at before.
bool avl_settle(struct avl_tree *tree, struct avl_node *node);
// Takes `node` out and rebalances, as avl_settle. *lowest, or NULL: what is kept about that node
// and those above it is out of date.
bool avl_take_out(struct avl_tree *tree, struct avl_node *node, struct avl_node **lowest);

// ---- all at once ----
void avl_insert(struct avl_tree *tree, struct avl_node *node, struct avl_node *parent,
		struct avl_node **link);
void avl_remove(struct avl_tree *tree, struct avl_node *node);

// To be called when what the user keeps about `node` itself has changed; NULL does nothing.
static inline void avl_update(struct avl_tree *tree, struct avl_node *node)
{
	while (node && tree->update(node))
		node = avl_parent(node);
}

// In order; NULL at the end.
struct avl_node *avl_first(const struct avl_tree *tree);
struct avl_node *avl_last(const struct avl_tree *tree);

static inline struct avl_node *avl_next(const struct avl_node *node)
{
	struct avl_node *next = node->right;

	if (next) {
		while (next->left)
			next = next->left;
		return next;
	}
	next = avl_parent(node);
	while (next && next->right == node) {
		node = next;
		next = avl_parent(next);
	}
	return next;
}

static inline struct avl_node *avl_prev(const struct avl_node *node)
{
	struct avl_node *prev = node->left;

	if (prev) {
		while (prev->right)
			prev = prev->right;
		return prev;
	}
	prev = avl_parent(node);
	while (prev && prev->left == node) {
		node = prev;
		prev = avl_parent(prev);
	}
	return prev;
}
