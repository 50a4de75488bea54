// SPDX-License-Identifier: MIT
//
// Page tables: reading them and saying what is in them, the kernel's half with leaves of all
// sizes, and what is mapped there: stacks and devices. A move of entries that fails half-way.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/frame.h"
#include "mm/kernel_map.h"
#include "mm/kernel_table.h"
#include "mm/page_entry.h"
#include "tests/unit/fake_machine.h"

#define FRAMES 8192
#define MIB    (1ul << 20)
#define GIB    (1ul << 30)
#define REGION (KERNEL_MAP_BASE + 128 * GIB) // where nothing else is mapped
#define BITS   (KERNEL_BITS | PTE_WRITE | PTE_NX)

static phys_t table_source_of_test(void)
{
	struct frame *frame = frame_alloc_zeroed(FRAME_PAGE_TABLE);

	assert_non_null(frame);
	return frame_to_phys(frame);
}

static unsigned leaf_shift(uintptr_t address)
{
	struct page_walk walk;

	page_table_walk(kernel_root(), address, &walk);
	return walk.present ? walk.shift : 0;
}

static void assert_leads(uintptr_t virtual, phys_t wanted)
{
	phys_t physical = 0;

	if (!kernel_table_lookup(virtual, &physical))
		fail_msg("%#lx is not mapped", virtual);
	if (physical != wanted)
		fail_msg("%#lx leads to %#lx instead of %#lx", virtual, physical, wanted);
}

// The largest leaves that alignment allows, at the edges smaller ones.
static void leaves_of_all_sizes(void **state)
{
	uintptr_t at = REGION + GIB - 2 * MIB - PAGE_SIZE;
	uint64_t size = 2 * PAGE_SIZE + 4 * MIB + GIB;
	phys_t to = 8 * GIB - 2 * MIB - PAGE_SIZE;

	(void)state;
	kernel_table_allow_giant(true);
	assert_int_equal(kernel_table_map(at, to, size, BITS), 0);
	assert_int_equal(leaf_shift(at - 1), 0);
	assert_int_equal(leaf_shift(at), 12);
	assert_int_equal(leaf_shift(REGION + GIB - 1), 21);
	assert_int_equal(leaf_shift(REGION + GIB), 30);
	assert_int_equal(leaf_shift(REGION + 2 * GIB - 1), 30);
	assert_int_equal(leaf_shift(REGION + 2 * GIB), 21);
	assert_int_equal(leaf_shift(at + size - 1), 12);
	assert_int_equal(leaf_shift(at + size), 0);
	for (uint64_t offset = 0; offset < size; offset += 123 * PAGE_SIZE + 7)
		assert_leads(at + offset, to + offset);
	kernel_table_allow_giant(false);
	assert_int_equal(kernel_table_map(REGION + 4 * GIB, 0, GIB, BITS), 0);
	assert_int_equal(leaf_shift(REGION + 4 * GIB), 21);
	// Aligned here but not there: small leaves only.
	assert_int_equal(kernel_table_map(REGION + 6 * GIB, PAGE_SIZE, 4 * MIB, BITS), 0);
	assert_int_equal(leaf_shift(REGION + 6 * GIB + 2 * MIB), 12);
	assert_leads(REGION + 6 * GIB + 3 * MIB + 5, PAGE_SIZE + 3 * MIB + 5);
}

// Random requests that overlap; whoever came first stays.
static void first_mapping_stays(void **state)
{
	static struct request {
		uintptr_t start;
		phys_t to;
		uint64_t size;
	} requests[60];
	const uintptr_t base = REGION + 16 * GIB;

	(void)state;
	fake_seed();
	kernel_table_allow_giant(true);
	for (unsigned i = 0; i < 60; i++) {
		uint64_t unit = (uint64_t[]){PAGE_SIZE, 2 * MIB, GIB}[fake_random(3)];
		struct request *now = &requests[i];

		now->start = base + fake_random(4 * GIB / unit) * unit;
		now->size = (1 + fake_random(3)) * (unit == GIB ? GIB : unit * 20);
		now->to = fake_random(1000) * (fake_random(2) ? unit : PAGE_SIZE);
		assert_int_equal(kernel_table_map(now->start, now->to, now->size, BITS), 0);
		for (unsigned probe = 0; probe < 300; probe++) {
			uintptr_t at = base + fake_random(8 * GIB);
			phys_t to;
			unsigned first = 0;

			if (probe < 40 && probe <= i)
				at = requests[probe].start + fake_random(PAGE_SIZE * 4);
			while (first <= i && at - requests[first].start >= requests[first].size)
				first++;
			if (first > i)
				assert_false(kernel_table_lookup(at, &to));
			else
				assert_leads(at, requests[first].to + at - requests[first].start);
		}
	}
}

