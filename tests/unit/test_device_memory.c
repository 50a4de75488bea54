// SPDX-License-Identifier: MIT
//
// A device's memory in address spaces: the pages are the device's own, whoever maps them; they are
// nobody's resident memory; and each mapping, fork and copy leaves its references right, which the
// audit recounts.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/commit.h"
#include "mm/device_memory.h"
#include "mm/populate.h"
#include "mm/slab_internal.h"
#include "mm/usage.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include "tests/unit/fake_machine.h"

#define RAM    4096ul // frames; the device's come behind it
#define PAGES  16ul
#define BASE   0x10000000ul
#define RW     (PROT_READ | PROT_WRITE)
#define SHARED (MAP_SHARED | MAP_FIXED)
#define ALONE  (MAP_PRIVATE | MAP_FIXED)

static struct object device;
static struct mm *mm;

static int start(void **state)
{
	(void)state;
	fake_machine_reserve(RAM + PAGES);
	frame_add(0, 1, FRAME_RESERVED);
	frame_add(1, RAM, FRAME_FREE);
	slab_start();
	zero_frame_start();
	commit_start();
	device_memory_init(&device, RAM, PAGES);
	return 0;
}

static int new_space(void **state)
{
	(void)state;
	mm = mm_create();
	return mm == NULL;
}

static int end_space(void **state)
{
	(void)state;
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
	assert_audit();
	for (uint64_t i = 0; i < PAGES; i++)
		assert_int_equal(frame_table[RAM + i].references, 1);
	return 0;
}

static long map(uint64_t pages, int flags, uint64_t page_offset)
{
	return mm_mmap(mm, BASE, pages * PAGE_SIZE, RW, flags, &device, page_offset, true);
}

static uint64_t *device_word(uint64_t page)
{
	return frame_to_virt(&frame_table[RAM + page]);
}

static void store(struct mm *space, uint64_t page, uint64_t value)
{
	enum fault_result why;

	assert_true(fake_store(space, BASE + page * PAGE_SIZE, value, &why));
}

static uint64_t load(struct mm *space, uint64_t page)
{
	enum fault_result why;
	uint64_t value = 0;

	assert_true(fake_load(space, BASE + page * PAGE_SIZE, &value, &why));
	return value;
}

static void shared(void **state)
{
	struct mm *child;

	(void)state;
	assert_int_equal(map(PAGES, SHARED, 0), BASE);
	store(mm, 3, 33);
	assert_int_equal(*device_word(3), 33);
	*device_word(4) = 44;
	assert_int_equal(load(mm, 4), 44);
	store(mm, 4, 45); // after it was read
	assert_int_equal(*device_word(4), 45);
	assert_int_equal(mm_fork(mm, &child), 0);
	assert_audit();
	store(child, 3, 34);
	assert_int_equal(load(mm, 3), 34);
	assert_int_equal(mm->anon_resident + mm->file_resident, 0);
	assert_int_equal(mm_munmap(mm, BASE, 8 * PAGE_SIZE), 0);
	assert_audit();
	mm_put(child);
	fake_forget(child);
}

static void alone(void **state)
{
	struct mm *child;

	(void)state;
	*device_word(1) = 1;
	*device_word(2) = 2;
	assert_int_equal(map(8, ALONE, 0), BASE);
	store(mm, 1, 11); // at once
	assert_int_equal(load(mm, 2), 2);
	store(mm, 2, 22); // after it was read
	assert_int_equal(*device_word(1), 1);
	assert_int_equal(*device_word(2), 2);
	assert_int_equal(load(mm, 1), 11);
	assert_int_equal(mm->anon_resident, 2);
	assert_int_equal(mm->file_resident, 0);
	load(mm, 3);
	assert_int_equal(mm_fork(mm, &child), 0);
	store(child, 3, 33);
	store(child, 1, 12);
	assert_int_equal(load(mm, 1), 11);
	assert_audit();
	mm_put(child);
	fake_forget(child);
}

static void not_past_the_end(void **state)
{
	(void)state;
	assert_int_equal(map(PAGES + 1, SHARED, 0), -EINVAL);
	assert_int_equal(map(PAGES, SHARED, 1), -EINVAL);
	assert_int_equal(map(1, SHARED, PAGES), -EINVAL);
	assert_int_equal(map(1, SHARED, PAGES - 1), BASE);
}

static void stays_apart(void **state)
{
	struct page_usage usage = {0};
	unsigned char there[4] = {0};

	(void)state;
	assert_int_equal(map(2, SHARED, 0), BASE);
	assert_int_equal(
		mm_mmap(mm, BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW, SHARED, &device, 2, true),
		BASE + 2 * PAGE_SIZE);
	assert_int_equal(mm->vma_count, 2);
	store(mm, 0, 1);
	mm_count_usage(mm, BASE, BASE + 4 * PAGE_SIZE, &usage);
	assert_int_equal(usage.resident, 0);
	assert_int_equal(mm_mincore(mm, BASE, 4, there), 4);
	assert_memory_equal(there, "\1\1\1\1", 4);
}

static void what_is_refused(void **state)
{
	(void)state;
	assert_int_equal(map(2, SHARED, 0), BASE);
	assert_int_equal(mm_madvise(mm, BASE, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(mm_madvise(mm, BASE, PAGE_SIZE, MADV_DODUMP), -EINVAL);
	assert_int_equal(mm_madvise(mm, BASE, PAGE_SIZE, MADV_REMOVE), -ENODEV);
	assert_int_equal(mm_madvise(mm, BASE, PAGE_SIZE, MADV_POPULATE_WRITE), -EFAULT);
	assert_int_equal(mm_mlock(mm, BASE, 2 * PAGE_SIZE, false), 0);
	assert_int_equal(mm->locked, 0);
	assert_int_equal(mm_mremap(mm, BASE, 2 * PAGE_SIZE, 3 * PAGE_SIZE, MREMAP_MAYMOVE, 0),
			 -EFAULT);
	assert_int_equal(mm_mremap(mm, BASE, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
	store(mm, 1, 5);
	assert_int_equal(mm_mremap(mm, BASE, 2 * PAGE_SIZE, PAGE_SIZE, 0, 0), BASE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_space, end_space)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shared),      TEST(alone),           TEST(not_past_the_end),
		TEST(stays_apart), TEST(what_is_refused),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
