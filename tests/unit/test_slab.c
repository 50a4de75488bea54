// SPDX-License-Identifier: MIT
//
// The kernel's heap: random objects of all sizes that must never overlap, every failure undone,
// and wrong frees stopped. In a debug build (tests/scenario/debug.t makes one) also red zones,
// use after free, and double frees.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "mm/frame.h"
#include "mm/page_entry.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/slab_internal.h"
#include "tests/unit/fake_machine.h"

#define BLOCKS 600

// One block somebody has: filled with a byte of its own.
static struct held {
	unsigned char *memory;
	size_t size;
	struct cache *cache; // NULL: kmalloc
	unsigned char byte;
} held[BLOCKS];

static void assert_intact(const struct held *block)
{
	for (size_t i = 0; i < block->size; i++)
		if (block->memory[i] != block->byte)
			fail_msg("byte %zu of %zu is %#x instead of %#x", i, block->size,
				 block->memory[i], block->byte);
}

static void take(struct held *block, struct cache *cache, size_t size)
{
	block->memory = cache ? cache_alloc(cache) : kmalloc(size);
	assert_non_null(block->memory);
	assert_int_equal((uintptr_t)block->memory % (size >= 64 ? 64 : 16), 0);
	block->cache = cache;
	block->size = size;
	block->byte = 1 + fake_random(100);
	memset(block->memory, block->byte, size);
}

static void give(struct held *block)
{
	assert_intact(block);
	if (block->cache)
		cache_free(block->cache, block->memory);
	else
		kfree(block->memory);
	block->memory = NULL;
}

static void random_blocks(void **state)
{
	static const size_t sizes[] = {16, 24, 48, 72, 128, 200, 1000, CACHE_SIZE_MAX};
	static struct cache *caches_of[8];
	uint64_t large;

	(void)state;
	fake_seed();
	for (unsigned i = 0; i < 8; i++)
		caches_of[i] = cache_create("test", sizes[i]);
	large = frame_kind_count(FRAME_SLAB);
	for (unsigned step = 0; step < 30000; step++) {
		struct held *block = &held[fake_random(BLOCKS)];
		unsigned which = fake_random(16);

		if (block->memory)
			give(block);
		else if (which < 8)
			take(block, caches_of[which], sizes[which]);
		else
			take(block, NULL, 1 + fake_random(which == 8 ? KMALLOC_MAX : 2100));
		if (step % 2000 == 0)
			assert_audit();
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (held[i].memory)
			give(&held[i]);
	assert_audit();
	// Each cache may keep one empty slab; nothing else stays.
	assert_true(frame_kind_count(FRAME_SLAB) <= large + 16 * 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(caches_of[i]->in_use, 0);
}

static void a_slab_is_used_again(void **state)
{
	struct cache *cache = cache_create("again", 128);
	void *first = cache_alloc(cache), *second;

	(void)state;
	cache_free(cache, first);
	second = cache_alloc(cache);
	assert_ptr_equal(first, second);
	assert_int_equal(cache->slabs, 1);
	cache_free(cache, second);
	// Objects of 128 bytes fill a page exactly, unless there are red zones between.
	assert_int_equal(cache->per_slab, DEBUG_BUILD ? 16 : 32);
}

static void zeros(void **state)
{
	static const char nothing[700];
	struct cache *cache = cache_create("zeros", 700);
	void *object = cache_alloc(cache), *block;

	(void)state;
	memset(object, 0xee, 700);
	cache_free(cache, object);
	object = cache_alloc_zeroed(cache);
	assert_memory_equal(object, nothing, 700);
	cache_free(cache, object);
	block = kmalloc(333);
	memset(block, 0xee, 333);
	kfree(block);
	block = kzalloc(333);
	assert_memory_equal(block, nothing, 333);
	kfree(block);
}

static void limits(void **state)
{
	void *block;

	(void)state;
	kfree(NULL);
	cache_free(NULL, NULL);
	assert_null(kmalloc(KMALLOC_MAX + 1));
	assert_null(kzalloc(~0ul));
	assert_null(cache_create("too large", CACHE_SIZE_MAX + 1));
	block = kmalloc(0);
	assert_non_null(block);
	kfree(block);
	for (size_t size = 1; size <= KMALLOC_MAX; size = size * 2 + 1) {
		block = kmalloc(size);
		assert_non_null(block);
		memset(block, 0xaa, size);
		kfree(block);
	}
	block = kmalloc(KMALLOC_MAX);
	memset(block, 0xaa, KMALLOC_MAX);
	kfree(block);
	assert_audit();
}

// With every allocation failing in turn: nothing is lost, and success comes in the end.
static void failures(void **state)
{
	static const size_t sizes[] = {16, 100, 2048, 2049, 65536};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int nth = 1;; nth++) {
			void *block;

			fake_fail_start(nth);
			block = kzalloc(sizes[i]);
			if (fake_fail_stop())
				assert_null(block);
			assert_audit();
			kfree(block);
			if (block)
				break;
		}
	}
	fake_fail_start(1);
	assert_null(cache_create("refused", 64));
	assert_true(fake_fail_stop());
	assert_audit();
}

