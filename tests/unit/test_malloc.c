// SPDX-License-Identifier: MIT
//
// lib/libc/malloc.c against a model that knows which bytes belong to whom, its single properties,
// and what it does when the kernel's brk, mmap and mremap fail.
#define _GNU_SOURCE
#include <pthread.h>
#include "tests/unit/malloc_under_test.h"

// -- the model

#define SLOTS 300

struct slot {
	unsigned char *bytes;
	size_t size;
	uint32_t seed; // its bytes are a function of this
};

static struct slot slots[SLOTS];

static unsigned char pattern(uint32_t seed, size_t at)
{
	return (unsigned char)((seed + at) * 0x9e3779b1u >> 24);
}

// Large blocks are looked at in places, or the test would do nothing else.
static size_t next_place(size_t at, size_t size)
{
	return at < 64 || size - at <= 64 ? at + 1 : at + 61 < size - 64 ? at + 61 : size - 64;
}

static void slot_fill(struct slot *slot)
{
	slot->seed = (uint32_t)random_next();
	for (size_t at = 0; at < slot->size; at = next_place(at, slot->size))
		slot->bytes[at] = pattern(slot->seed, at);
}

static void slot_check(const struct slot *slot, size_t size)
{
	for (size_t at = 0; at < size; at = next_place(at, slot->size))
		assert_int_equal(slot->bytes[at], pattern(slot->seed, at));
}

// Nobody else's bytes are in it.
static void slot_claim(struct slot *slot, void *bytes, size_t size)
{
	slot->bytes = bytes;
	slot->size = size;
	assert_int_equal((uintptr_t)bytes % 16, 0);
	assert_true(tested_usable_size(bytes) >= size);
	for (int i = 0; i < SLOTS; i++)
		if (&slots[i] != slot && slots[i].bytes)
			assert_true(slot->bytes + size <= slots[i].bytes ||
				    slots[i].bytes + slots[i].size <= slot->bytes);
}

static size_t random_size(void)
{
	switch (random_below(16)) {
	case 0:
		return random_below(400 << 10);
	case 1 ... 3:
		return random_below(8 << 10);
	case 4:
		return 0;
	default:
		return random_below(200);
	}
}

static void slot_allocate(struct slot *slot)
{
	size_t size = random_size(), alignment;
	void *bytes = NULL;

	switch (random_below(4)) {
	case 0:
		bytes = tested_calloc(size / 8, 8);
		size = size / 8 * 8;
		for (size_t at = 0; bytes && at < size; at = next_place(at, size))
			assert_int_equal(((unsigned char *)bytes)[at], 0);
		break;
	case 1:
		alignment = 8ul << random_below(16);
		if (tested_posix_memalign(&bytes, alignment, size) == 0)
			assert_int_equal((uintptr_t)bytes % alignment, 0);
		break;
	default:
		bytes = tested_malloc(size);
	}
	if (!bytes)
		return;
	slot_claim(slot, bytes, size);
	slot_fill(slot);
}

static void slot_resize(struct slot *slot)
{
	size_t size = random_size();
	void *bytes;

	slot_check(slot, slot->size);
	bytes = tested_realloc(slot->bytes, size);
	if (size == 0) { // freed
		assert_null(bytes);
		slot->bytes = NULL;
		return;
	}
	if (!bytes) {
		slot_check(slot, slot->size);
		return;
	}
	slot->bytes = bytes;
	slot_check(slot, size < slot->size ? size : slot->size);
	slot_claim(slot, bytes, size);
	slot_fill(slot);
}

static void slot_free(struct slot *slot)
{
	slot_check(slot, slot->size);
	tested_free(slot->bytes);
	slot->bytes = NULL;
}

static void model_step(void)
{
	struct slot *slot = &slots[random_below(SLOTS)];

	if (!slot->bytes)
		slot_allocate(slot);
	else if (random_below(3) == 0)
		slot_resize(slot);
	else
		slot_free(slot);
}

static void model_end(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].bytes)
			slot_free(&slots[i]);
}

static void random_use(void **state)
{
	(void)state;
	random_start();
	for (int i = 0; i < 100000; i++) {
		model_step();
		if (i % 1000 == 0)
			audit();
		if (i % 9000 == 0)
			empty_caches();
	}
	model_end();
	audit();
	empty_caches();
	assert_int_equal(audit(), 0);
	assert_true(heap.brk_end - heap_start <= heap.trim_above + GROW_STEP);
}

// -- single properties

