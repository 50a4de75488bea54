// SPDX-License-Identifier: MIT
//
// The balanced tree against a sorted array. After every operation the whole tree is looked at:
// order, links, balance, and what its user keeps about each subtree.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/avl.h"
#include "tests/unit/fake_machine.h"

#define ITEMS 300

struct item {
	uint64_t key;
	uint64_t weight;
	uint64_t total; // weight of the subtree: what avl_update is for
	bool linked;
	struct avl_node node;
};

static struct item items[ITEMS];
static struct item *sorted[ITEMS];
static size_t count;

static struct item *item_of(struct avl_node *node)
{
	return node ? container_of(node, struct item, node) : NULL;
}

static bool update(struct avl_node *node)
{
	struct item *left = item_of(node->left), *right = item_of(node->right);
	struct item *item = item_of(node);
	uint64_t total = item->weight + (left ? left->total : 0) + (right ? right->total : 0);
	bool changed = item->total != total;

	item->total = total;
	return changed;
}

static struct avl_tree tree = {.update = update};

// Checks a subtree and returns its height; *weight becomes what it weighs.
static int check_subtree(struct avl_node *node, struct avl_node *parent, uint64_t *weight)
{
	uint64_t left_weight, right_weight;
	int left, right;

	*weight = 0;
	if (!node)
		return 0;
	assert_ptr_equal(avl_parent(node), parent);
	left = check_subtree(node->left, node, &left_weight);
	right = check_subtree(node->right, node, &right_weight);
	assert_true(left - right <= 1 && right - left <= 1);
	*weight = left_weight + right_weight + item_of(node)->weight;
	assert_int_equal(item_of(node)->total, *weight);
	assert_int_equal(avl_lean(node), left == right  ? AVL_EVEN
					 : left > right ? AVL_LEFT
							: AVL_RIGHT);
	return (left > right ? left : right) + 1;
}

static int height(const struct avl_node *node)
{
	int left, right;

	if (!node)
		return 0;
	left = height(node->left);
	right = height(node->right);
	return (left > right ? left : right) + 1;
}

static void check_tree(void)
{
	struct avl_node *node = avl_first(&tree);
	uint64_t weight;

	check_subtree(tree.root, NULL, &weight);
	for (size_t i = 0; i < count; i++, node = avl_next(node)) {
		assert_ptr_equal(item_of(node), sorted[i]);
		assert_ptr_equal(item_of(avl_prev(node)), i ? sorted[i - 1] : NULL);
	}
	assert_null(node);
	assert_ptr_equal(item_of(avl_last(&tree)), count ? sorted[count - 1] : NULL);
}

static void insert(struct item *item)
{
	struct avl_node **link = &tree.root, *parent = NULL;
	size_t i = count++;

	while (*link) {
		parent = *link;
		link = item->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	avl_insert(&tree, &item->node, parent, link);
	for (; i > 0 && sorted[i - 1]->key > item->key; i--)
		sorted[i] = sorted[i - 1];
	sorted[i] = item;
	item->linked = true;
}

static void remove_item(struct item *item)
{
	size_t i = 0;

	avl_remove(&tree, &item->node);
	while (sorted[i] != item)
		i++;
	memmove(&sorted[i], &sorted[i + 1], (--count - i) * sizeof(sorted[0]));
	item->linked = false;
}

static void empty_tree(void **state)
{
	(void)state;
	assert_null(avl_first(&tree));
	assert_null(avl_last(&tree));
}

// The order that makes a plain tree a list, both ways and from both ends.
static void ascending_and_descending(void **state)
{
	(void)state;
	for (int direction = 0; direction < 4; direction++) {
		for (unsigned i = 0; i < ITEMS; i++) {
			items[i].key = direction & 1 ? ITEMS - i : i;
			items[i].weight = i;
			insert(&items[i]);
			check_tree();
		}
		assert_true(height(tree.root) <= 10); // 1.44 * log2(300)
		for (unsigned i = 0; i < ITEMS; i++) {
			remove_item(&items[direction & 2 ? ITEMS - 1 - i : i]);
			check_tree();
		}
		assert_null(tree.root);
	}
}

static void random_operations(void **state)
{
	(void)state;
	fake_seed();
	for (unsigned step = 0; step < 6000; step++) {
		struct item *item = &items[fake_random(step % 2000 < 1000 ? ITEMS : 20)];

		if (!item->linked) {
			item->key = fake_random(step % 3 ? 1000000 : 10); // also equal ones
			item->weight = fake_random(100);
			insert(item);
		} else if (fake_random(4) == 0) {
			item->weight = fake_random(100);
			avl_update(&tree, &item->node);
		} else {
			remove_item(item);
		}
		check_tree();
	}
	while (count) {
		remove_item(sorted[fake_random(count)]);
		check_tree();
	}
}

// A tree whose user keeps nothing about subtrees.
static void without_update(void **state)
{
	static struct avl_tree plain;
	struct avl_node *parent = NULL;

	(void)state;
	for (unsigned i = 0; i < ITEMS; i++) {
		avl_insert(&plain, &items[i].node, parent, parent ? &parent->right : &plain.root);
		parent = avl_last(&plain);
		assert_ptr_equal(parent, &items[i].node);
	}
	assert_true(height(plain.root) <= 10);
	while (plain.root)
		avl_remove(&plain, plain.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_tree),
		cmocka_unit_test(ascending_and_descending),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(without_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