// All of RAM in objects: refused at the end, and all of it back afterwards.
static void exhaustion(void **state)
{
	struct cache *cache = cache_create("exhaustion", 1024);
	uint64_t free_before = frame_kind_count(FRAME_FREE), taken = 0;
	void **chain = NULL, **object;

	(void)state;
	while ((object = cache_alloc(cache))) {
		*object = chain;
		chain = object;
		taken++;
	}
	assert_true(taken > free_before * 3 / 2);
	for (unsigned order = cache->order; order <= FRAME_ORDER_MAX; order++)
		assert_int_equal(frame_free_blocks(order), 0);
	assert_null(kmalloc(4096 * 4));
	assert_audit();
	while (chain) {
		object = chain;
		chain = *object;
		cache_free(cache, object);
	}
	assert_true(frame_kind_count(FRAME_FREE) + 8 >= free_before);
	assert_audit();
}

static void wrong_frees_panic(void **state)
{
	struct cache *one = cache_create("one", 64), *two = cache_create("two", 64);
	char *object = cache_alloc(one), *block = kmalloc(100), *large = kmalloc(3 * PAGE_SIZE);
	struct frame *frame = frame_alloc(0, FRAME_KERNEL);

	(void)state;
	assert_panics(cache_free(two, object), "no object of cache two");
	assert_panics(cache_free(one, object + 16), "no object of cache one");
	assert_panics(cache_free(one, frame_to_virt(frame)), "no object of cache one");
	assert_panics(kfree(block + 16), "no object of cache kmalloc-128");
	assert_panics(kfree(frame_to_virt(frame)), "which kmalloc did not give");
	assert_panics(kfree(large + 64), "which kmalloc did not give");
	assert_panics(kfree(large + PAGE_SIZE), "which kmalloc did not give");
	kfree(large);
	assert_panics(kfree(large), "which kmalloc did not give");
	kfree(block);
	cache_free(one, object);
	frame_free(frame, 0);
	assert_audit();
}

#ifdef CONFIG_DEBUG

static void overruns_are_found(void **state)
{
	struct cache *cache = cache_create("overrun", 96);
	char *object = cache_alloc(cache), kept = object[-1];

	(void)state;
	object[-1] = 1;
	assert_panics(cache_free(cache, object), "overrun object");
	object[-1] = kept;
	object[128] = 1; // 96, rounded up to its alignment
	assert_panics(cache_free(cache, object), "was overrun");
	object[128] = kept;
	cache_free(cache, object);
}

static void use_after_free_is_found(void **state)
{
	struct cache *cache = cache_create("stale", 256);
	char *object = cache_alloc(cache);
	struct frame *frame;

	(void)state;
	cache_free(cache, object);
	object[100] = 1;
	assert_panics(cache_alloc(cache), "freed stale object");
	// The panic left the object taken; make it whole.
	memset(object, POISON_FREE, 256);
	frame = frame_alloc(0, FRAME_KERNEL);
	object = frame_to_virt(frame);
	frame_free(frame, 0);
	object[4000] = 1;
	assert_panics(frame_alloc(0, FRAME_KERNEL), "freed memory was written");
	// The frame stays lost: it was off the list when the panic came.
	frame->kind = FRAME_FREE;
	memset(object, POISON_FREE, PAGE_SIZE);
}

static void double_free_is_found(void **state)
{
	struct cache *cache = cache_create("double", 64);
	void *object = cache_alloc(cache), *other = cache_alloc(cache), *block = kmalloc(40);

	(void)state;
	cache_free(cache, object);
	assert_panics(cache_free(cache, object), "double free of double object");
	kfree(block);
	assert_panics(kfree(block), "double free of kmalloc-64 object");
	cache_free(cache, other);
}

static void new_memory_is_no_zeros(void **state)
{
	unsigned char *block = kmalloc(100);

	(void)state;
	assert_int_equal(block[50], POISON_NEW);
	kfree(block);
}

#endif

static int start(void **state)
{
	(void)state;
	fake_machine_start(8192);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_blocks),
		cmocka_unit_test(a_slab_is_used_again),
		cmocka_unit_test(zeros),
		cmocka_unit_test(limits),
		cmocka_unit_test(failures),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(wrong_frees_panic),
#ifdef CONFIG_DEBUG
		cmocka_unit_test(overruns_are_found),
		cmocka_unit_test(new_memory_is_no_zeros),
		cmocka_unit_test(double_free_is_found),
		cmocka_unit_test(use_after_free_is_found),
#endif
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