static void every_small_size(void **state)
{
	unsigned char *blocks[2000];

	(void)state;
	for (size_t size = 0; size < 2000; size++) {
		blocks[size] = tested_malloc(size);
		assert_int_equal((uintptr_t)blocks[size] % 16, 0);
		assert_true(tested_usable_size(blocks[size]) >= size);
		memset(blocks[size], (int)size, tested_usable_size(blocks[size]));
	}
	assert_int_equal(audit(), 2000);
	for (size_t size = 0; size < 2000; size++) {
		for (size_t at = 0; at < size; at++)
			assert_int_equal(blocks[size][at], (unsigned char)size);
		tested_free(blocks[size]);
	}
	assert_int_equal(audit(), 0);
	tested_free(NULL);
	assert_int_equal(tested_usable_size(NULL), 0);
}

static void sizes_that_overflow(void **state)
{
	size_t huge[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 15, SIZE_MAX - 4096,
			 SIZE_MAX};
	char *kept = tested_malloc(10);
	void *untouched = kept;

	(void)state;
	strcpy(kept, "kept");
	for (size_t i = 0; i < sizeof(huge) / sizeof(*huge); i++) {
		errno = 0;
		assert_null(tested_malloc(huge[i]));
		assert_int_equal(errno, ENOMEM);
		assert_null(tested_realloc(kept, huge[i]));
		assert_null(tested_calloc(1, huge[i]));
		assert_null(tested_memalign(64, huge[i]));
		assert_null(tested_memalign((size_t)1 << 63, huge[i]));
	}
	errno = 0;
	assert_null(tested_calloc(SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(tested_reallocarray(kept, SIZE_MAX / 4, 5));
	assert_string_equal(kept, "kept");
	assert_null(tested_memalign(((size_t)1 << 63) + 1, 10));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(tested_posix_memalign(&untouched, 4, 10), EINVAL);
	assert_int_equal(tested_posix_memalign(&untouched, 64, SIZE_MAX - 100), ENOMEM);
	assert_ptr_equal(untouched, kept);
	tested_free(kept);
	assert_int_equal(audit(), 0);
}

// What programs that were written on glibc count on.
static void as_glibc_has_it(void **state)
{
	static const size_t asked[] = {0, 1, 8, 24, 48, 100}, given[] = {16, 16, 16, 32, 64, 128};
	void *bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		bytes = tested_memalign(asked[i], 40);
		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % given[i], 0);
		tested_free(bytes);
	}
	errno = 0;
	assert_null(tested_realloc(tested_malloc(40), 0));
	assert_int_equal(errno, 0);
	bytes = tested_realloc(NULL, 0);
	assert_non_null(bytes);
	tested_free(bytes);
	assert_int_equal(audit(), 0);
}

static void merging_and_splitting(void **state)
{
	size_t size = 40000; // more than a cache holds
	char *a = tested_malloc(size), *b = tested_malloc(size), *c = tested_malloc(size);
	char *end = tested_malloc(size);

	(void)state;
	tested_free(a);
	tested_free(c);
	tested_free(b); // between two free ones: all three become one
	assert_int_equal(audit(), 1);
	assert_ptr_equal(tested_malloc(3 * size), a);
	tested_free(a);
	tested_free(end);
	assert_int_equal(audit(), 0);
	assert_ptr_equal(tested_malloc(3 * size), a);
	tested_free(a);
}

static void resizing_in_place(void **state)
{
	char *a = tested_malloc(40000), *b = tested_malloc(90000), *c = tested_malloc(40000),
	     *large;

	(void)state;
	tested_free(b);
	assert_ptr_equal(tested_realloc(a, 120000), a); // into the free block above
	assert_ptr_equal(tested_realloc(a, 60000), a);
	assert_ptr_equal(tested_malloc(65000), a + 60016); // what shrinking gave back, merged
	assert_ptr_equal(tested_realloc(c, 120 << 10), c); // the last one: to the end of the heap
	assert_ptr_equal(tested_realloc(c, 127 << 10), c); // and past it, by brk
	large = tested_malloc(1 << 20);
	memset(large, 'x', 1 << 20);
	large = tested_realloc(large, 20 << 20);
	assert_int_equal(large[(1 << 20) - 1], 'x');
	assert_int_equal(large[1 << 20], 0);
	large = tested_realloc(large, 200 << 10);
	assert_int_equal(large[(200 << 10) - 1], 'x');
	assert_true(tested_usable_size(large) < 210 << 10);
	tested_free(large);
}

