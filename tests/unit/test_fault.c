// SPDX-License-Identifier: MIT
//
// Faults: which reason each access gets, what is counted, how stacks grow, what files' pages do,
// and memory reached from outside of the program. And the reverse map: from every frame of
// private memory all of its mappings are found, after random forks, writes, cuts and exits.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/anon.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include "tests/unit/fake_machine.h"

#define BASE      0x10000000ul
#define STACK_TOP 0x7ffff0000000ul
#define RW        (PROT_READ | PROT_WRITE)
#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED     (ANON | MAP_FIXED)

static struct mm *mm;

static void map(struct mm *space, uintptr_t address, uint64_t pages, int prot, int flags)
{
	assert_int_equal(
		mm_mmap(space, address, pages * PAGE_SIZE, prot, flags | MAP_FIXED, NULL, 0, true),
		address);
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
	fake_no_limits();
	assert_audit();
	assert_int_equal(frame_kind_count(FRAME_ANON), 0);
	return 0;
}

// Every protection and every access, on a page never touched and again when it is there.
static void accesses_under_protections(void **state)
{
	static const enum fault_access accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE};

	(void)state;
	for (int prot = 0; prot < 8; prot++) {
		for (unsigned i = 0; i < 3; i++) {
			enum fault_access access = accesses[i];
			bool allowed = access == ACCESS_READ ? prot : (prot & (int)access);
			enum fault_result first =
				access == ACCESS_WRITE ? FAULT_DEMAND_ZERO : FAULT_ZERO_FRAME;

			// What may only be read is brought in before it can not be executed.
			map(mm, BASE, 1, prot, ANON);
			assert_int_equal(mm_fault(mm, BASE + 77, access),
					 allowed || (prot && access == ACCESS_EXECUTE)
						 ? first
						 : FAULT_PROTECTION);
			assert_int_equal(mm_fault(mm, BASE + 4095, access),
					 allowed ? FAULT_SPURIOUS : FAULT_PROTECTION);
			assert_audit();
		}
	}
}

static void addresses_without_mapping(void **state)
{
	static const uintptr_t addresses[] = {
		0, BASE - 1, BASE + PAGE_SIZE, USER_END - 1, USER_END, 1ul << 47, 1ul << 63, ~0ul,
	};

	(void)state;
	map(mm, BASE, 1, RW, ANON);
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(mm_fault(mm, addresses[i], ACCESS_READ), FAULT_NO_MAPPING);
	// No table is left over from having looked.
	assert_int_equal(mm->tables, 1);
}

static void faults_are_counted(void **state)
{
	uint64_t zero = fault_result_count(FAULT_DEMAND_ZERO);
	uint64_t refused = fault_result_count(FAULT_PROTECTION);

	(void)state;
	map(mm, BASE, 4, RW, ANON);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(mm_fault(mm, BASE + i * PAGE_SIZE, ACCESS_WRITE),
				 FAULT_DEMAND_ZERO);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_EXECUTE), FAULT_PROTECTION);
	assert_int_equal(mm->minor_faults, 4);
	assert_int_equal(mm->major_faults, 0);
	assert_int_equal(mm->anon_resident, 4);
	assert_int_equal(fault_result_count(FAULT_DEMAND_ZERO), zero + 4);
	assert_int_equal(fault_result_count(FAULT_PROTECTION), refused + 1);
	for (unsigned i = 0; i < FAULT_RESULT_COUNT; i++)
		assert_string_not_equal(fault_result_name(i), "?");
	assert_string_equal(fault_result_name(FAULT_RESULT_COUNT), "?");
	// The most that was resident is kept from before it goes.
	assert_int_equal(mm_munmap(mm, BASE, 3 * PAGE_SIZE), 0);
	assert_int_equal(mm->anon_resident, 1);
	assert_int_equal(mm->peak_resident, 4);
}

static enum fault_result grow(uint64_t pages_below_top)
{
	return mm_fault(mm, STACK_TOP - pages_below_top * PAGE_SIZE, ACCESS_WRITE);
}

