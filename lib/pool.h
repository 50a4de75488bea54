// SPDX-License-Identifier: MIT
//
// An object pool: a fixed number of objects of one size, made in advance, so that getting one can
// neither take long nor ask anybody for memory. A constructor, where there is one, runs once for
// each object when the pool is made and not again: who puts an object back leaves it as
// constructed. The free objects stand in a stack apart from the objects, whose bytes the pool
// therefore never touches; the one put back last, whose lines are in the cache, is handed out
// first. A bit per object tells who is out, so that a wrong put is refused instead of believed.
//
// Nothing here locks: a pool belongs to one thread, or to a lock of its user. For a pool in each
// thread there is lib/pool_local.h.
#pragma once

#include "lib/bitmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Where a pool's memory comes from; a program without malloc defines its own first.
#ifndef POOL_ALLOCATE
#define POOL_ALLOCATE(size) malloc(size)
#define POOL_FREE(memory)   free(memory)
#endif

struct pool {
	void *memory;      // the one allocation that holds all of the below
	char *objects;     // the first one
	size_t size;       // bytes from one object to the next
	size_t count;      // of objects, in the pool and out
	size_t free_count; // of them in the pool
	void **stack;      // the free ones are the first free_count
	uint64_t *out;     // a bit for each object that somebody has
};

// A pool of `count` objects of `size` bytes at multiples of `alignment`, a power of two. False,
// with nothing made, when there is no memory or the numbers are none that memory could have.
static inline bool pool_create(struct pool *pool, size_t count, size_t size, size_t alignment,
			       void (*construct)(void *object, void *argument), void *argument)
{
	size_t words = BITMAP_WORDS(count), total, of_objects;

	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	if (size == 0 || size > PTRDIFF_MAX - alignment || alignment > PTRDIFF_MAX / 2)
		return false;
	size = (size + alignment - 1) & -alignment;
	if (__builtin_mul_overflow(count, size + sizeof(void *), &of_objects) ||
	    __builtin_add_overflow(of_objects, words * sizeof(uint64_t) + alignment, &total))
		return false;
	pool->memory = POOL_ALLOCATE(total);
	if (!pool->memory)
		return false;
	pool->objects = (char *)(((uintptr_t)pool->memory + alignment - 1) & -alignment);
	pool->size = size;
	pool->count = pool->free_count = count;
	pool->stack = (void **)(pool->objects + count * size);
	pool->out = (uint64_t *)(pool->stack + count);
	memset(pool->out, 0, words * sizeof(uint64_t));
	for (size_t i = 0; i < count; i++) {
		char *object = pool->objects + i * size;

		if (construct)
			construct(object, argument);
		pool->stack[count - 1 - i] = object; // the first one is handed out first
	}
	return true;
}

// All objects with it, those that are out too.
static inline void pool_destroy(struct pool *pool)
{
	POOL_FREE(pool->memory);
	memset(pool, 0, sizeof(*pool));
}

// An object as its constructor or its last user left it; NULL when all are out.
static inline void *pool_get(struct pool *pool)
{
	void *object;

	if (pool->free_count == 0)
		return NULL;
	object = pool->stack[--pool->free_count];
	bitmap_set(pool->out, (size_t)((char *)object - pool->objects) / pool->size);
	return object;
}

// False, with nothing changed, when it is no object of this pool or is not out.
static inline bool pool_put(struct pool *pool, void *object)
{
	size_t offset = (uintptr_t)object - (uintptr_t)pool->objects;
	size_t index = offset / pool->size;

	if (index >= pool->count || offset % pool->size != 0 || !bitmap_test(pool->out, index))
		return false;
	bitmap_clear(pool->out, index);
	pool->stack[pool->free_count++] = object;
	return true;
}
