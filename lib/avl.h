// SPDX-License-Identifier: MIT
//
// A balanced binary tree (AVL: Adelson-Velsky and Landis, 1962) of intrusive nodes. The user
// finds the place of a node by his own comparisons and links it there; the tree rebalances and,
// on the way up to the root, lets the user recompute what he keeps about each subtree.
// Nothing here allocates, so nothing can fail. The tree's owner says what guards it.
#pragma once

#include "lib/list.h"

struct avl_node {
	struct avl_node *left;
	struct avl_node *right;
	struct avl_node *parent; // NULL: the root
	int height;              // of this subtree; a leaf has 1
};

struct avl_tree {
	struct avl_node *root;
	// Recomputes what the user keeps in `node` from the node and its children; may be NULL.
	void (*update)(struct avl_node *node);
};

// Links `node` below `parent` at `*link` (which is &parent->left, &parent->right or &tree->root,
// and holds NULL), then rebalances.
void avl_insert(struct avl_tree *tree, struct avl_node *node, struct avl_node *parent,
		struct avl_node **link);
void avl_remove(struct avl_tree *tree, struct avl_node *node);

// To be called when what the user keeps about `node` itself has changed.
void avl_update(struct avl_tree *tree, struct avl_node *node);

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
	next = node->parent;
	while (next && next->right == node) {
		node = next;
		next = next->parent;
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
	prev = node->parent;
	while (prev && prev->left == node) {
		node = prev;
		prev = prev->parent;
	}
	return prev;
}