static void stacks_and_their_neighbours(void **state)
{
	(void)state;
	assert_int_equal(mm_map_stack(mm, STACK_TOP, PAGE_SIZE, false), 0);
	// What can be accessed keeps its distance ...
	map(mm, STACK_TOP - 400 * PAGE_SIZE, 1, PROT_READ, ANON);
	assert_int_equal(grow(143), FAULT_STACK_GROWN);
	assert_int_equal(grow(144), FAULT_STACK_LIMIT);
	assert_int_equal(mm->stack_top, STACK_TOP);
	// ... a guard page needs none ...
	assert_int_equal(mm_mprotect(mm, STACK_TOP - 400 * PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(grow(399), FAULT_STACK_GROWN);
	assert_int_equal(grow(400), FAULT_PROTECTION);
	// ... nor does another stack.
	map(mm, BASE, 1, RW, ANON | MAP_GROWSDOWN);
	map(mm, BASE + 500 * PAGE_SIZE, 1, RW, ANON | MAP_GROWSDOWN);
	assert_int_equal(mm_fault(mm, BASE + PAGE_SIZE, ACCESS_WRITE), FAULT_STACK_GROWN);
	assert_int_equal(mm_fault(mm, BASE - PAGE_SIZE, ACCESS_READ), FAULT_STACK_GROWN);
}

static void stacks_and_limits(void **state)
{
	(void)state;
	assert_int_equal(mm_map_stack(mm, STACK_TOP, PAGE_SIZE, false), 0);
	fake_limits.stack = 100 * PAGE_SIZE;
	assert_int_equal(grow(101), FAULT_STACK_LIMIT);
	assert_int_equal(grow(100), FAULT_STACK_GROWN);
	fake_limits.stack = MM_NO_LIMIT;
	fake_limits.space = 120 * PAGE_SIZE;
	assert_int_equal(grow(121), FAULT_STACK_LIMIT);
	assert_int_equal(grow(120), FAULT_STACK_GROWN);
	fake_limits.space = MM_NO_LIMIT;
	assert_int_equal(mm_fault(mm, 0xf000, ACCESS_WRITE), FAULT_STACK_LIMIT);
	assert_int_equal(mm_fault(mm, 0, ACCESS_WRITE), FAULT_STACK_LIMIT);
	// A stack without permission to write grows, and still does not let itself be written.
	map(mm, BASE, 1, PROT_READ, ANON | MAP_GROWSDOWN);
	assert_int_equal(mm_fault(mm, BASE - PAGE_SIZE, ACCESS_WRITE), FAULT_PROTECTION);
}

// ---- files ----

static int fill_result;

static int fill(struct object *object, uint64_t index, void *page)
{
	(void)object;
	memset(page, (int)index + 1, PAGE_SIZE);
	return fill_result;
}

static bool released;

static void release(struct object *object)
{
	(void)object;
	released = true;
}

static const struct object_ops file_ops = {.fill = fill, .release = release};
static struct object file;

static void open_file(uint64_t size)
{
	fill_result = 0;
	released = false;
	object_init(&file, &file_ops, size);
	file.source = file.size;
}

static void close_file(void)
{
	object_put(&file);
	assert_true(released);
	assert_int_equal(frame_kind_count(FRAME_FILE), 0);
}

static void map_file(int prot, int flags, uint64_t pages, uint64_t offset)
{
	assert_int_equal(
		mm_mmap(mm, BASE, pages * PAGE_SIZE, prot, flags | MAP_FIXED, &file, offset, true),
		BASE);
}

static void file_faults(void **state)
{
	(void)state;
	open_file(40 * PAGE_SIZE + 1);
	map_file(RW, MAP_PRIVATE, 44, 0);
	fill_result = -EIO;
	assert_int_equal(mm_fault(mm, BASE, ACCESS_READ), FAULT_IO_ERROR);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_WRITE), FAULT_IO_ERROR);
	fill_result = 0;
	assert_int_equal(mm->tables, 1);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_READ), FAULT_FILE_READ);
	assert_int_equal(mm->major_faults, 1);
	assert_int_equal(mm_fault(mm, BASE + 40 * PAGE_SIZE, ACCESS_READ), FAULT_FILE_READ);
	assert_int_equal(mm_fault(mm, BASE + 41 * PAGE_SIZE, ACCESS_READ), FAULT_BEYOND_END);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_WRITE), FAULT_COPIED);
	assert_int_equal(mm_fault(mm, BASE + PAGE_SIZE, ACCESS_WRITE), FAULT_FILE_COPIED);
	assert_int_equal(mm->anon_resident, 2);
	assert_int_equal(mm->file_resident, 1);
	assert_int_equal(file.cached, 3);
	assert_int_equal(mm_munmap(mm, BASE, 44 * PAGE_SIZE), 0);
	assert_int_equal(object_drop_caches(), 3);
	close_file();
}

