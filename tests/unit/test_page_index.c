// SPDX-License-Identifier: MIT
//
// From page number to frame, at numbers of all sizes up to 64 bits, against a plain list. Nodes
// must all be back in the heap at the end, and after every failed entry none may be left over.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "mm/page_index.h"
#include "mm/slab_internal.h"
#include "tests/unit/fake_machine.h"

#define ENTRIES 400

static struct page_index index_;
static struct entry {
	uint64_t number;
	struct frame *frame; // only compared, never looked into
} entries[ENTRIES];

static uint64_t objects_in_use(void)
{
	uint64_t sum = 0;
	struct cache *cache;

	list_for_each_entry (cache, &caches, link)
		sum += cache->in_use;
	return sum;
}

// Numbers near each other, anywhere in 64 bits, and at the borders of the tree's levels.
static uint64_t random_number(void)
{
	uint64_t border = 1ul << fake_random(64);

	switch (fake_random(4)) {
	case 0:
		return fake_random(1000);
	case 1:
		return border + fake_random(3) - 1;
	case 2:
		return ~fake_random(70);
	default:
		return fake_random(1ul << 32) << fake_random(33);
	}
}

static struct entry *find(uint64_t number)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].frame && entries[i].number == number)
			return &entries[i];
	return NULL;
}

static void check_all(void)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].frame)
			assert_ptr_equal(page_index_get(&index_, entries[i].number),
					 entries[i].frame);
}

static void clear_all(void)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (!entries[i].frame)
			continue;
		page_index_clear(&index_, entries[i].number);
		assert_null(page_index_get(&index_, entries[i].number));
		entries[i].frame = NULL;
	}
	assert_null(index_.root);
}

static void random_numbers(void **state)
{
	uint64_t before = objects_in_use();

	(void)state;
	fake_seed();
	for (unsigned step = 0; step < 20000; step++) {
		struct entry *entry = &entries[fake_random(ENTRIES)];
		uint64_t number = random_number();
		struct entry *there = find(number);

		assert_ptr_equal(page_index_get(&index_, number), there ? there->frame : NULL);
		if (entry->frame) {
			page_index_clear(&index_, entry->number);
			assert_null(page_index_get(&index_, entry->number));
			entry->frame = NULL;
		} else if (!there) {
			entry->number = number;
			entry->frame = (struct frame *)(step * 64ul + 64);
			assert_int_equal(page_index_set(&index_, number, entry->frame), 0);
		}
		if (step % 500 == 0)
			check_all();
	}
	clear_all();
	assert_int_equal(objects_in_use(), before);
}

// Page 0 alone needs no node at all.
static void one_page_file(void **state)
{
	struct page_index index = {0};
	struct frame *frame = (struct frame *)64;
	uint64_t before = objects_in_use();

	(void)state;
	assert_null(page_index_get(&index, 0));
	assert_int_equal(page_index_set(&index, 0, frame), 0);
	assert_int_equal(objects_in_use(), before);
	assert_ptr_equal(page_index_get(&index, 0), frame);
	assert_null(page_index_get(&index, 1));
	assert_null(page_index_get(&index, ~0ul));
	page_index_clear(&index, 0);
	assert_null(page_index_get(&index, 0));
}

static void failed_entries_leave_nothing(void **state)
{
	static const uint64_t numbers[] = {0, 5, 64, 4096, 1ul << 40, ~0ul, ~0ul - 64, 1ul << 63};
	struct frame *frame = (struct frame *)64;
	uint64_t start = objects_in_use();

	(void)state;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (int nth = 1;; nth++) {
			uint64_t before = objects_in_use();
			int error;

			fake_fail_start(nth);
			error = page_index_set(&index_, numbers[i], frame);
			if (!fake_fail_stop()) {
				assert_int_equal(error, 0);
				break;
			}
			if (!error) // a slab was refused, and another one had room
				break;
			assert_int_equal(error, -ENOMEM);
			assert_null(page_index_get(&index_, numbers[i]));
			// Growing taller stays, for page 0; nodes without a page do not.
			assert_true(objects_in_use() <= before + 11);
			for (unsigned j = 0; j < i; j++)
				assert_ptr_equal(page_index_get(&index_, numbers[j]), frame);
		}
	}
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		page_index_clear(&index_, numbers[i]);
	assert_null(index_.root);
	assert_int_equal(objects_in_use(), start);
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(4096);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_page_file),
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(failed_entries_leave_nothing),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
