// SPDX-License-Identifier: MIT
//
// lib/pool.h, lib/pool_arena.h, lib/pool_local.h and what they are made of, against models that
// know which bytes belong to whom; without memory at every point; from several threads.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/random.h"

static long fail_at = -1; // allocations until one fails; -1: none does
static long live;         // allocations not freed

static void *counted_allocate(size_t size)
{
	if (fail_at == 0)
		return NULL;
	if (fail_at > 0)
		fail_at--;
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return malloc(size);
}

static void counted_free(void *memory)
{
	if (memory)
		__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(memory);
}

#define POOL_ALLOCATE(size) counted_allocate(size)
#define POOL_FREE(memory)   counted_free(memory)
#include "lib/pool.h"
#include "lib/pool_arena.h"
#include "lib/pool_local.h"

static int start(void **state)
{
	(void)state;
	fail_at = -1;
	live = 0;
	return 0;
}

// -- object pool

struct thing {
	uint32_t made, used;
};

static void make(void *object, void *count)
{
	((struct thing *)object)->made = ++*(uint32_t *)count;
	((struct thing *)object)->used = 0;
}

static void pool_model(void **state)
{
	struct thing *out[50];
	uint32_t made = 0;
	size_t count = 0;
	struct pool pool;

	(void)state;
	random_start();
	assert_true(pool_create(&pool, 50, sizeof(struct thing), 64, make, &made));
	assert_int_equal(made, 50);
	for (int i = 0; i < 20000; i++) {
		if (random_below(2)) {
			struct thing *got = pool_get(&pool);

			assert_int_equal(got == NULL, count == 50);
			if (!got)
				continue;
			assert_int_equal((uintptr_t)got % 64, 0);
			assert_in_range(got->made, 1, 50);
			assert_int_equal(got->used++, 0);
			out[count++] = got;
		} else if (count > 0) {
			size_t at = random_below(count);
			struct thing *put = out[at];

			assert_int_equal(put->used--, 1); // nobody else had it
			out[at] = out[--count];
			assert_true(pool_put(&pool, put));
			assert_false(pool_put(&pool, put));
		}
		assert_int_equal(pool.free_count, 50 - count);
	}
	pool_destroy(&pool);
	assert_int_equal(live, 0);
}

static void pool_wrong_puts(void **state)
{
	struct pool pool, other;
	char *object;

	(void)state;
	assert_true(pool_create(&pool, 3, 20, 4, NULL, NULL));
	assert_true(pool_create(&other, 3, 20, 4, NULL, NULL));
	object = pool_get(&pool);
	assert_false(pool_put(&other, object));
	assert_false(pool_put(&pool, object + 4));
	assert_false(pool_put(&pool, object + pool.size)); // was never got
	assert_false(pool_put(&pool, object - pool.size));
	assert_false(pool_put(&pool, object + 3 * pool.size));
	assert_false(pool_put(&pool, NULL));
	assert_true(pool_put(&pool, object));
	assert_ptr_equal(pool_get(&pool), object); // the warm one
	pool_destroy(&pool);
	pool_destroy(&other);
}

static void pool_without_memory(void **state)
{
	struct pool pool;

	(void)state;
	assert_false(pool_create(&pool, SIZE_MAX / 8, 64, 8, NULL, NULL));
	assert_false(pool_create(&pool, 2, SIZE_MAX - 3, 8, NULL, NULL));
	assert_false(pool_create(&pool, 2, 0, 8, NULL, NULL));
	assert_false(pool_create(&pool, 2, 8, (size_t)1 << 63, NULL, NULL));
	fail_at = 0;
	assert_false(pool_create(&pool, 2, 8, 8, NULL, NULL));
	fail_at = -1;
	assert_true(pool_create(&pool, 0, 8, 8, NULL, NULL));
	assert_null(pool_get(&pool));
	pool_destroy(&pool);
	assert_int_equal(live, 0);
}

// -- arena

#define PIECES 400

struct piece {
	unsigned char *bytes;
	size_t size;
	unsigned char value;
};

static struct piece pieces[PIECES];
static size_t piece_count;

static void pieces_check(void)
{
	for (size_t i = 0; i < piece_count; i++)
		for (size_t at = 0; at < pieces[i].size; at++)
			assert_int_equal(pieces[i].bytes[at], pieces[i].value);
}

static void piece_allocate(struct arena *arena)
{
	size_t alignment = 1ul << random_below(9);
	size_t size = random_below(16) ? random_below(100) : random_below(5000);
	unsigned char *bytes = arena_allocate(arena, size, alignment);

	if (!bytes)
		return;
	assert_int_equal((uintptr_t)bytes % alignment, 0);
	pieces[piece_count] = (struct piece){bytes, size, (unsigned char)random_next()};
	memset(bytes, pieces[piece_count].value, size);
	piece_count++;
}

// Allocates, takes marks and goes back to them, nested as they must be.
static void arena_steps(struct arena *arena, int steps)
{
	struct arena_mark marks[8];
	size_t counts[8], depth = 0;

	piece_count = 0;
	for (int i = 0; i < steps; i++) {
		uint64_t what = random_below(20);

		if (what == 0 && depth < 8) {
			counts[depth] = piece_count;
			marks[depth++] = arena_mark(arena);
		} else if (what == 1 && depth > 0) {
			depth = random_below(depth);
			arena_release(arena, marks[depth]);
			piece_count = counts[depth];
			pieces_check();
		} else if (piece_count < PIECES) {
			piece_allocate(arena);
		}
	}
	pieces_check();
}

static void arena_model(void **state)
{
	struct arena arena;

	(void)state;
	random_start();
	arena_init(&arena, 256, 4096);
	for (int round = 0; round < 40; round++) {
		arena_steps(&arena, 1000);
		arena_free(&arena);
		assert_int_equal(live, 0);
	}
}

