// SPDX-License-Identifier: MIT
//
// The tree of VMAs as large as a process may make it: 65,530 mappings, room found among them in
// time that hardly grows with their number, and the limit itself.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>
#include <time.h>

#include "mm/vma_tree.h"
#include "tests/unit/fake_machine.h"

#define BASE  0x10000000ul
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (ANON | MAP_FIXED)

static long map(struct mm *mm, uintptr_t address, uint64_t pages, int prot, int flags)
{
	return mm_mmap(mm, address, pages * PAGE_SIZE, prot, flags, NULL, 0, false);
}

// `count` mappings of a page, each with a page's hole below it.
static struct mm *space_with_holes(unsigned count)
{
	struct mm *mm = mm_create();

	for (unsigned i = 0; i < count; i++) {
		uintptr_t at = BASE + (2 * i + 1) * PAGE_SIZE;

		assert_int_equal(map(mm, at, 1, PROT_READ, FIXED), at);
	}
	mm->mmap_top = BASE + 2ul * count * PAGE_SIZE;
	return mm;
}

// The best of several timings of a search, in nanoseconds.
static uint64_t search_time(struct mm *mm, uint64_t pages, uintptr_t top, uintptr_t wanted)
{
	uint64_t best = ~0ul;
	struct vma *above;

	for (unsigned round = 0; round < 200; round++) {
		struct timespec before, after;
		uint64_t time;

		clock_gettime(CLOCK_MONOTONIC, &before);
		assert_int_equal(vma_find_hole(mm, pages * PAGE_SIZE, top, &above), wanted);
		clock_gettime(CLOCK_MONOTONIC, &after);
		time = (after.tv_sec - before.tv_sec) * 1000000000ul + after.tv_nsec -
		       before.tv_nsec;
		if (time < best)
			best = time;
	}
	return best;
}

// A thousand times the mappings: the search may take ten times as long, where looking at each
// would take a thousand times.
static void holes_are_found_fast(void **state)
{
	struct mm *few = space_with_holes(64), *many = space_with_holes(65000);
	uintptr_t low = BASE + 20 * PAGE_SIZE, free_low = low - PAGE_SIZE;
	uint64_t slow, fast;

	(void)state;
	// Below everything there is room, and nowhere else.
	fast = search_time(few, 2, few->mmap_top, BASE - PAGE_SIZE);
	slow = search_time(many, 2, many->mmap_top, BASE - PAGE_SIZE);
	print_message("# room below 64 mappings: %lu ns, below 65000: %lu ns\n", fast, slow);
	assert_true(slow < 40 * fast + 2000);
	// The highest hole that fits is low down, and most mappings are above where one may look.
	assert_int_equal(mm_munmap(few, free_low, PAGE_SIZE), 0);
	assert_int_equal(mm_munmap(many, free_low, PAGE_SIZE), 0);
	fast = search_time(few, 2, few->mmap_top, free_low);
	slow = search_time(many, 2, many->mmap_top, free_low);
	assert_true(slow < 40 * fast + 2000);
	fast = search_time(few, 1, low + 8 * PAGE_SIZE, low + 6 * PAGE_SIZE);
	slow = search_time(many, 1, low + 8 * PAGE_SIZE, low + 6 * PAGE_SIZE);
	assert_true(slow < 40 * fast + 2000);
	mm_put(few);
	mm_put(many);
	assert_audit();
}

// The highest hole by looking at every page.
static uintptr_t model_hole(const bool *used, unsigned pages, unsigned size, unsigned top)
{
	for (unsigned end = top; end >= size; end--) {
		unsigned free = 0;

		while (free < size && (end - 1 - free >= pages || !used[end - 1 - free]))
			free++;
		if (free == size)
			return BASE + (end - size) * PAGE_SIZE;
	}
	return 0;
}

static void holes_as_in_a_model(void **state)
{
	enum { PAGES = 200 };
	static bool used[PAGES];
	struct mm *mm = mm_create();

	(void)state;
	fake_seed();
	// What is below the window is taken, so that only holes in it are found.
	assert_int_equal(map(mm, 0x10000, (BASE - 0x10000) >> PAGE_SHIFT, PROT_NONE, FIXED),
			 0x10000);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned first = fake_random(PAGES), count = 1 + fake_random(8);
		unsigned top = 1 + fake_random(PAGES + 20), size = 1 + fake_random(10);
		uintptr_t at = BASE + first * PAGE_SIZE;
		struct vma *above;

		if (first + count > PAGES)
			count = PAGES - first;
		if (fake_random(step % 4000 < 2000 ? 3 : 2)) {
			assert_int_equal(map(mm, at, count, fake_random(8), FIXED), at);
			memset(&used[first], true, count);
		} else {
			assert_int_equal(mm_munmap(mm, at, count * PAGE_SIZE), 0);
			memset(&used[first], false, count);
		}
		assert_int_equal(
			vma_find_hole(mm, size * PAGE_SIZE, BASE + top * PAGE_SIZE, &above),
			model_hole(used, PAGES, size, top));
		assert_int_equal(vma_range_free(mm, at, at + size * PAGE_SIZE, &above),
				 model_hole(&used[first], PAGES - first, size, size) != 0);
		if (step % 500 == 0)
			assert_audit();
	}
	mm_put(mm);
}