// Neighbours that are cached come along, within 16 pages, the mapping and the file.
static void neighbours_come_along(void **state)
{
	char byte;

	(void)state;
	open_file(64 * PAGE_SIZE);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(object_read(&file, i * PAGE_SIZE, &byte, 1), 1);
	map_file(PROT_READ, MAP_PRIVATE, 40, 4);
	assert_int_equal(mm_fault(mm, BASE + 20 * PAGE_SIZE, ACCESS_READ), FAULT_FILE_MAPPED);
	assert_int_equal(mm->file_resident, 16);
	assert_int_equal(mm->major_faults, 0);
	assert_int_equal(mm_fault(mm, BASE + 38 * PAGE_SIZE, ACCESS_READ), FAULT_FILE_MAPPED);
	assert_int_equal(mm->file_resident, 24);
	assert_int_equal(mm_copy_in(mm, &byte, BASE + 39 * PAGE_SIZE + 100, 1), 1);
	assert_int_equal(byte, 44);
	assert_int_equal(mm->file_resident, 24);
	assert_audit();
	// Pages that are mapped stay in the cache.
	assert_int_equal(object_drop_caches(), 40);
	assert_int_equal(mm_munmap(mm, BASE, 40 * PAGE_SIZE), 0);
	assert_int_equal(object_drop_caches(), 24);
	close_file();
}

static void shared_files(void **state)
{
	struct mm *child;
	enum fault_result why;
	uint64_t value;

	(void)state;
	open_file(8 * PAGE_SIZE);
	map_file(RW, MAP_SHARED, 8, 0);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_READ), FAULT_FILE_READ);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_WRITE), FAULT_REUSED);
	assert_int_equal(mm_fork(mm, &child), 0);
	assert_true(fake_store(mm, BASE, 4711, &why));
	assert_true(fake_load(child, BASE, &value, &why));
	assert_int_equal(value, 4711);
	assert_int_equal(object_read(&file, 0, &value, 8), 8);
	assert_int_equal(value, 4711);
	assert_int_equal(frame_kind_count(FRAME_ANON), 0);
	assert_audit();
	mm_put(child);
	fake_forget(child);
	assert_int_equal(mm_munmap(mm, BASE, 8 * PAGE_SIZE), 0);
	close_file();
}

static void reading_files(void **state)
{
	static unsigned char text[3 * PAGE_SIZE];

	(void)state;
	open_file(2 * PAGE_SIZE + 100);
	assert_int_equal(object_read(&file, 100, text, sizeof(text)), 2 * PAGE_SIZE);
	assert_int_equal(text[0], 1);
	assert_int_equal(text[PAGE_SIZE - 100], 2);
	assert_int_equal(text[2 * PAGE_SIZE - 1], 3);
	assert_int_equal(object_read(&file, 2 * PAGE_SIZE + 100, text, 1), 0);
	assert_int_equal(object_read(&file, ~0ul, text, 1), 0);
	object_drop_caches();
	fill_result = -EIO;
	assert_int_equal(object_read(&file, 0, text, 1), -EIO);
	fill_result = 0;
	fake_fail_start(1);
	assert_int_equal(object_read(&file, 0, text, 1), -ENOMEM);
	assert_true(fake_fail_stop());
	close_file();
}

// ---- reaching in from outside ----

static void copies_cross_pages(void **state)
{
	static char there[3 * PAGE_SIZE], back[3 * PAGE_SIZE];
	struct mm *child;

	(void)state;
	for (unsigned i = 0; i < sizeof(there); i++)
		there[i] = i % 251;
	map(mm, BASE, 3, RW, ANON);
	map(mm, BASE + 3 * PAGE_SIZE, 1, PROT_READ, ANON);
	assert_int_equal(mm_copy_out(mm, BASE + 50, there, sizeof(there) - 50),
			 sizeof(there) - 50);
	assert_int_equal(mm_fork(mm, &child), 0);
	// Up to what may not be written, and not a byte of it.
	assert_int_equal(mm_zero_out(mm, BASE + 2 * PAGE_SIZE + 7, 3 * PAGE_SIZE), PAGE_SIZE - 7);
	assert_int_equal(mm_copy_out(mm, BASE + 3 * PAGE_SIZE, there, 1), 0);
	assert_int_equal(mm_copy_in(child, back, BASE + 50, sizeof(back) - 50), sizeof(back) - 50);
	assert_memory_equal(back, there, sizeof(back) - 50);
	assert_int_equal(mm_copy_in(mm, back, BASE + PAGE_SIZE, 4 * PAGE_SIZE), 3 * PAGE_SIZE);
	assert_int_equal(back[PAGE_SIZE + 7], 0);
	assert_int_equal(mm_copy_in(mm, back, USER_END - 4, 8), 0);
	assert_int_equal(mm_copy_in(mm, back, ~3ul, 8), 0);
	assert_int_equal(mm_copy_out(mm, BASE, there, 0), 0);
	mm_put(child);
	fake_forget(child);
}

