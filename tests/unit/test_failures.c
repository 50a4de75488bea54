// SPDX-License-Identifier: MIT
//
// Running out of memory at every place where it can: each operation on an address space is tried
// with its first allocation failing, then its second, and so on until nothing fails any more.
// Every time the result must say so, the audit must hold, and the program's memory must be as it
// was.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/frame.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include "tests/unit/fake_machine.h"

#define AREA      0x10000000ul // 16 pages, read and write; the first 8 touched
#define AREA_FORK 0x20000000ul // 4 pages that a child shares
#define AREA_ZERO 0x30000000ul // 4 pages that were only read
#define AREA_FILE 0x40000000ul // 4 pages of a file, private
#define SHARED    0x50000000ul // 4 shared pages without a file
#define HEAP      0x60000000ul
#define FAR       0x100000000000ul // nothing, nor any page table
#define STACK_TOP 0x7ffff0000000ul
#define RW        (PROT_READ | PROT_WRITE)
#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED     (ANON | MAP_FIXED)

static struct mm *mm, *child;
static struct object file;
static bool tried_before; // a fault may now end otherwise: the stack has grown, the page is read

static int fill(struct object *object, uint64_t index, void *page)
{
	(void)object;
	memset(page, (int)index + 1, PAGE_SIZE);
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

static const struct object_ops file_ops = {.fill = fill, .release = release_nothing};

static uintptr_t page(uintptr_t area, unsigned number)
{
	return area + number * PAGE_SIZE;
}

static void store(struct mm *space, uintptr_t address, uint64_t value)
{
	enum fault_result why;

	assert_true(fake_store(space, address, value, &why));
}

static uint64_t load(struct mm *space, uintptr_t address)
{
	enum fault_result why;
	uint64_t value;

	assert_true(fake_load(space, address, &value, &why));
	return value;
}

static long map(uintptr_t address, uint64_t pages, int prot, int flags)
{
	return mm_mmap(mm, address, pages * PAGE_SIZE, prot, flags, NULL, 0, true);
}

static void start_space(void)
{
	mm = mm_create();
	assert_non_null(mm);
	object_init(&file, &file_ops, 4 * PAGE_SIZE);
	file.source = file.size;
	map(AREA, 16, RW, FIXED);
	map(AREA_FORK, 4, RW, FIXED);
	map(AREA_ZERO, 4, RW, FIXED);
	map(SHARED, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
	assert_int_equal(mm_mmap(mm, AREA_FILE, 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, &file,
				 0, false),
			 AREA_FILE);
	assert_int_equal(mm_map_stack(mm, STACK_TOP, PAGE_SIZE, false), 0);
	mm->brk_start = mm->brk = HEAP;
	for (unsigned i = 0; i < 8; i++)
		store(mm, page(AREA, i), 100 + i);
	for (unsigned i = 0; i < 4; i++) {
		store(mm, page(AREA_FORK, i), 200 + i);
		assert_int_equal(load(mm, page(AREA_ZERO, i)), 0);
	}
	store(mm, SHARED, 300);
	assert_int_equal(mm_fork(mm, &child), 0);
}

static void assert_values(struct mm *space)
{
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(load(space, page(AREA, i)), 100 + i);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(load(space, page(AREA_FORK, i)), 200 + i);
	assert_int_equal(load(space, SHARED), 300);
}

// Apart: after a fork they come anew, and need tables.
static void assert_zeros(struct mm *space)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(load(space, page(AREA_ZERO, i)), 0);
}

static void end_space(void)
{
	mm_put(mm);
	mm_put(child);
	fake_forget(mm);
	fake_forget(child);
	object_drop_caches();
	object_put(&file);
}

// ---- what is tried: each returns 0, or -ENOMEM and has changed nothing ----

static int expect_address(long result, uintptr_t wanted)
{
	if (result < 0)
		return (int)result;
	assert_int_equal(result, wanted);
	return 0;
}

static int try_mmap(void)
{
	return expect_address(map(FAR, 4, PROT_READ, FIXED), FAR);
}

static int try_mmap_anywhere(void)
{
	long result = map(0, 4, PROT_READ, ANON);

	return result < 0 ? (int)result : 0;
}

static int try_mmap_shared(void)
{
	return expect_address(map(FAR, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), FAR);
}

static int try_mmap_file(void)
{
	return expect_address(mm_mmap(mm, FAR, 4 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
				      &file, 0, false),
			      FAR);
}

static int try_munmap_middle(void)
{
	return mm_munmap(mm, page(AREA, 10), 2 * PAGE_SIZE);
}

static int try_mprotect_middle(void)
{
	return mm_mprotect(mm, page(AREA, 3), 2 * PAGE_SIZE, PROT_READ);
}

static int try_mprotect_file(void)
{
	return mm_mprotect(mm, page(AREA_FILE, 1), PAGE_SIZE, PROT_NONE);
}

static int try_brk(void)
{
	uintptr_t wanted = HEAP + 3 * PAGE_SIZE + 1;

	return mm_brk(mm, wanted) == wanted ? 0 : -ENOMEM;
}

static int try_stack_mapping(void)
{
	return mm_map_stack(mm, STACK_TOP - (1ul << 30), PAGE_SIZE, false);
}

static int try_fork(void)
{
	struct mm *copy = NULL;
	int error = mm_fork(mm, &copy);

	if (error) {
		assert_null(copy);
		return error;
	}
	assert_audit();
	assert_values(copy);
	mm_put(copy);
	fake_forget(copy);
	return 0;
}

static int try_create(void)
{
	struct mm *other = mm_create();

	if (!other)
		return -ENOMEM;
	mm_put(other);
	return 0;
}

static int try_store(struct mm *space, uintptr_t address, enum fault_result wanted)
{
	enum fault_result why = FAULT_SPURIOUS;
	bool stored = fake_store(space, address, 7, &why);

	if (!stored && why == FAULT_NO_MEMORY)
		return -ENOMEM;
	assert_true(stored);
	assert_true(why == wanted || tried_before);
	assert_int_equal(load(space, address), 7);
	return 0;
}

static int try_load(uintptr_t address, enum fault_result wanted)
{
	enum fault_result why = FAULT_SPURIOUS;
	uint64_t value;
	bool loaded = fake_load(mm, address, &value, &why);

	if (!loaded && why == FAULT_NO_MEMORY)
		return -ENOMEM;
	assert_true(loaded);
	assert_true(why == wanted || tried_before);
	return 0;
}

static int try_demand_zero(void)
{
	return try_store(mm, page(AREA, 9), FAULT_DEMAND_ZERO);
}

static int try_zero_frame(void)
{
	return try_load(page(AREA, 9), FAULT_ZERO_FRAME);
}

// In an area that has neither tables nor a reverse map yet.
static int try_first_touch(void)
{
	long mapped = map(FAR, 4, RW, FIXED);

	return mapped < 0 ? (int)mapped : try_store(mm, FAR, FAULT_DEMAND_ZERO);
}

static int try_first_read(void)
{
	long mapped = map(FAR, 4, RW, FIXED);

	return mapped < 0 ? (int)mapped : try_load(FAR, FAULT_ZERO_FRAME);
}

static int try_zero_replaced(void)
{
	int error = try_store(mm, page(AREA_ZERO, 1), FAULT_ZERO_REPLACED);

	assert_int_equal(load(mm, page(AREA_ZERO, 2)), 0);
	return error;
}

static int try_copy(void)
{
	int error = try_store(child, page(AREA_FORK, 1), FAULT_COPIED);

	assert_int_equal(load(mm, page(AREA_FORK, 1)), 201);
	return error;
}

static int try_file_read(void)
{
	return try_load(page(AREA_FILE, 2), FAULT_FILE_READ);
}

static int try_file_copied(void)
{
	return try_store(mm, page(AREA_FILE, 3), FAULT_FILE_COPIED);
}

static int try_file_page_copied(void)
{
	int error = try_load(page(AREA_FILE, 1), FAULT_FILE_READ);

	return error ? error : try_store(mm, page(AREA_FILE, 1), FAULT_COPIED);
}

static int try_shared_page(void)
{
	return try_store(mm, page(SHARED, 1), FAULT_FILE_READ);
}

static int try_stack_growth(void)
{
	return try_store(mm, STACK_TOP - 300 * PAGE_SIZE, FAULT_STACK_GROWN);
}

static int try_copy_out(void)
{
	static const char text[3 * PAGE_SIZE];
	size_t done = mm_copy_out(mm, page(AREA, 9) + 5, text, sizeof(text));

	return done == sizeof(text) ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*try)(void);
	int at_least; // allocations it is known to make
} operations[] = {
	{"mmap", try_mmap, 1},
	{"mmap without an address", try_mmap_anywhere, 1},
	{"mmap of shared memory", try_mmap_shared, 2},
	{"mmap of a file", try_mmap_file, 1},
	{"munmap in the middle", try_munmap_middle, 1},
	{"mprotect in the middle", try_mprotect_middle, 2},
	{"mprotect in a file's middle", try_mprotect_file, 2},
	{"brk", try_brk, 1},
	{"a second stack", try_stack_mapping, 1},
	{"fork", try_fork, 14},
	{"a new space", try_create, 2},
	{"demand zero", try_demand_zero, 1},
	{"a read of nothing", try_zero_frame, 0},
	{"first touch of a new area", try_first_touch, 6},
	{"first read of a new area", try_first_read, 4},
	{"write after a read", try_zero_replaced, 1},
	{"copy on write", try_copy, 1},
	{"a file's page read in", try_file_read, 1},
	{"a file's page written", try_file_copied, 2},
	{"a file's page read, then written", try_file_page_copied, 2},
	{"a shared page", try_shared_page, 1},
	{"stack growth", try_stack_growth, 1},
	{"copying to ring 3", try_copy_out, 3},
};