static void brk_for_small_mmap_for_large(void **state)
{
	void *small = tested_malloc(MAP_FROM - 1), *large = tested_malloc(MAP_FROM);
	uintptr_t end = heap.brk_end;
	void *many[32];

	(void)state;
	assert_in_range((uintptr_t)small, heap_start, heap.brk_end);
	assert_not_in_range((uintptr_t)large, heap_start, heap.brk_end);
	tested_free(large);
	for (int i = 0; i < 32; i++)
		many[i] = tested_malloc(100 << 10);
	assert_true(heap.brk_end > end + (2 << 20));
	for (int i = 0; i < 32; i++)
		tested_free(many[i]);
	tested_free(small);
	assert_int_equal((uintptr_t)system_call1(__NR_brk, 0), heap.brk_end);
	assert_true(heap.brk_end - heap_start <= TRIM_ABOVE);
	assert_int_equal(audit(), 0);
}

// Somebody else takes memory by brk: the heap goes on behind it and leaves it alone.
static void brk_moved_by_others(void **state)
{
	size_t foreign_size = 70000;
	unsigned char *mine = tested_malloc(100), *foreign = (unsigned char *)heap.brk_end;

	(void)state;
	assert_int_equal(system_call1(__NR_brk, foreign + foreign_size), foreign + foreign_size);
	memset(foreign, 0xa5, foreign_size);
	for (int i = 0; i < 100; i++) {
		unsigned char *block = tested_malloc(10000);

		assert_true(block + 10000 <= foreign || block >= foreign + foreign_size);
		memset(block, 0, 10000);
	}
	for (size_t i = 0; i < foreign_size; i++)
		assert_int_equal(foreign[i], 0xa5);
	tested_free(mine);
}

static void brk_refused(void **state)
{
	void *blocks[200];

	(void)state;
	refuse_brk = true;
	for (int i = 0; i < 200; i++) {
		blocks[i] = tested_malloc(20000);
		assert_non_null(blocks[i]);
		memset(blocks[i], i, 20000);
	}
	for (int i = 0; i < 200; i++)
		tested_free(blocks[i]);
}

// -- running out: each request for memory in turn fails, alone and with all that follow

static void run_out(bool all_that_follow)
{
	uint64_t seed = random_state;

	for (long n = 1, total = n; n <= total; n++) {
		fresh_heap(NULL);
		random_state = seed;
		fail_at = n;
		fail_on = all_that_follow;
		for (int i = 0; i < 1500; i++)
			model_step();
		if (n == 1 || requests > total)
			total = requests < 150 ? requests : 150;
		model_end();
	}
}

static void exhaustion(void **state)
{
	(void)state;
	random_start();
	run_out(false);
	run_out(true);
}

// One thread allocates, another frees, and the size changes now and then: what came back of the
// sizes before is used again.
#define PASSED_BYTES (4ul << 20)

static void *passed[PASSED_BYTES / 512];

static void *free_passed(void *count)
{
	for (size_t i = 0; i < (size_t)count; i++)
		tested_free(passed[i]);
	return NULL;
}

static void sizes_that_change(void **state)
{
	size_t before = tested_mallinfo2().arena;
	pthread_t thread;

	(void)state;
	for (size_t size = 512; size <= 30000; size += size / 4) {
		size_t count = PASSED_BYTES / size;

		for (size_t i = 0; i < count; i++) {
			passed[i] = tested_malloc(size);
			assert_non_null(passed[i]);
		}
		assert_int_equal(pthread_create(&thread, NULL, free_passed, (void *)count), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_in_range(tested_mallinfo2().arena - before, PASSED_BYTES, 3 * PASSED_BYTES);
	audit();
}

static void exhausted_error(void **state)
{
	char *kept = tested_malloc(100);

	(void)state;
	strcpy(kept, "kept");
	fail_at = 1;
	fail_on = true;
	errno = 0;
	assert_null(tested_malloc(1 << 20));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	while (tested_malloc(1000))
		;
	assert_int_equal(errno, ENOMEM);
	assert_null(tested_realloc(kept, 100000));
	assert_string_equal(kept, "kept");
	audit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_small_size),    TEST(sizes_that_overflow),
		TEST(as_glibc_has_it),     TEST(merging_and_splitting),
		TEST(resizing_in_place),   TEST(brk_for_small_mmap_for_large),
		TEST(brk_moved_by_others), TEST(brk_refused),
		TEST(sizes_that_change),   TEST(exhausted_error),
		TEST(random_use),          TEST(exhaustion),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("malloc", tests, NULL, NULL);
}