static void small_leaves_are_unmapped(void **state)
{
	const uintptr_t at = REGION + 12 * GIB;

	(void)state;
	assert_int_equal(kernel_table_map(at, PAGE_SIZE, 8 * PAGE_SIZE, BITS), 0);
	kernel_table_unmap(at + 2 * PAGE_SIZE, 3 * PAGE_SIZE);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(kernel_table_maps(at + i * PAGE_SIZE), i < 2 || i > 4);
	assert_int_equal(kernel_table_map(at, 64 * MIB, 8 * PAGE_SIZE, BITS), 0);
	assert_leads(at + PAGE_SIZE, 2 * PAGE_SIZE);
	assert_leads(at + 3 * PAGE_SIZE, 64 * MIB + 3 * PAGE_SIZE);
}

static void no_memory_for_tables(void **state)
{
	const uintptr_t at = REGION + 32 * GIB;
	int error, nth = 1;

	(void)state;
	do {
		fake_fail_start(nth++);
		error = kernel_table_map(at, 0, PAGE_SIZE, BITS);
		fake_fail_stop();
		assert_true(error == 0 || error == -ENOMEM);
		assert_int_equal(kernel_table_maps(at), !error);
	} while (error);
	assert_true(nth > 2);
	assert_audit();
}

static void stacks_have_guards(void **state)
{
	char *stacks[40];
	uint64_t before = frame_kind_count(FRAME_STACK);

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		stacks[i] = kernel_stack_alloc();
		assert_non_null(stacks[i]);
		assert_true(kernel_table_maps((uintptr_t)stacks[i]));
		assert_true(kernel_table_maps((uintptr_t)stacks[i] + KERNEL_STACK_SIZE - 1));
		assert_false(kernel_table_maps((uintptr_t)stacks[i] - 1));
		assert_true(kernel_stack_guard_hit((uintptr_t)stacks[i] - 1));
		assert_true(kernel_stack_guard_hit((uintptr_t)stacks[i] - PAGE_SIZE));
		assert_false(kernel_stack_guard_hit((uintptr_t)stacks[i]));
		for (unsigned j = 0; j < i; j++)
			assert_true((uintptr_t)(stacks[i] - stacks[j]) + KERNEL_STACK_SIZE >=
				    2 * KERNEL_STACK_SIZE + PAGE_SIZE);
	}
	assert_int_equal(frame_kind_count(FRAME_STACK), before + 80);
	assert_audit();
	for (unsigned i = 0; i < 40; i++)
		kernel_stack_free(stacks[i]);
	assert_audit();
	kernel_stack_drain();
	assert_int_equal(frame_kind_count(FRAME_STACK), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_false(kernel_table_maps((uintptr_t)stacks[i]));
	assert_false(kernel_stack_guard_hit((uintptr_t)direct_map));
}

static void no_memory_for_stacks(void **state)
{
	void *stack;
	int nth = 1;

	(void)state;
	do {
		kernel_stack_drain();
		fake_fail_start(nth++);
		stack = kernel_stack_alloc();
		fake_fail_stop();
		assert_audit();
	} while (!stack);
	assert_true(nth > 3);
	kernel_stack_free(stack);
}

// The registers of one device must never show where another one's mapping failed.
static void devices(void **state)
{
	const phys_t first = 0xfee00000ul, second = 0xfd000123ul;
	char *registers = kernel_map_device(first, PAGE_SIZE);
	struct page_walk walk;
	int nth = 1;

	(void)state;
	assert_leads((uintptr_t)registers, first);
	page_table_walk(kernel_root(), (uintptr_t)registers, &walk);
	assert_true(walk.entry[3] & PTE_NOCACHE);
	assert_true(walk.entry[3] & PTE_NX);
	do {
		fake_fail_start(nth++);
		registers = kernel_map_device(first, 20 * MIB);
		fake_fail_stop();
	} while (!registers);
	assert_true(nth > 2);
	registers = kernel_map_device(second, 3 * MIB);
	for (uint64_t offset = 0; offset < 3 * MIB; offset += 999)
		assert_leads((uintptr_t)registers + offset, second + offset);
	assert_null(kernel_map_device(0, 1ul << 45));
	assert_null(kernel_map_device(first, ~0ul));
	assert_audit();
}

