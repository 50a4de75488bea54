// SPDX-License-Identifier: MIT
//
// Each different call stack is kept once: blocks that were allocated in the same place have the
// same pointer to it, which is what groups leaks. Stacks are never dropped.
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"
#include <string.h>

#define BUCKETS 4096u
#define CHUNK   (64ul << 10)

static struct debug_stack empty, *buckets[BUCKETS];
static char *chunk;
static size_t left;

static uint64_t hash_of(const uintptr_t *frames, unsigned int count)
{
	uint64_t hash = count;

	for (unsigned int i = 0; i < count; i++)
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

static struct debug_stack *new_stack(unsigned int count)
{
	size_t size = sizeof(struct debug_stack) + count * sizeof(uintptr_t);
	struct debug_stack *stack;

	if (size > left) {
		chunk = debug_pages(CHUNK);
		left = chunk ? CHUNK : 0;
	}
	if (!chunk)
		return NULL;
	stack = (struct debug_stack *)chunk;
	chunk += size;
	left -= size;
	return stack;
}

const struct debug_stack *debug_keep_stack(const uintptr_t *frames, unsigned int count)
{
	uint64_t hash = hash_of(frames, count);
	struct debug_stack **bucket = &buckets[hash % BUCKETS], *stack = *bucket;

	for (; stack; stack = stack->next)
		if (stack->hash == hash && stack->count == count &&
		    memcmp(stack->frames, frames, count * sizeof(*frames)) == 0)
			return stack;
	stack = new_stack(count);
	if (!stack)
		return &empty;
	stack->next = *bucket;
	stack->hash = hash;
	stack->count = count;
	memcpy(stack->frames, frames, count * sizeof(*frames));
	*bucket = stack;
	return stack;
}