// ---- the reverse map ----

#define SPACES 8
#define PAGES  40

static struct mm *spaces[SPACES];

static bool maps_frame(struct vma *vma, const struct frame *frame)
{
	uintptr_t address = vma->start + ((frame->index - vma->page_offset) << PAGE_SHIFT);
	pte_t *slot;

	if (frame->index < vma->page_offset || address >= vma->end)
		return false;
	slot = page_slot_find(vma->mm, address);
	return slot && (*slot & PTE_MAPS) && entry_frame(*slot) == frame;
}

// Who maps a frame, found from nothing but the frame itself.
static unsigned count_mappings(const struct frame *frame)
{
	struct anon *anon = frame->owner;
	unsigned found = 0;
	struct vma *vma;

	assert_non_null(anon);
	list_for_each_entry (vma, &anon->vmas, anon_link)
		found += maps_frame(vma, frame);
	return found;
}

static void assert_all_found(void)
{
	size_t extent_count;
	const struct frame_extent *extents = frame_extents(&extent_count);
	uint64_t seen = 0;

	for (uint64_t number = extents[0].first; number < extents[extent_count - 1].end;
	     number++) {
		const struct frame *frame = &frame_table[number];

		if (frame->kind != FRAME_ANON || frame->place != FRAME_NOWHERE ||
		    !frame->references)
			continue;
		seen++;
		assert_int_equal(count_mappings(frame), frame->references);
	}
	assert_int_equal(seen, frame_kind_count(FRAME_ANON));
}

static void random_step(struct mm **space)
{
	uintptr_t at = BASE + fake_random(PAGES) * PAGE_SIZE;
	uint64_t pages = 1 + fake_random(5);
	unsigned other = fake_random(SPACES);
	enum fault_result why;

	switch (fake_random(12)) {
	case 0:
		map(*space, at, pages, fake_random(4) ? RW : (int)fake_random(4), ANON);
		break;
	case 1:
		assert_int_equal(mm_munmap(*space, at, pages * PAGE_SIZE), 0);
		break;
	case 2:
		mm_mprotect(*space, at, pages * PAGE_SIZE, fake_random(2) ? RW : PROT_NONE);
		break;
	case 3:
		if (&spaces[other] == space)
			break;
		mm_put(spaces[other]);
		fake_forget(spaces[other]);
		assert_int_equal(mm_fork(*space, &spaces[other]), 0);
		break;
	default:
		fake_store(*space, at, fake_random(1000), &why);
	}
}

static void every_frame_finds_its_mappings(void **state)
{
	(void)state;
	fake_seed();
	for (unsigned i = 0; i < SPACES; i++)
		spaces[i] = mm_create();
	for (unsigned step = 0; step < 8000; step++) {
		random_step(&spaces[fake_random(SPACES)]);
		if (step % 40 == 0)
			assert_all_found();
	}
	assert_audit();
	for (unsigned i = 0; i < SPACES; i++) {
		mm_put(spaces[i]);
		fake_forget(spaces[i]);
		assert_all_found();
	}
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(4096);
	return 0;
}

#define SPACE_TEST(name) cmocka_unit_test_setup_teardown(name, new_space, end_space)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPACE_TEST(accesses_under_protections),
		SPACE_TEST(addresses_without_mapping),
		SPACE_TEST(faults_are_counted),
		SPACE_TEST(stacks_and_their_neighbours),
		SPACE_TEST(stacks_and_limits),
		SPACE_TEST(file_faults),
		SPACE_TEST(neighbours_come_along),
		SPACE_TEST(shared_files),
		SPACE_TEST(reading_files),
		SPACE_TEST(copies_cross_pages),
		SPACE_TEST(every_frame_finds_its_mappings),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