static void described(void **state)
{
	struct mm *mm = mm_create();
	uintptr_t at = 0x7f1234567000ul;
	enum fault_result why;
	struct page_walk walk;
	char line[160];

	(void)state;
	assert_int_equal(mm_mmap(mm, at, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 at);
	page_table_walk(mm->root, at, &walk);
	assert_int_equal(walk.levels, 1);
	assert_false(walk.present);
	page_walk_describe(&walk, 0, line, sizeof(line));
	assert_non_null(strstr(line, "PML4[254]"));
	assert_non_null(strstr(line, "not present"));
	assert_true(fake_store(mm, at, 1, &why));
	page_table_walk(mm->root, at + 5, &walk);
	assert_int_equal(walk.levels, 4);
	assert_true(walk.present);
	assert_int_equal(walk.shift, 12);
	assert_int_equal(walk.index[3], 0x167);
	page_walk_describe(&walk, 3, line, sizeof(line));
	assert_non_null(strstr(line, "PT  [359] = 0x80000"));
	assert_non_null(strstr(line, "present writable user accessed dirty no-execute"));
	page_walk_describe(&walk, 1, line, sizeof(line));
	assert_non_null(strstr(line, "PDPT["));
	assert_int_equal(mm_mprotect(mm, at, PAGE_SIZE, PROT_NONE), 0);
	page_table_walk(mm->root, at, &walk);
	assert_int_equal(walk.levels, 4);
	assert_false(walk.present);
	assert_int_equal(page_walk_describe(&walk, 3, line, 10), strlen(line) > 9 ? 66 : 0);
	page_walk_describe(&walk, 3, line, sizeof(line));
	assert_non_null(strstr(line, "frame kept, no access"));
	mm_put(mm);
	fake_forget(mm);
}

// A walk in a panic report believes nothing.
static void broken_trees_are_survived(void **state)
{
	struct frame *table = frame_alloc_zeroed(FRAME_PAGE_TABLE);
	pte_t *entries = frame_to_virt(table);
	struct page_walk walk;

	(void)state;
	page_table_walk(0x123456789000, 0, &walk);
	assert_int_equal(walk.levels, 0);
	entries[0] = 0x000ffffffffff000ul | PTE_PRESENT;
	page_table_walk(frame_to_phys(table), 0, &walk);
	assert_int_equal(walk.levels, 1);
	assert_false(walk.present);
	entries[0] = frame_to_phys(table) | PTE_PRESENT; // a tree that contains itself
	page_table_walk(frame_to_phys(table), 0, &walk);
	assert_int_equal(walk.levels, 4);
	frame_free(table, 0);
}

#define FROM   0x10000000ul // what is moved, and where to: across a border of tables
#define BORDER 0x20000000ul
#define TO     (BORDER - 4 * PAGE_SIZE)
#define MOVED  8

static struct mm *moving;
static unsigned touched;

// A thread on the second CPU goes to the new addresses, some of which are there already.
static void touch_target(void)
{
	fake_cpu = 1;
	for (unsigned i = 0; i < MOVED; i++)
		touched += fake_touch(moving, TO + i * PAGE_SIZE);
	fake_cpu = 0;
}

static void map_and_fill(uintptr_t at, unsigned pages)
{
	enum fault_result why;

	assert_int_equal(mm_mmap(moving, at, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 at);
	for (unsigned i = 0; i < pages; i++)
		assert_true(fake_store(moving, at + i * PAGE_SIZE, 100 + i, &why));
}

// The allocation `nth` fails; whether there was one. Nobody may know any more what was there for
// a moment.
static bool move_fails(int nth)
{
	enum fault_result why;
	uint64_t value;
	bool found;
	long result;

	fake_fail_start(nth);
	result = mm_mremap(moving, FROM, MOVED * PAGE_SIZE, MOVED * PAGE_SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, TO);
	if (!fake_fail_stop()) {
		assert_int_equal(result, TO);
		return false;
	}
	assert_int_equal(result, -ENOMEM);
	assert_audit();
	fake_cpu = 1;
	found = fake_load(moving, TO, &value, &why);
	fake_cpu = 0;
	assert_false(found);
	return true;
}

// The second half has no table, and gets none: the first goes back. Its table stays, because of
// another page.
static void failed_move_is_forgotten(void **state)
{
	enum fault_result why;
	uint64_t value;

	(void)state;
	moving = mm_create();
	map_and_fill(TO - PAGE_SIZE, 1);
	map_and_fill(FROM, MOVED);
	touched = 0;
	fake_allocating = touch_target;
	for (int nth = 1; move_fails(nth); nth++)
		;
	fake_allocating = NULL;
	assert_true(touched > 0);
	for (unsigned i = 0; i < MOVED; i++) {
		assert_true(fake_load(moving, TO + i * PAGE_SIZE, &value, &why));
		assert_int_equal(value, 100 + i);
	}
	mm_put(moving);
	fake_forget(moving);
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(FRAMES);
	kernel_table_start(table_source_of_test, 64 * GIB);
	kernel_table_use_frames();
	return kernel_table_map((uintptr_t)direct_map, 0, FRAMES * PAGE_SIZE, BITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_of_all_sizes),
		cmocka_unit_test(first_mapping_stays),
		cmocka_unit_test(small_leaves_are_unmapped),
		cmocka_unit_test(no_memory_for_tables),
		cmocka_unit_test(stacks_have_guards),
		cmocka_unit_test(no_memory_for_stacks),
		cmocka_unit_test(devices),
		cmocka_unit_test(described),
		cmocka_unit_test(broken_trees_are_survived),
		cmocka_unit_test(failed_move_is_forgotten),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
