// SPDX-License-Identifier: MIT
//
// Balanced trees: see lib/avl.h. Heights are kept instead of balance factors: one more word to
// read, and insertion and removal become the same walk up to the root.

#include "lib/avl.h"

static int height(const struct avl_node *node)
{
	return node ? node->height : 0;
}

static void refresh(struct avl_tree *tree, struct avl_node *node)
{
	int left = height(node->left), right = height(node->right);

	node->height = (left > right ? left : right) + 1;
	if (tree->update)
		tree->update(node);
}

// Makes `child` stand where `node` stood below node's parent.
static void replace_child(struct avl_tree *tree, struct avl_node *node, struct avl_node *child)
{
	struct avl_node *parent = node->parent;

	if (!parent)
		tree->root = child;
	else if (parent->left == node)
		parent->left = child;
	else
		parent->right = child;
	if (child)
		child->parent = parent;
}

static struct avl_node *rotate_left(struct avl_tree *tree, struct avl_node *node)
{
	struct avl_node *up = node->right;

	replace_child(tree, node, up);
	node->right = up->left;
	if (up->left)
		up->left->parent = node;
	up->left = node;
	node->parent = up;
	refresh(tree, node);
	refresh(tree, up);
	return up;
}

static struct avl_node *rotate_right(struct avl_tree *tree, struct avl_node *node)
{
	struct avl_node *up = node->left;

	replace_child(tree, node, up);
	node->left = up->right;
	if (up->right)
		up->right->parent = node;
	up->right = node;
	node->parent = up;
	refresh(tree, node);
	refresh(tree, up);
	return up;
}

// Restores balance at one node; returns the root of the subtree that it was the root of.
static struct avl_node *balance(struct avl_tree *tree, struct avl_node *node)
{
	int difference = height(node->left) - height(node->right);

	if (difference > 1) {
		if (height(node->left->left) < height(node->left->right))
			rotate_left(tree, node->left);
		return rotate_right(tree, node);
	}
	if (difference < -1) {
		if (height(node->right->right) < height(node->right->left))
			rotate_right(tree, node->right);
		return rotate_left(tree, node);
	}
	refresh(tree, node);
	return node;
}

static void balance_upward(struct avl_tree *tree, struct avl_node *node)
{
	for (; node; node = node->parent)
		node = balance(tree, node);
}

void avl_insert(struct avl_tree *tree, struct avl_node *node, struct avl_node *parent,
		struct avl_node **link)
{
	node->left = NULL;
	node->right = NULL;
	node->parent = parent;
	*link = node;
	balance_upward(tree, node);
}

void avl_remove(struct avl_tree *tree, struct avl_node *node)
{
	struct avl_node *lowest_changed;

	if (node->left && node->right) {
		struct avl_node *heir = node->right;

		while (heir->left)
			heir = heir->left;
		lowest_changed = heir->parent == node ? heir : heir->parent;
		if (heir->parent != node) {
			replace_child(tree, heir, heir->right);
			heir->right = node->right;
			heir->right->parent = heir;
		}
		heir->left = node->left;
		heir->left->parent = heir;
		replace_child(tree, node, heir);
	} else {
		lowest_changed = node->parent;
		replace_child(tree, node, node->left ? node->left : node->right);
	}
	balance_upward(tree, lowest_changed);
}

void avl_update(struct avl_tree *tree, struct avl_node *node)
{
	for (; node; node = node->parent)
		tree->update(node);
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
