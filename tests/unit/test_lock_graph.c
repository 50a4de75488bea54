// SPDX-License-Identifier: MIT
//
// The graph of lock order against the simplest possible one: what reaches what, by trying every
// step until nothing is new.

#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/lock_graph.h"
#include "tests/unit/random.h"

#define NODES  12
#define ROUNDS 200

static const uintptr_t nobody[LOCK_CALLERS];

static struct lock_graph graph;
static bool reaches[NODES][NODES];

static void start(void)
{
	static char names[NODES][4];

	memset(&graph, 0, sizeof(graph));
	memset(reaches, 0, sizeof(reaches));
	for (unsigned i = 0; i < NODES; i++) {
		names[i][0] = (char)('a' + i);
		assert_int_equal(lock_graph_class(&graph, names[i], "file"), i);
		reaches[i][i] = true;
	}
}

static void close_over(void)
{
	for (unsigned middle = 0; middle < NODES; middle++)
		for (unsigned from = 0; from < NODES; from++)
			for (unsigned to = 0; to < NODES; to++)
				if (reaches[from][middle] && reaches[middle][to])
					reaches[from][to] = true;
}

static void check_path(unsigned from, unsigned to)
{
	uint8_t path[LOCK_CLASSES];
	unsigned length = lock_graph_path(&graph, from, to, path);

	assert_int_equal(length != 0, reaches[from][to]);
	if (!length)
		return;
	assert_int_equal(path[0], from);
	assert_int_equal(path[length - 1], to);
	for (unsigned i = 0; i + 1 < length; i++)
		assert_non_null(lock_graph_edge(&graph, path[i], path[i + 1]));
}

static void check_unsafe(unsigned through)
{
	uint8_t path[LOCK_CLASSES];
	unsigned length = lock_graph_unsafe_path(&graph, through, path);
	bool before = false, after = false;

	for (unsigned i = 0; i < NODES; i++) {
		before |= reaches[i][through] && graph.classes[i].uses & LOCK_IN_INTERRUPT;
		after |= reaches[through][i] && graph.classes[i].uses & LOCK_INTERRUPTS_ON;
	}
	assert_int_equal(length != 0, before && after);
	if (!length)
		return;
	assert_true(graph.classes[path[0]].uses & LOCK_IN_INTERRUPT);
	assert_true(graph.classes[path[length - 1]].uses & LOCK_INTERRUPTS_ON);
	assert_non_null(memchr(path, (int)through, length));
}

static void random_graphs(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		start();
		for (unsigned i = 0; i < NODES + (unsigned)round % NODES; i++) {
			unsigned from = random_below(NODES), to = random_below(NODES);

			if (lock_graph_has_edge(&graph, from, to))
				continue;
			assert_true(lock_graph_add_edge(&graph, from, to, nobody));
			reaches[from][to] = true;
		}
		close_over();
		for (unsigned i = 0; i < NODES; i++)
			graph.classes[i].uses = (uint8_t)random_below(20);
		for (unsigned from = 0; from < NODES; from++) {
			check_unsafe(from);
			for (unsigned to = 0; to < NODES; to++)
				check_path(from, to);
		}
	}
}

static void classes(void **state)
{
	static char names[LOCK_CLASSES][8];

	(void)state;
	start();
	assert_int_equal(lock_graph_class(&graph, "a", "file"), 0);
	assert_int_equal(lock_graph_class(&graph, "a", "another"), NODES);
	for (unsigned i = NODES + 1; i < LOCK_CLASSES; i++) {
		names[i][0] = (char)(i / 100 + '0');
		names[i][1] = (char)(i / 10 % 10 + '0');
		names[i][2] = (char)(i % 10 + '0');
		assert_int_equal(lock_graph_class(&graph, names[i], "file"), i);
	}
	assert_int_equal(lock_graph_class(&graph, "one too many", "file"), -1);
	assert_int_equal(lock_graph_class(&graph, "b", "file"), 1);
}

static void edges(void **state)
{
	const uintptr_t callers[LOCK_CALLERS] = {1, 2, 3};
	unsigned count = 0;

	(void)state;
	start();
	assert_true(lock_graph_add_edge(&graph, 0, 1, callers));
	assert_true(lock_graph_has_edge(&graph, 0, 1));
	assert_false(lock_graph_has_edge(&graph, 1, 0));
	assert_null(lock_graph_edge(&graph, 1, 0));
	assert_int_equal(lock_graph_edge(&graph, 0, 1)->callers[2], 3);
	for (count = 1; lock_graph_add_edge(&graph, count / 64, count % 64, callers); count++)
		;
	assert_int_equal(count, LOCK_EDGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(edges),
		cmocka_unit_test(random_graphs),
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