// One operation with its nth allocation failing; whether there still was an nth.
static bool fails_at(unsigned which, int nth)
{
	bool failed;
	int error;

	start_space();
	page_table_drain();
	tried_before = false;
	fake_fail_start(nth);
	error = operations[which].try();
	failed = fake_fail_stop();
	if (error != (failed ? -ENOMEM : 0))
		fail_msg("%s with allocation %d failing: %d", operations[which].name, nth, error);
	assert_audit();
	if (failed) {
		assert_values(mm);
		assert_values(child);
		assert_zeros(mm);
		assert_zeros(child);
		tried_before = true;
		// It works as soon as there is memory again.
		assert_int_equal(operations[which].try(), 0);
		assert_audit();
	}
	end_space();
	assert_audit();
	return failed;
}

static void every_allocation_of_every_operation(void **state)
{
	uint64_t anon = frame_kind_count(FRAME_ANON);

	(void)state;
	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		int nth = 1;

		while (fails_at(i, nth))
			nth++;
		if (nth - 1 < operations[i].at_least)
			fail_msg("%s has only %d allocations", operations[i].name, nth - 1);
		assert_int_equal(frame_kind_count(FRAME_ANON), anon);
	}
}

static struct frame *take_all_memory(void)
{
	struct frame *taken = NULL, *frame;

	while ((frame = frame_alloc(0, FRAME_KERNEL))) {
		*(struct frame **)frame_to_virt(frame) = taken;
		taken = frame;
	}
	return taken;
}

static void give_back(struct frame *taken)
{
	while (taken) {
		struct frame *frame = taken;

		taken = *(struct frame **)frame_to_virt(frame);
		frame_free(frame, 0);
	}
}

// Truly without memory: all of it taken, each operation tried, and again when it is back.
static void nothing_left(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		struct frame *taken;
		int error;

		start_space();
		tried_before = false;
		taken = take_all_memory();
		assert_int_equal(frame_kind_count(FRAME_FREE), 0);
		error = operations[i].try();
		assert_true(error == 0 || error == -ENOMEM);
		tried_before = true;
		assert_audit();
		give_back(taken);
		assert_int_equal(error ? operations[i].try() : 0, 0);
		end_space();
		assert_audit();
	}
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
		cmocka_unit_test(every_allocation_of_every_operation),
		cmocka_unit_test(nothing_left),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
