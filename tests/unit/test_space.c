// SPDX-License-Identifier: MIT
//
// Address spaces, one feature after the other: the frame of zeros, copy-on-write, stacks, brk,
// merging and splitting, files' pages. (tests/unit/test_model.c does all of it at random.)

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <linux/mman.h>

#include "mm/frame.h"
#include "mm/failure.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include "tests/unit/fake_machine.h"

#define BASE 0x10000000ul
#define HEAP 0x20000000ul

static struct mm *space_with(size_t pages)
{
	struct mm *mm = mm_create();

	assert_non_null(mm);
	assert_int_equal(mm_mmap(mm, BASE, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 BASE);
	return mm;
}

static enum fault_result store_reason(struct mm *mm, uintptr_t address, uint64_t value)
{
	enum fault_result why = FAULT_SPURIOUS;

	assert_true(fake_store(mm, address, value, &why));
	return why;
}

// Reading maps the one frame of zeros; writing then replaces it.
static void zero_frame_is_shared(void **state)
{
	struct mm *mm = space_with(4);
	uint32_t before = zero_frame->references;
	enum fault_result why;
	uint64_t value = 1;

	(void)state;
	assert_true(fake_load(mm, BASE, &value, &why));
	assert_int_equal(why, FAULT_ZERO_FRAME);
	assert_int_equal(value, 0);
	assert_int_equal(zero_frame->references, before + 1);
	assert_int_equal(mm->anon_resident, 0);
	assert_int_equal(store_reason(mm, BASE, 7), FAULT_ZERO_REPLACED);
	assert_int_equal(zero_frame->references, before);
	assert_int_equal(mm->anon_resident, 1);
	assert_int_equal(store_reason(mm, BASE + PAGE_SIZE, 7), FAULT_DEMAND_ZERO);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
}

// fork shares, the first write copies, the last owner just gets write permission back.
static void copy_on_write(void **state)
{
	struct mm *parent = space_with(2), *child;
	enum fault_result why;
	uint64_t value;

	(void)state;
	store_reason(parent, BASE, 1);
	assert_int_equal(mm_fork(parent, &child), 0);
	assert_int_equal(frame_kind_count(FRAME_ANON), 1);
	assert_int_equal(store_reason(parent, BASE, 2), FAULT_COPIED);
	assert_int_equal(store_reason(child, BASE, 3), FAULT_REUSED);
	assert_true(fake_load(parent, BASE, &value, &why));
	assert_int_equal(value, 2);
	assert_true(fake_load(child, BASE, &value, &why));
	assert_int_equal(value, 3);
	assert_audit();
	mm_put(parent);
	mm_put(child);
	fake_forget(parent);
	fake_forget(child);
}

// Another CPU that has read a page before it was replaced reads the new one afterwards.
static void other_cpus_see_the_copy(void **state)
{
	struct mm *parent = space_with(2), *child;
	enum fault_result why;
	uint64_t value;

	(void)state;
	store_reason(parent, BASE, 1);
	assert_int_equal(mm_fork(parent, &child), 0);
	fake_cpu = 1;
	assert_true(fake_load(child, BASE, &value, &why));
	assert_true(fake_load(child, BASE + PAGE_SIZE, &value, &why));
	fake_cpu = 0;
	assert_int_equal(store_reason(child, BASE, 2), FAULT_COPIED);
	assert_int_equal(store_reason(child, BASE + PAGE_SIZE, 3), FAULT_ZERO_REPLACED);
	fake_cpu = 1;
	assert_true(fake_load(child, BASE, &value, &why));
	assert_int_equal(value, 2);
	assert_true(fake_load(child, BASE + PAGE_SIZE, &value, &why));
	assert_int_equal(value, 3);
	fake_cpu = 0;
	mm_put(parent);
	mm_put(child);
	fake_forget(parent);
	fake_forget(child);
}

static void stack_grows_to_its_limit(void **state)
{
	struct mm *mm = mm_create();
	uintptr_t top = 0x7ffff0000000ul;
	enum fault_result why;

	(void)state;
	fake_limits.stack = 64 * PAGE_SIZE;
	assert_int_equal(mm_map_stack(mm, top, 2 * PAGE_SIZE, false), 0);
	assert_int_equal(store_reason(mm, top - 32 * PAGE_SIZE, 1), FAULT_STACK_GROWN);
	assert_int_equal(store_reason(mm, top - 64 * PAGE_SIZE, 1), FAULT_STACK_GROWN);
	assert_false(fake_store(mm, top - 65 * PAGE_SIZE, 1, &why));
	assert_int_equal(why, FAULT_STACK_LIMIT);
	assert_false(fake_store(mm, top - 64 * PAGE_SIZE - STACK_GUARD_GAP - 1, 1, &why));
	assert_int_equal(why, FAULT_NO_MAPPING);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
	fake_no_limits();
}

static void stack_keeps_its_guard_gap(void **state)
{
	struct mm *mm = mm_create();
	uintptr_t top = 0x7ffff0000000ul, below = top - 300 * PAGE_SIZE;
	enum fault_result why;

	(void)state;
	assert_int_equal(mm_map_stack(mm, top, PAGE_SIZE, false), 0);
	assert_int_equal(mm_mmap(mm, below, PAGE_SIZE, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 below);
	assert_true(fake_store(mm, top - 40 * PAGE_SIZE, 1, &why));
	assert_false(fake_store(mm, top - 44 * PAGE_SIZE, 1, &why));
	assert_int_equal(why, FAULT_STACK_LIMIT);
	mm_put(mm);
	fake_forget(mm);
}

static void brk_as_linux(void **state)
{
	struct mm *mm = mm_create();
	enum fault_result why;
	uint64_t value;

	(void)state;
	mm->brk_start = mm->brk = HEAP;
	assert_int_equal(mm_brk(mm, 0), HEAP);
	assert_int_equal(mm_brk(mm, HEAP + 100), HEAP + 100);
	assert_int_equal(mm->mapped, 1);
	store_reason(mm, HEAP, 42);
	assert_int_equal(mm_brk(mm, HEAP + 3 * PAGE_SIZE), HEAP + 3 * PAGE_SIZE);
	assert_int_equal(mm->vma_count, 1);
	assert_int_equal(mm_brk(mm, HEAP), HEAP);
	assert_int_equal(mm->mapped, 0);
	assert_int_equal(mm_brk(mm, HEAP + 1), HEAP + 1);
	assert_true(fake_load(mm, HEAP, &value, &why));
	assert_int_equal(value, 0);
	assert_int_equal(mm_brk(mm, HEAP - 1), HEAP + 1);
	assert_int_equal(mm_brk(mm, ~0ul), HEAP + 1);
	// The page right below another mapping stays free.
	mm_mmap(mm, HEAP + 8 * PAGE_SIZE, PAGE_SIZE, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false);
	assert_int_equal(mm_brk(mm, HEAP + 8 * PAGE_SIZE), HEAP + 1);
	assert_int_equal(mm_brk(mm, HEAP + 7 * PAGE_SIZE), HEAP + 7 * PAGE_SIZE);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
}

// Equal neighbours are one VMA; a hole or another protection in the middle makes three, two.
static void vmas_merge_and_split(void **state)
{
	struct mm *mm = space_with(8);

	(void)state;
	assert_int_equal(mm->vma_count, 1);
	assert_int_equal(mm_mprotect(mm, BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm->vma_count, 3);
	assert_int_equal(
		mm_mprotect(mm, BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm->vma_count, 1);
	assert_int_equal(mm_munmap(mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm->vma_count, 2);
	assert_int_equal(mm_mmap(mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 BASE + 3 * PAGE_SIZE);
	assert_int_equal(mm->vma_count, 1);
	assert_audit();
	mm_put(mm);
}

// Without a fixed address mappings go to the highest hole that fits.
static void holes_are_found(void **state)
{
	struct mm *mm = mm_create();
	long first, second;

	(void)state;
	first = mm_mmap(mm, 0, 4 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0,
			false);
	assert_int_equal(first, mm->mmap_top - 4 * PAGE_SIZE);
	second = mm_mmap(mm, 0, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0,
			 false);
	assert_int_equal(second, first - 2 * PAGE_SIZE);
	assert_int_equal(mm_munmap(mm, first + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(
		mm_mmap(mm, 0, PAGE_SIZE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, false),
		first + PAGE_SIZE);
	// The whole of ring 3's half, and one page more.
	assert_int_equal(mm_mmap(mm, 0, USER_END + PAGE_SIZE, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, false),
			 -ENOMEM);
	assert_audit();
	mm_put(mm);
}

static int fill_number(struct object *object, uint64_t index, void *page)
{
	(void)object;
	memset(page, 0, PAGE_SIZE);
	*(uint64_t *)page = 1000 + index;
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

// A file's pages are shared by all who read them and private to who writes.
static void file_pages(void **state)
{
	static const struct object_ops operations = {.fill = fill_number,
						     .release = release_nothing};
	static struct object file;
	struct mm *mm = mm_create(), *other;
	enum fault_result why;
	uint64_t value;

	(void)state;
	object_init(&file, &operations, 3 * PAGE_SIZE - 100);
	file.source = file.size;
	assert_int_equal(mm_mmap(mm, BASE, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_FIXED, &file, 0, false),
			 BASE);
	assert_true(fake_load(mm, BASE + PAGE_SIZE, &value, &why));
	assert_int_equal(why, FAULT_FILE_READ);
	assert_int_equal(value, 1001);
	assert_int_equal(mm_fork(mm, &other), 0);
	assert_int_equal(store_reason(other, BASE + PAGE_SIZE, 5), FAULT_COPIED);
	assert_int_equal(store_reason(other, BASE, 6), FAULT_FILE_COPIED);
	assert_true(fake_load(mm, BASE + PAGE_SIZE, &value, &why));
	assert_int_equal(value, 1001);
	assert_true(fake_load(mm, BASE, &value, &why));
	assert_int_equal(value, 1000);
	assert_false(fake_load(mm, BASE + 3 * PAGE_SIZE, &value, &why));
	assert_int_equal(why, FAULT_BEYOND_END);
	assert_audit();
	mm_put(mm);
	mm_put(other);
	fake_forget(mm);
	fake_forget(other);
	assert_int_equal(object_drop_caches(), 2);
	object_put(&file);
	assert_audit();
}

// Everything fork and faults allocate, failing one after the other: nothing is lost or half done.
static void failures_are_undone(void **state)
{
	struct mm *parent = space_with(8), *child;
	unsigned nth = 1;
	int error;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		store_reason(parent, BASE + i * PAGE_SIZE, i);
	do {
		page_table_drain();
		fake_fail_nth = nth++;
		failure_task_armed(true);
		error = mm_fork(parent, &child);
		if (fake_fail_nth)
			failure_task_armed(false);
		assert_true(error == 0 || error == -ENOMEM);
		assert_audit();
	} while (error);
	assert_true(nth > 5);
	fake_fail_nth = 0;
	for (nth = 1;; nth++) {
		enum fault_result why = FAULT_SPURIOUS;
		bool stored;

		fake_fail_nth = nth;
		failure_task_armed(true);
		stored = fake_store(child, BASE, 99, &why);
		if (fake_fail_nth)
			failure_task_armed(false);
		assert_audit();
		if (stored)
			break;
		assert_int_equal(why, FAULT_NO_MEMORY);
	}
	fake_fail_nth = 0;
	mm_put(child);
	mm_put(parent);
	fake_forget(child);
	fake_forget(parent);
	assert_audit();
}

// A large move takes whole tables along; contents, counters and the reverse map stay right.
static void large_mappings_move(void **state)
{
	const unsigned pages = 2048;
	struct mm *mm = space_with(pages);
	uintptr_t to;
	enum fault_result why;
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < pages; i += 37)
		store_reason(mm, BASE + i * PAGE_SIZE, 1000 + i);
	// Something right behind it, so that it can not grow where it is.
	mm_mmap(mm, BASE + pages * PAGE_SIZE, PAGE_SIZE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false);
	assert_int_equal(mm_mremap(mm, BASE, pages * PAGE_SIZE, 2 * pages * PAGE_SIZE, 0, 0),
			 -ENOMEM);
	to = mm_mremap(mm, BASE, pages * PAGE_SIZE, 2 * pages * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(to < USER_END && to != BASE);
	assert_audit();
	for (unsigned i = 0; i < pages; i += 37) {
		assert_true(fake_load(mm, to + i * PAGE_SIZE, &value, &why));
		assert_int_equal(value, 1000 + i);
	}
	assert_false(fake_load(mm, BASE, &value, &why));
	assert_int_equal(why, FAULT_NO_MAPPING);
	// Off by a page within the tables: entry by entry, and back into the hole it left.
	assert_int_equal(mm_mremap(mm, to, pages * PAGE_SIZE, pages * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, BASE - PAGE_SIZE),
			 BASE - PAGE_SIZE);
	assert_true(fake_load(mm, BASE + 36 * PAGE_SIZE, &value, &why));
	assert_int_equal(value, 1037);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
}

// A mapping that is left where it was may be one with its twin right away.
// What holds no page moves without a table being made for it, even if its own table holds others.
static void empty_parts_move(void **state)
{
	struct mm *mm = space_with(8);
	uintptr_t far = BASE + (1ul << 30);

	(void)state;
	store_reason(mm, BASE, 1);
	assert_int_equal(mm_mremap(mm, BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE, 4 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, far),
			 far);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
}

static void twins_merge(void **state)
{
	struct mm *mm = space_with(1);
	const int keep = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	(void)state;
	for (unsigned i = 1; i < 5; i++) {
		uintptr_t to = BASE + i * PAGE_SIZE;

		assert_int_equal(mm_mremap(mm, BASE, PAGE_SIZE, PAGE_SIZE, keep, to), to);
		assert_int_equal(mm->vma_count, 1);
		assert_int_equal(mm->mapped, i + 1);
	}
	for (unsigned i = 1; i < 5; i++) {
		uintptr_t to = BASE - i * PAGE_SIZE;

		assert_int_equal(mm_mremap(mm, BASE, PAGE_SIZE, PAGE_SIZE, keep, to), to);
		assert_int_equal(mm->vma_count, 1);
	}
	assert_audit();
	mm_put(mm);
	assert_audit();
}

static void residency(void **state)
{
	struct mm *mm = space_with(4);
	unsigned char vector[5];

	(void)state;
	store_reason(mm, BASE + PAGE_SIZE, 1);
	assert_int_equal(mm_mincore(mm, BASE, 4, vector), 4);
	assert_memory_equal(vector, "\0\1\0\0", 4);
	assert_int_equal(mm_mincore(mm, BASE, 5, vector), 4);
	assert_int_equal(mm_mlock(mm, BASE + 5, PAGE_SIZE, false), 0);
	assert_int_equal(mm->locked, 2);
	assert_int_equal(mm_mincore(mm, BASE, 4, vector), 4);
	assert_memory_equal(vector, "\1\1\0\0", 4);
	assert_int_equal(mm_msync(mm, BASE, PAGE_SIZE, MS_SYNC | MS_INVALIDATE), -EBUSY);
	assert_int_equal(mm_msync(mm, BASE, 5 * PAGE_SIZE, MS_ASYNC), -ENOMEM);
	assert_int_equal(mm_mlockall(mm, MCL_CURRENT | MCL_FUTURE), 0);
	assert_int_equal(mm->locked, 4);
	assert_int_equal(mm->anon_resident, 4);
	mm_munlockall(mm);
	assert_int_equal(mm->locked, 0);
	assert_audit();
	mm_put(mm);
	fake_forget(mm);
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(8192);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_frame_is_shared),
		cmocka_unit_test(copy_on_write),
		cmocka_unit_test(other_cpus_see_the_copy),
		cmocka_unit_test(stack_grows_to_its_limit),
		cmocka_unit_test(stack_keeps_its_guard_gap),
		cmocka_unit_test(brk_as_linux),
		cmocka_unit_test(vmas_merge_and_split),
		cmocka_unit_test(holes_are_found),
		cmocka_unit_test(file_pages),
		cmocka_unit_test(failures_are_undone),
		cmocka_unit_test(large_mappings_move),
		cmocka_unit_test(empty_parts_move),
		cmocka_unit_test(twins_merge),
		cmocka_unit_test(residency),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
