// SPDX-License-Identifier: MIT
//
// A pool in each thread. A thread gets objects from its own pool and puts them back there without
// a lock or an atomic instruction. An object of another thread's pool goes back to that pool,
// through a queue that its owner empties when it has run out. The pool of a thread that ends waits
// for the next thread that needs one, together with whatever comes back to it meanwhile.
//
//     POOL_LOCAL(connection, struct connection, 64, NULL)
//
// defines, for a file or a header's user, connection_get(), connection_put(object) and
// connection_thread_ends(), which each thread that used the other two calls last,
// and connection_free_all(), for when no thread uses any of it any more. Until then a pool grows
// by so many objects at a time and gives none back. A constructor runs once for each object. Each
// object carries 16 bytes of the pool's.
#pragma once

#include "lib/list.h"
#include "lib/pool_handover.h"
#include <stdint.h>
#include <stdlib.h>

#ifndef POOL_ALLOCATE
#define POOL_ALLOCATE(size) malloc(size)
#define POOL_FREE(memory)   free(memory)
#endif

// What all threads' pools of one kind have in common.
struct pool_kind {
	size_t size;                     // bytes of an object and what the pool keeps before it
	size_t batch;                    // objects made at a time
	void (*construct)(void *object); // NULL: they stay as malloc gave them
	struct pool_handover unowned;    // pools whose thread has ended
	struct pool_queue memory;        // every allocation: pools, and the objects in them
};

struct pool_local {
	struct pool_link memory;    // in the kind's; first, as in struct pool_batch
	struct pool_link *free;     // the owner's alone
	struct pool_queue returned; // by other threads
	struct pool_link handover;  // while it has no owner
	struct pool_kind *kind;
};

// Stands before each object.
struct pool_slot {
	struct pool_local *home;
	struct pool_link link; // while it is free; points to itself while somebody has it
};
#define POOL_ALIGNMENT 16 // of objects, as malloc has it

// C99 and C++ have no other way in common to say so. A negative size does not compile.
typedef char pool_objects_are_aligned[sizeof(struct pool_slot) % POOL_ALIGNMENT ? -1 : 1];

// Before the objects that were made at one time.
struct pool_batch {
	struct pool_link memory; // in the kind's
	char padding[POOL_ALIGNMENT - sizeof(struct pool_link)];
};

static inline bool pool_local_grow(struct pool_local *pool)
{
	struct pool_kind *kind = pool->kind;
	struct pool_batch *batch =
		(struct pool_batch *)POOL_ALLOCATE(sizeof(*batch) + kind->size * kind->batch);
	char *memory = (char *)(batch + 1);

	if (!batch)
		return false;
	pool_queue_put(&kind->memory, &batch->memory);
	for (size_t i = kind->batch; i-- > 0;) {
		struct pool_slot *slot = (struct pool_slot *)(memory + i * kind->size);

		slot->home = pool;
		slot->link.next = pool->free;
		pool->free = &slot->link;
		if (kind->construct)
			kind->construct(slot + 1);
	}
	return true;
}

// The pool of a thread that ended, or a new one; NULL when there is no memory.
static inline struct pool_local *pool_local_begin(struct pool_kind *kind)
{
	struct pool_link *left = pool_take_over(&kind->unowned);
	struct pool_local *pool;

	if (left)
		return container_of(left, struct pool_local, handover);
	pool = (struct pool_local *)POOL_ALLOCATE(sizeof(*pool));
	if (!pool)
		return NULL;
	*pool = (struct pool_local){.kind = kind};
	pool_queue_put(&kind->memory, &pool->memory);
	return pool;
}

static inline void pool_local_end(struct pool_kind *kind, struct pool_local *pool)
{
	if (pool)
		pool_leave(&kind->unowned, &pool->handover);
}

// For the owner only. NULL when there is no memory.
static inline void *pool_local_get(struct pool_local *pool)
{
	struct pool_link *link = pool->free;

	if (__builtin_expect(!link, 0)) {
		pool->free = pool_queue_take_any(&pool->returned);
		if (!pool->free && !pool_local_grow(pool))
			return NULL;
		link = pool->free;
	}
	pool->free = link->next;
	link->next = link; // out
	return container_of(link, struct pool_slot, link) + 1;
}

// Into `mine`, the caller's, when it came from there, else back to where it came from. False, with
// nothing changed, when the object is not out.
static inline bool pool_local_put(struct pool_local *mine, void *object)
{
	struct pool_slot *slot = (struct pool_slot *)object - 1;

	if (__builtin_expect(slot->link.next != &slot->link, 0))
		return false;
	if (slot->home == mine) {
		slot->link.next = mine->free;
		mine->free = &slot->link;
	} else {
		pool_queue_put(&slot->home->returned, &slot->link);
	}
	return true;
}

// All pools of the kind and all their objects. No thread may be using any of them.
static inline void pool_local_free_all(struct pool_kind *kind)
{
	struct pool_link *link = pool_queue_take_any(&kind->memory), *next;

	pool_queue_take_any(&kind->unowned.left);
	for (; link; link = next) {
		next = link->next;
		POOL_FREE(link);
	}
}

#define POOL_LOCAL(name, type, objects_at_a_time, constructor)                           \
	static struct pool_kind name##_kind = {                                          \
		.size = (sizeof(struct pool_slot) + sizeof(type) + POOL_ALIGNMENT - 1) & \
			-(size_t)POOL_ALIGNMENT,                                         \
		.batch = (objects_at_a_time),                                            \
		.construct = (constructor),                                              \
	};                                                                               \
	static _Thread_local struct pool_local *name##_mine;                             \
	static inline type *name##_get(void)                                             \
	{                                                                                \
		if (!name##_mine) {                                                      \
			name##_mine = pool_local_begin(&name##_kind);                    \
			if (!name##_mine)                                                \
				return NULL;                                             \
		}                                                                        \
		return (type *)pool_local_get(name##_mine);                              \
	}                                                                                \
	static inline bool name##_put(type *object)                                      \
	{                                                                                \
		return pool_local_put(name##_mine, object);                              \
	}                                                                                \
	static inline void name##_thread_ends(void)                                      \
	{                                                                                \
		pool_local_end(&name##_kind, name##_mine);                               \
		name##_mine = NULL;                                                      \
	}                                                                                \
	static inline void name##_free_all(void)                                         \
	{                                                                                \
		pool_local_free_all(&name##_kind);                                       \
	}
