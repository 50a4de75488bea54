// SPDX-License-Identifier: MIT
//
// See lock_graph.h. A hundred classes and few edges: searching breadth first is good enough, as it
// happens once for each new edge.
#include "lib/lock_graph.h"
#include "lib/string.h"

#define NO_CLASS UINT8_MAX

_Static_assert(LOCK_CLASSES <= NO_CLASS, "classes are kept in bytes");

int lock_graph_class(struct lock_graph *graph, const char *name, const char *file)
{
	struct lock_class *class;

	for (unsigned i = 0; i < graph->class_count; i++) {
		class = &graph->classes[i];
		if (strcmp(class->name, name) == 0 && strcmp(class->file, file) == 0)
			return (int)i;
	}
	if (graph->class_count == LOCK_CLASSES)
		return -1;
	class = &graph->classes[graph->class_count];
	class->name = name;
	class->file = file;
	return (int)graph->class_count++;
}

bool lock_graph_has_edge(const struct lock_graph *graph, unsigned from, unsigned to)
{
	uint64_t word = __atomic_load_n(&graph->after[from][to / 64], __ATOMIC_RELAXED);

	return word >> to % 64 & 1;
}

bool lock_graph_add_edge(struct lock_graph *graph, unsigned from, unsigned to,
			 const uintptr_t callers[LOCK_CALLERS])
{
	struct lock_edge *edge = &graph->edges[graph->edge_count];

	if (graph->edge_count == LOCK_EDGES)
		return false;
	graph->edge_count++;
	edge->from = (uint8_t)from;
	edge->to = (uint8_t)to;
	memcpy(edge->callers, callers, sizeof(edge->callers));
	__atomic_or_fetch(&graph->after[from][to / 64], 1ul << to % 64, __ATOMIC_RELEASE);
	return true;
}

const struct lock_edge *lock_graph_edge(const struct lock_graph *graph, unsigned from, unsigned to)
{
	for (unsigned i = 0; i < graph->edge_count; i++) {
		if (graph->edges[i].from == from && graph->edges[i].to == to)
			return &graph->edges[i];
	}
	return NULL;
}

// A walk from one class along all edges, or against them: each class found, nearest first, and
// from where.
struct search {
	unsigned count;
	uint8_t found[LOCK_CLASSES];
	uint8_t before[LOCK_CLASSES]; // NO_CLASS: not found yet
};

static void search_from(const struct lock_graph *graph, unsigned start, bool forward,
			struct search *search)
{
	memset(search->before, NO_CLASS, sizeof(search->before));
	search->found[0] = (uint8_t)start;
	search->before[start] = (uint8_t)start;
	search->count = 1;
	for (unsigned i = 0; i < search->count; i++) {
		unsigned at = search->found[i];

		for (unsigned next = 0; next < graph->class_count; next++) {
			if (search->before[next] != NO_CLASS ||
			    !(forward ? lock_graph_has_edge(graph, at, next)
				      : lock_graph_has_edge(graph, next, at)))
				continue;
			search->before[next] = (uint8_t)at;
			search->found[search->count++] = (uint8_t)next;
		}
	}
}

// The nearest class found that was used so; NO_CLASS.
static unsigned nearest_with(const struct lock_graph *graph, const struct search *search,
			     unsigned use)
{
	for (unsigned i = 0; i < search->count; i++) {
		unsigned class = search->found[i];

		if (__atomic_load_n(&graph->classes[class].uses, __ATOMIC_RELAXED) & use)
			return class;
	}
	return NO_CLASS;
}

unsigned lock_graph_path(const struct lock_graph *graph, unsigned from, unsigned to,
			 uint8_t path[LOCK_CLASSES])
{
	struct search search;
	unsigned length = 0;

	// Against the edges, so that the way back along `before` goes with them.
	search_from(graph, to, false, &search);
	if (search.before[from] == NO_CLASS)
		return 0;
	for (unsigned at = from;; at = search.before[at]) {
		path[length++] = (uint8_t)at;
		if (at == to)
			return length;
	}
}

unsigned lock_graph_unsafe_path(const struct lock_graph *graph, unsigned through,
				uint8_t path[LOCK_CLASSES])
{
	struct search search;
	unsigned first, last, length;

	search_from(graph, through, false, &search);
	first = nearest_with(graph, &search, LOCK_IN_INTERRUPT);
	search_from(graph, through, true, &search);
	last = nearest_with(graph, &search, LOCK_INTERRUPTS_ON);
	if (first == NO_CLASS || last == NO_CLASS)
		return 0;
	length = lock_graph_path(graph, first, through, path);
	return length - 1 + lock_graph_path(graph, through, last, path + length - 1);
}