static void arena_doubles(void **state)
{
	size_t wanted[] = {64, 128, 256, 512, 512, 512};
	struct arena arena;
	struct arena_mark mark;

	(void)state;
	arena_init(&arena, 64, 512);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct arena_chunk *top = arena.top;

		while (arena.top == top)
			assert_non_null(arena_allocate(&arena, 16, 16));
		assert_int_equal(arena.top->size, wanted[i]);
	}
	mark = arena_mark(&arena);
	assert_non_null(arena_allocate(&arena, 10000, 1));
	assert_in_range(arena.top->size, 10000, 10000 + sizeof(struct arena_chunk));
	arena_release(&arena, mark);
	assert_int_equal(arena.top->size, 512);
	assert_null(arena_allocate(&arena, SIZE_MAX - 8, 1));
	assert_null(arena_allocate(&arena, 8, (size_t)1 << 63));
	assert_null(arena_allocate(&arena, SIZE_MAX, 4096));
	arena_free(&arena);
	assert_int_equal(live, 0);
}

static void arena_without_memory(void **state)
{
	uint64_t seed;

	(void)state;
	random_start();
	seed = random_state;
	for (long n = 0; n < 60; n++) {
		struct arena arena;

		random_state = seed;
		fail_at = n;
		arena_init(&arena, 64, 1024);
		arena_steps(&arena, 500);
		arena_free(&arena);
		assert_int_equal(live, 0);
	}
}

// -- a pool in each thread

struct parcel {
	uint64_t made;
	uint64_t sender, number;
	struct pool_link link;
};

static void make_parcel(void *parcel)
{
	((struct parcel *)parcel)->made = 0x6d616465;
	((struct parcel *)parcel)->number = 0;
}

POOL_LOCAL(parcel, struct parcel, 16, make_parcel)

static void local_one_thread(void **state)
{
	struct parcel *got[40], *again;

	(void)state;
	for (int i = 0; i < 40; i++) {
		got[i] = parcel_get();
		assert_int_equal(got[i]->made, 0x6d616465);
		got[i]->number = (uint64_t)i;
	}
	for (int i = 0; i < 40; i++) {
		assert_int_equal(got[i]->number, i);
		assert_true(parcel_put(got[i]));
		assert_false(parcel_put(got[i]));
	}
	again = parcel_get();
	assert_ptr_equal(again, got[39]);
	parcel_put(again);
	parcel_thread_ends();
	parcel_free_all();
	assert_int_equal(live, 0);
}

static void *get_one(void *result)
{
	*(struct parcel **)result = parcel_get();
	parcel_thread_ends();
	return NULL;
}

// A thread's object comes back after its end, to the thread that took its pool over.
static void local_handed_over(void **state)
{
	struct parcel *of_the_dead, *mine;
	struct pool_local *pool;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, get_one, &of_the_dead), 0);
	pthread_join(thread, NULL);
	pool = ((struct pool_slot *)of_the_dead - 1)->home;
	mine = parcel_get();
	assert_ptr_equal(parcel_mine, pool);
	assert_true(parcel_put(mine));
	assert_true(parcel_put(of_the_dead));
	assert_ptr_equal(parcel_get(), of_the_dead);
	assert_true(parcel_put(of_the_dead));
	parcel_thread_ends();
	parcel_free_all();
	assert_int_equal(live, 0);
}

static void local_without_memory(void **state)
{
	(void)state;
	fail_at = 0;
	assert_null(parcel_get()); // no pool
	fail_at = 1;
	assert_null(parcel_get()); // no objects in it
	fail_at = -1;
	assert_true(parcel_put(parcel_get()));
	parcel_thread_ends();
	parcel_free_all();
	assert_int_equal(live, 0);
}

#define THREADS 4
#define PARCELS 20000

static struct pool_queue post; // what threads send outlives them

static void *send_parcels(void *sender)
{
	for (uint64_t i = 1; i <= PARCELS; i++) {
		struct parcel *parcel = parcel_get();

		if (parcel->made != 0x6d616465 || parcel->number != 0)
			return "an object that somebody else has";
		parcel->sender = (uintptr_t)sender;
		parcel->number = i;
		pool_queue_put(&post, &parcel->link);
	}
	parcel_thread_ends();
	return NULL;
}

static size_t receive(uint64_t *last)
{
	struct pool_link *link = pool_queue_take(&post), *next;
	size_t count = 0;

	for (; link; link = next, count++) {
		struct parcel *parcel = container_of(link, struct parcel, link);

		next = link->next;
		assert_int_equal(parcel->number, last[parcel->sender] + 1); // in order
		last[parcel->sender] = parcel->number;
		parcel->number = 0;
		assert_true(parcel_put(parcel));
	}
	return count;
}

static void threads(void **state)
{
	uint64_t last[2 * THREADS] = {0};
	pthread_t ids[THREADS];
	void *complaint;
	size_t got = 0;

	(void)state;
	for (uintptr_t round = 0; round < 2; round++) {
		for (uintptr_t i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&ids[i], NULL, send_parcels,
							(void *)(round * THREADS + i)),
					 0);
		while (got < (round + 1) * THREADS * PARCELS)
			got += receive(last);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(ids[i], &complaint);
			assert_null(complaint);
		}
	}
	assert_null(pool_queue_take(&post));
	parcel_thread_ends();
	parcel_free_all();
	assert_int_equal(live, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pool_model),       TEST(pool_wrong_puts),   TEST(pool_without_memory),
		TEST(arena_model),      TEST(arena_doubles),     TEST(arena_without_memory),
		TEST(local_one_thread), TEST(local_handed_over), TEST(local_without_memory),
		TEST(threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