// Upwards from 1 GiB, to 2 GiB.
static void low_ones_go_upwards(void **state)
{
	enum { LOW = MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, GIB = 1 << 30 };
	struct mm *mm = mm_create();

	(void)state;
	for (unsigned page = 0; page < 10; page++)
		assert_int_equal(map(mm, 0, 1, PROT_READ, LOW), GIB + page * PAGE_SIZE);
	assert_int_equal(mm_munmap(mm, GIB + 3 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm_munmap(mm, GIB + 5 * PAGE_SIZE, 3 * PAGE_SIZE), 0);
	assert_int_equal(map(mm, 0, 2, PROT_READ, LOW), GIB + 5 * PAGE_SIZE);
	assert_int_equal(map(mm, 0, 2, PROT_READ, LOW), GIB + 10 * PAGE_SIZE);
	assert_int_equal(map(mm, 0, 1, PROT_READ, LOW), GIB + 3 * PAGE_SIZE);
	assert_int_equal(map(mm, 0, 1, PROT_READ, LOW), GIB + 7 * PAGE_SIZE);
	assert_int_equal(map(mm, 0, GIB / PAGE_SIZE - 11, PROT_READ, LOW), -ENOMEM);
	assert_int_equal(map(mm, 0, GIB / PAGE_SIZE - 12, PROT_READ, LOW), GIB + 12 * PAGE_SIZE);
	assert_int_equal(map(mm, 0, 1, PROT_READ, LOW), -ENOMEM);
	mm_put(mm);
}

static void find_as_in_a_model(void **state)
{
	struct mm *mm = space_with_holes(500);

	(void)state;
	for (unsigned step = 0; step < 3000; step++) {
		uintptr_t at = BASE + fake_random(1001 * PAGE_SIZE);
		struct vma *vma = vma_find(mm, at), *slow = vma_first(mm);

		while (slow && slow->end <= at)
			slow = vma_next(slow);
		assert_ptr_equal(vma, slow);
	}
	mm_put(mm);
}

static void limit_of_mappings(void **state)
{
	struct mm *mm = space_with_holes(VMA_COUNT_DEFAULT - 1);
	uintptr_t end = BASE + 2ul * VMA_COUNT_DEFAULT * PAGE_SIZE, alone = end + 16 * PAGE_SIZE;

	(void)state;
	// One of three pages makes 65,530: no part of it can be split off any more.
	assert_int_equal(map(mm, alone, 3, PROT_READ, FIXED), alone);
	assert_int_equal(mm->vma_count, VMA_COUNT_DEFAULT);
	assert_int_equal(mm_munmap(mm, alone + PAGE_SIZE, PAGE_SIZE), -ENOMEM);
	assert_int_equal(mm_mprotect(mm, alone + PAGE_SIZE, PAGE_SIZE, PROT_NONE), -ENOMEM);
	assert_int_equal(mm_mprotect(mm, alone, PAGE_SIZE, PROT_NONE), -ENOMEM);
	assert_int_equal(mm->vma_count, VMA_COUNT_DEFAULT);
	assert_audit();
	// Ends can be cut, wholes changed, and as on Linux one more be mapped.
	assert_int_equal(mm_munmap(mm, alone, PAGE_SIZE), 0);
	assert_int_equal(mm_mprotect(mm, alone + PAGE_SIZE, 2 * PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(map(mm, end, 1, PROT_READ, FIXED), end);
	assert_int_equal(map(mm, alone + 8 * PAGE_SIZE, 1, PROT_READ, FIXED), -ENOMEM);
	assert_int_equal(map(mm, 0, 1, PROT_READ, ANON), -ENOMEM);
	mm->brk_start = mm->brk = 0x700000000000;
	assert_int_equal(mm_brk(mm, mm->brk + 1), mm->brk_start);
	assert_int_equal(mm_munmap(mm, end, PAGE_SIZE), 0);
	assert_int_equal(mm_brk(mm, mm->brk + 1), mm->brk_start + 1);
	assert_audit();
	mm_put(mm);
	assert_audit();
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(16384);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_as_in_a_model), cmocka_unit_test(low_ones_go_upwards),
		cmocka_unit_test(find_as_in_a_model),  cmocka_unit_test(holes_are_found_fast),
		cmocka_unit_test(limit_of_mappings),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
