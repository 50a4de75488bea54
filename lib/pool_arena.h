// SPDX-License-Identifier: MIT
//
// An arena: memory for things that end together. Allocating moves a pointer; there is no freeing
// of one thing, only of everything since a mark, or of all. It grows by chunks, each twice the
// size of the one below up to a stated limit, so that n bytes take O(log n) of them while they are
// small. A request that no such chunk would hold gets a chunk of its own size.
//
// Nothing here locks: an arena belongs to one thread, or to a lock of its user.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifndef POOL_ALLOCATE
#define POOL_ALLOCATE(size) malloc(size)
#define POOL_FREE(memory)   free(memory)
#endif

struct arena_chunk {
	struct arena_chunk *below; // filled before this one
	size_t size;               // bytes, this header included
};

struct arena {
	struct arena_chunk *top; // the chunk that is being filled; NULL: none yet
	uintptr_t at, end;       // what is left of it
	size_t first, limit;     // sizes of chunks, in bytes
};

// What arena_release goes back to. Valid until a release to an older mark.
struct arena_mark {
	struct arena_chunk *top;
	uintptr_t at;
};

// Takes no memory yet. The first chunk will be of `first` bytes, none is made larger than `limit`
// but for a single request that needs it.
static inline void arena_init(struct arena *arena, size_t first, size_t limit)
{
	*arena = (struct arena){.first = first, .limit = limit < first ? first : limit};
}

static inline bool arena_grow(struct arena *arena, size_t wanted)
{
	size_t size = arena->first;
	struct arena_chunk *chunk;

	if (arena->top && arena->top->size >= arena->limit / 2)
		size = arena->limit;
	else if (arena->top && arena->top->size * 2 > size)
		size = arena->top->size * 2;
	if (__builtin_add_overflow(wanted, sizeof(*chunk), &wanted) || wanted > PTRDIFF_MAX)
		return false;
	if (size < wanted)
		size = wanted;
	chunk = (struct arena_chunk *)POOL_ALLOCATE(size);
	if (!chunk)
		return false;
	chunk->below = arena->top;
	chunk->size = size;
	arena->top = chunk;
	arena->at = (uintptr_t)(chunk + 1);
	arena->end = (uintptr_t)chunk + size;
	return true;
}

// `size` bytes, not zeroed, at a multiple of `alignment`, a power of two; the arena's until it is
// released. NULL when there is no memory: everything allocated before stays as it is.
static inline void *arena_allocate(struct arena *arena, size_t size, size_t alignment)
{
	uintptr_t start = (arena->at + alignment - 1) & -(uintptr_t)alignment;
	size_t wanted;

	if (!arena->top || start < arena->at || start > arena->end || arena->end - start < size) {
		if (__builtin_add_overflow(size, alignment - 1, &wanted) ||
		    !arena_grow(arena, wanted))
			return NULL;
		start = (arena->at + alignment - 1) & -(uintptr_t)alignment;
	}
	arena->at = start + size;
	return (void *)start;
}

static inline struct arena_mark arena_mark(const struct arena *arena)
{
	return (struct arena_mark){.top = arena->top, .at = arena->at};
}

// Frees everything allocated since the mark was taken, and the chunks that only that needed.
static inline void arena_release(struct arena *arena, struct arena_mark mark)
{
	while (arena->top != mark.top) {
		struct arena_chunk *chunk = arena->top;

		arena->top = chunk->below;
		POOL_FREE(chunk);
	}
	arena->at = mark.at;
	arena->end = mark.top ? (uintptr_t)mark.top + mark.top->size : 0;
}

// Frees all of it; it can be used again.
static inline void arena_free(struct arena *arena)
{
	arena_release(arena, (struct arena_mark){.top = NULL, .at = 0});
}
