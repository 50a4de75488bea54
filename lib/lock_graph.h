// SPDX-License-Identifier: MIT
//
// The order in which locks are taken, as debug builds learn it: a graph of classes of locks, with
// an edge from a to b once some b was taken while some a was held. Two tasks that take locks in
// the order of one path of it never wait for each other; a circle is a deadlock that has not
// happened yet.
//
// Pure: no locks of its own and no output; the caller (kernel/machine/lock_check.c) guards it.
// Adding is for one at a time, asking whether an edge is there may happen meanwhile.
#pragma once

#include "lib/bitmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCK_CLASSES 128
#define LOCK_EDGES   1024
#define LOCK_CALLERS 8 // kept of a call stack

// How locks of a class have been taken.
#define LOCK_IN_INTERRUPT  1 // by an interrupt handler, which waits for it, or as if by one
#define LOCK_INTERRUPTS_ON 2 // and held while an interrupt could come

struct lock_class {
	const char *name;
	const char *file; // where it is declared, or was taken first
	uint8_t uses;     // LOCK_*; atomic
};

struct lock_edge {
	uint8_t from, to;
	uintptr_t callers[LOCK_CALLERS]; // who took `to` first while holding `from`; 0 ends it
};

struct lock_graph {
	unsigned class_count, edge_count;
	struct lock_class classes[LOCK_CLASSES];
	struct lock_edge edges[LOCK_EDGES];
	uint64_t after[LOCK_CLASSES][BITMAP_WORDS(LOCK_CLASSES)]; // the edges again; atomic
};

// The class with this name in this file, made when there is none; -1: no room.
int lock_graph_class(struct lock_graph *graph, const char *name, const char *file);

bool lock_graph_has_edge(const struct lock_graph *graph, unsigned from, unsigned to);

// False: no room, and the edge is not kept.
bool lock_graph_add_edge(struct lock_graph *graph, unsigned from, unsigned to,
			 const uintptr_t callers[LOCK_CALLERS]);

// The edge itself, NULL when it is not there.
const struct lock_edge *lock_graph_edge(const struct lock_graph *graph, unsigned from,
					unsigned to);

// A shortest path along the edges: its classes, both ends included, in `path`; how many, or 0 when
// there is none. From a class to itself: 1.
unsigned lock_graph_path(const struct lock_graph *graph, unsigned from, unsigned to,
			 uint8_t path[LOCK_CLASSES]);

// A path that begins at a class an interrupt handler takes and ends at one that is held with
// interrupts on, by way of `through`: its length, or 0. An interrupt on the holder of the last
// that waits for the first, and the holder of the first that waits for the last, never end.
unsigned lock_graph_unsafe_path(const struct lock_graph *graph, unsigned through,
				uint8_t path[LOCK_CLASSES]);
