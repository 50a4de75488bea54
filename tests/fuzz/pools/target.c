// SPDX-License-Identifier: MIT
//
// lib/pool.h and lib/pool_arena.h for libFuzzer: the input is a program of calls. Every object and
// every piece of an arena is filled with its number and looked at before it goes, and a table says
// which are out; where memory comes from fails when the program says so.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned fail_after; // allocations that succeed before one fails; 0: none fails
static size_t blocks_out;

static void *take_memory(size_t size)
{
	void *memory;

	if (fail_after && --fail_after == 0)
		return NULL;
	memory = malloc(size);
	blocks_out += memory != NULL;
	return memory;
}

static void give_memory(void *memory)
{
	blocks_out -= memory != NULL;
	free(memory);
}

#define POOL_ALLOCATE(size) take_memory(size)
#define POOL_FREE(memory)   give_memory(memory)
#include "lib/pool.h"
#include "lib/pool_arena.h"

#define MUST(condition)                   \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define OBJECTS_MAX 64u
#define PIECES_MAX  256u
#define MARKS_MAX   8u

static const uint8_t *input;
static size_t left;

static unsigned take(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

// -- an object pool against a table

static struct {
	struct pool pool;
	bool there;
	size_t count, size;
	unsigned char *out[OBJECTS_MAX]; // NULL: not out
} objects;

static void construct(void *object, void *context)
{
	memset(object, 0xee, *(size_t *)context);
}

static void make_pool(void)
{
	if (objects.there)
		pool_destroy(&objects.pool);
	memset(objects.out, 0, sizeof(objects.out));
	objects.count = take() % OBJECTS_MAX + 1;
	objects.size = take() % 100 + 1;
	objects.there = pool_create(&objects.pool, objects.count, objects.size, 1ul << take() % 8,
				    construct, &objects.size);
}

static size_t count_out(void)
{
	size_t count = 0;

	for (size_t i = 0; i < OBJECTS_MAX; i++)
		count += objects.out[i] != NULL;
	return count;
}

static void get_object(unsigned slot)
{
	unsigned char *object;

	if (objects.out[slot])
		return;
	object = pool_get(&objects.pool);
	MUST((object == NULL) == (count_out() == objects.count));
	if (!object)
		return;
	for (size_t i = 0; i < OBJECTS_MAX; i++)
		MUST(objects.out[i] != object);
	for (size_t i = 0; i < objects.size; i++)
		MUST(object[i] == 0xee);
	memset(object, (int)slot, objects.size);
	objects.out[slot] = object;
}

static void put_object(unsigned slot)
{
	unsigned char *object = objects.out[slot];

	if (!object) {
		MUST(!pool_put(&objects.pool, &objects));
		return;
	}
	for (size_t i = 0; i < objects.size; i++)
		MUST(object[i] == slot);
	if (objects.size > 1)
		MUST(!pool_put(&objects.pool, object + 1));
	memset(object, 0xee, objects.size);
	MUST(pool_put(&objects.pool, object));
	MUST(!pool_put(&objects.pool, object));
	objects.out[slot] = NULL;
}

// -- an arena against a list of its pieces

static struct {
	struct arena arena;
	struct {
		unsigned char *bytes;
		size_t size;
	} pieces[PIECES_MAX];
	size_t count;
	struct {
		struct arena_mark mark;
		size_t count;
	} marks[MARKS_MAX];
	size_t marked;
} made;

static void check_pieces(void)
{
	for (size_t i = 0; i < made.count; i++)
		for (size_t at = 0; at < made.pieces[i].size; at++)
			MUST(made.pieces[i].bytes[at] == (unsigned char)i);
}

static void new_piece(void)
{
	size_t size = take() << (take() % 6), alignment = 1ul << take() % 8;
	unsigned char *bytes = arena_allocate(&made.arena, size, alignment);

	if (!bytes || made.count == PIECES_MAX)
		return;
	MUST((uintptr_t)bytes % alignment == 0);
	memset(bytes, (int)made.count, size);
	made.pieces[made.count].bytes = bytes;
	made.pieces[made.count++].size = size;
}

static void set_mark(void)
{
	if (made.marked == MARKS_MAX)
		return;
	made.marks[made.marked].mark = arena_mark(&made.arena);
	made.marks[made.marked++].count = made.count;
}

static void back_to_mark(void)
{
	if (!made.marked)
		return;
	made.marked = take() % made.marked;
	arena_release(&made.arena, made.marks[made.marked].mark);
	made.count = made.marks[made.marked].count;
}

static void new_arena(void)
{
	arena_free(&made.arena);
	made.count = made.marked = 0;
	arena_init(&made.arena, take() * 4, take() * 64);
}

static void step(unsigned what)
{
	switch (what % 8) {
	case 0:
		make_pool();
		break;
	case 1:
	case 2:
		if (objects.there)
			get_object(take() % OBJECTS_MAX);
		break;
	case 3:
		if (objects.there)
			put_object(take() % OBJECTS_MAX);
		break;
	case 4:
	case 5:
		new_piece();
		break;
	case 6:
		what & 8 ? set_mark() : back_to_mark();
		break;
	default:
		if (what & 8)
			new_arena();
		else
			fail_after = take();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	fail_after = 0;
	memset(&objects, 0, sizeof(objects));
	memset(&made, 0, sizeof(made));
	arena_init(&made.arena, 64, 4096);
	for (unsigned count = 1; left > 0; count++) {
		step(take());
		if (count % 16 == 0)
			check_pieces();
	}
	check_pieces();
	arena_free(&made.arena);
	if (objects.there)
		pool_destroy(&objects.pool);
	MUST(blocks_out == 0);
	return 0;
}
