// SPDX-License-Identifier: MIT
//
// Objects that change: pages kept, pages that go from the cache and from every mapping, holes,
// limits, and what a random sequence of all that leaves, compared with arrays of bytes.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include "tests/unit/fake_machine.h"

#define BASE   0x10000000ul
#define PAGES  12ul // the longest a file here is
#define WORDS  (PAGE_SIZE / 8)
#define RW     (PROT_READ | PROT_WRITE)
#define ROUNDS 4000

static struct mm *mm, *other;
static struct object file;
static struct object_quota quota;
static bool released;

// Page n of the archive is full of n + 1.
static int fill(struct object *object, uint64_t index, void *page)
{
	uint64_t start = index * PAGE_SIZE;
	uint64_t left = start < object->source ? object->source - start : 0;

	memset(page, 0, PAGE_SIZE);
	memset(page, (int)index + 1, left < PAGE_SIZE ? left : PAGE_SIZE);
	return 0;
}

static void release(struct object *object)
{
	(void)object;
	released = true;
}

static const struct object_ops operations = {.fill = fill, .release = release};

static void open_file(uint64_t size, uint64_t source)
{
	released = false;
	object_init(&file, &operations, size);
	file.source = source;
}

static void close_file(void)
{
	object_put(&file);
	assert_true(released);
	assert_int_equal(object_kept_pages(), 0);
	assert_int_equal(quota.used, 0);
	assert_audit();
}

static void map(struct mm *space, uintptr_t address, int type, uint64_t first, uint64_t pages)
{
	assert_int_equal(mm_mmap(space, address, pages * PAGE_SIZE, RW, type | MAP_FIXED, &file,
				 first, true),
			 address);
}

static void unmap(struct mm *space)
{
	assert_int_equal(mm_munmap(space, BASE, 1ul << 30), 0);
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

	if (!fake_load(space, address, &value, &why))
		fail_msg("load: %s", fault_result_name(why));
	return value;
}

static void expect_beyond(struct mm *space, uintptr_t address)
{
	enum fault_result why = FAULT_SPURIOUS;
	uint64_t value;

	assert_false(fake_load(space, address, &value, &why));
	assert_int_equal(why, FAULT_BEYOND_END);
}

static int new_spaces(void **state)
{
	(void)state;
	mm = mm_create();
	other = mm_create();
	return !mm || !other;
}

static int end_spaces(void **state)
{
	(void)state;
	mm_put(mm);
	mm_put(other);
	fake_forget(mm);
	fake_forget(other);
	assert_int_equal(frame_kind_count(FRAME_FILE), 0);
	assert_int_equal(frame_kind_count(FRAME_ANON), 0);
	assert_audit();
	return 0;
}

// ---- shorter ----
static void shorter_everywhere(void **state)
{
	(void)state;
	open_file(4 * PAGE_SIZE, 0);
	map(mm, BASE, MAP_SHARED, 0, 4);
	map(mm, BASE + (1 << 24), MAP_PRIVATE, 1, 4);
	map(other, BASE, MAP_SHARED, 2, 2);
	for (unsigned i = 0; i < 4; i++)
		store(mm, BASE + i * PAGE_SIZE + 8, i + 1);
	store(mm, BASE + (1 << 24) + PAGE_SIZE, 77); // a copy of page 2
	assert_int_equal(load(other, BASE + PAGE_SIZE + 8), 4);
	assert_int_equal(object_kept_pages(), 4);
	assert_audit();
	object_resize(&file, PAGE_SIZE + 4);
	assert_int_equal(file.cached, 2);
	assert_int_equal(object_kept_pages(), 2);
	assert_int_equal(load(mm, BASE + 8), 1);
	assert_int_equal(load(mm, BASE + PAGE_SIZE + 8), 0);
	expect_beyond(mm, BASE + 2 * PAGE_SIZE);
	expect_beyond(mm, BASE + 3 * PAGE_SIZE + 8);
	expect_beyond(mm, BASE + (1 << 24) + PAGE_SIZE);
	expect_beyond(other, BASE);
	assert_audit();
	object_resize(&file, 4 * PAGE_SIZE);
	assert_int_equal(load(other, BASE + PAGE_SIZE + 8), 0);
	assert_int_equal(load(mm, BASE + (1 << 24) + PAGE_SIZE), 0);
	unmap(mm);
	unmap(other);
	close_file();
}

// A space that fork made between, and one that is gone.
static void shorter_in_a_family(void **state)
{
	struct mm *child;

	(void)state;
	open_file(2 * PAGE_SIZE, 0);
	map(mm, BASE, MAP_SHARED, 0, 2);
	map(mm, BASE + (1 << 24), MAP_PRIVATE, 0, 2);
	store(mm, BASE + PAGE_SIZE, 5);
	store(mm, BASE + (1 << 24) + PAGE_SIZE, 6);
	assert_int_equal(mm_fork(mm, &child), 0);
	assert_int_equal(load(child, BASE + (1 << 24) + PAGE_SIZE), 6);
	object_resize(&file, 100);
	expect_beyond(child, BASE + PAGE_SIZE);
	expect_beyond(child, BASE + (1 << 24) + PAGE_SIZE);
	expect_beyond(mm, BASE + PAGE_SIZE);
	mm_put(child);
	fake_forget(child);
	object_resize(&file, 0);
	expect_beyond(mm, BASE);
	unmap(mm);
	close_file();
}

static unsigned found, unlocked;

// Who takes pages away may be on another CPU, find a space by its VMA, and lock it. Only what maps
// the object is in the midst of something here.
static void attached(struct object *object, int change)
{
	struct vma *vma;

	list_for_each_entry (vma, &object->vmas, object_link) {
		if (change < 0 || !spin_trylock(&vma->mm->lock))
			continue;
		spin_unlock(&vma->mm->lock);
		unlocked++;
	}
	found += change > 0;
}

// The child's tables are being made when its VMAs can be found.
static void forked_under_locks(void **state)
{
	static const struct object_ops counted = {
		.fill = fill, .release = release, .attached = attached};
	struct mm *child;

	(void)state;
	open_file(2 * PAGE_SIZE, 0);
	file.ops = &counted;
	found = unlocked = 0;
	map(mm, BASE, MAP_SHARED, 0, 2);
	store(mm, BASE, 5);
	assert_int_equal(mm_fork(mm, &child), 0);
	object_resize(&file, 0);
	expect_beyond(child, BASE);
	mm_put(child);
	fake_forget(child);
	unmap(mm);
	close_file();
	assert_int_equal(found, 2);
	assert_int_equal(unlocked, 0);
}

// ---- holes ----
static void holes(void **state)
{
	(void)state;
	open_file(4 * PAGE_SIZE, 0);
	map(mm, BASE, MAP_SHARED, 0, 4);
	map(mm, BASE + (1 << 24), MAP_PRIVATE, 0, 4);
	for (unsigned i = 0; i < 4; i++)
		store(mm, BASE + i * PAGE_SIZE, i + 1);
	store(mm, BASE + (1 << 24) + PAGE_SIZE, 77);
	assert_int_equal(load(mm, BASE + (1 << 24) + 2 * PAGE_SIZE), 3);
	assert_int_equal(object_punch(&file, 1, 3), 0);
	assert_int_equal(file.cached, 2);
	assert_int_equal(load(mm, BASE + (1 << 24) + PAGE_SIZE), 77);
	assert_int_equal(load(mm, BASE + (1 << 24) + 2 * PAGE_SIZE), 0);
	assert_int_equal(load(mm, BASE + PAGE_SIZE), 0);
	assert_int_equal(load(mm, BASE + 3 * PAGE_SIZE), 4);
	assert_int_equal(file.size, 4 * PAGE_SIZE);
	assert_audit();
	unmap(mm);
	close_file();
}

static void where_data_is(void **state)
{
	struct frame *frame;

	(void)state;
	open_file(10 * PAGE_SIZE, PAGE_SIZE + 1);
	assert_int_equal(object_page_to_write(&file, 5, &frame), 0);
	frame_put(frame);
	assert_int_equal(object_page_ahead(&file, 7), 0);
	assert_int_equal(object_next_data(&file, 0), 0);
	assert_int_equal(object_next_data(&file, 1), 1);
	assert_int_equal(object_next_hole(&file, 0), 2);
	assert_int_equal(object_next_data(&file, 2), 5);
	assert_int_equal(object_next_hole(&file, 5), 6);
	assert_true(object_next_data(&file, 6) == ~0ul);
	// Touched, it counts.
	map(mm, BASE, MAP_SHARED, 0, 10);
	assert_int_equal(load(mm, BASE + 7 * PAGE_SIZE), 0);
	assert_int_equal(object_next_data(&file, 6), 7);
	unmap(mm);
	close_file();
}

// ---- pages that can come again, and others ----
static void kept_and_dropped(void **state)
{
	struct frame *frame;

	(void)state;
	open_file(4 * PAGE_SIZE, 3 * PAGE_SIZE);
	map(mm, BASE, MAP_SHARED, 0, 4);
	for (unsigned i = 0; i < 4; i++)
		load(mm, BASE + i * PAGE_SIZE);
	assert_int_equal(object_kept_pages(), 1); // the one that no archive has
	store(mm, BASE + PAGE_SIZE, 9);           // over an entry that was there
	assert_int_equal(object_kept_pages(), 2);
	assert_int_equal(object_page_to_write(&file, 2, &frame), 0);
	frame_put(frame);
	assert_int_equal(object_kept_pages(), 3);
	unmap(mm);
	assert_int_equal(object_drop_caches(), 1);
	assert_int_equal(file.cached, 3);
	map(mm, BASE, MAP_SHARED, 0, 4);
	assert_int_equal(load(mm, BASE), 0x0101010101010101);
	assert_int_equal(load(mm, BASE + PAGE_SIZE), 9);
	// A hole in the archive's part stays one.
	assert_int_equal(object_punch(&file, 0, 1), 0);
	unmap(mm);
	object_drop_caches();
	map(mm, BASE, MAP_SHARED, 0, 4);
	assert_int_equal(load(mm, BASE), 0);
	// So does what was cut off.
	object_resize(&file, 0);
	object_resize(&file, 4 * PAGE_SIZE);
	assert_int_equal(load(mm, BASE + 2 * PAGE_SIZE), 0);
	unmap(mm);
	close_file();
}

static void limited(void **state)
{
	struct frame *frame;
	enum fault_result why;

	(void)state;
	quota.limit = 2;
	open_file(8 * PAGE_SIZE, PAGE_SIZE);
	file.quota = &quota;
	map(mm, BASE, MAP_SHARED, 0, 8);
	load(mm, BASE); // the archive's: no room taken
	store(mm, BASE + PAGE_SIZE, 1);
	assert_int_equal(object_page_to_write(&file, 20, &frame), 0);
	frame_put(frame);
	assert_int_equal(quota.used, 2);
	assert_int_equal(object_page_to_write(&file, 21, &frame), -ENOSPC);
	assert_int_equal(object_page_ahead(&file, 3), -ENOSPC);
	assert_false(fake_store(mm, BASE + 2 * PAGE_SIZE, 1, &why));
	assert_int_equal(why, FAULT_IO_ERROR);
	assert_audit();
	store(mm, BASE, 1); // changed in place, it goes beyond
	assert_int_equal(quota.used, 3);
	object_resize(&file, 8 * PAGE_SIZE);
	assert_int_equal(quota.used, 2);
	unmap(mm);
	close_file();
}

static void writing_denied(void **state)
{
	(void)state;
	open_file(PAGE_SIZE, 0);
	assert_int_equal(object_hold_writable(&file), 0);
	assert_int_equal(object_deny_write(&file), -EBUSY);
	map(mm, BASE, MAP_SHARED, 0, 1);
	object_drop_writable(&file);
	assert_int_equal(object_deny_write(&file), -EBUSY);
	assert_int_equal(object_mappings(&file), 1);
	unmap(mm);
	map(mm, BASE, MAP_PRIVATE, 0, 1);
	assert_int_equal(object_deny_write(&file), 0);
	assert_int_equal(object_hold_writable(&file), -EPERM);
	unmap(mm);
	close_file();
}

// Every allocation of each step fails once.
static void out_of_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int nth = 1; failed; nth++) {
		struct frame *frame;
		int error;

		open_file(PAGE_SIZE, 2 * PAGE_SIZE);
		fake_fail_start(nth);
		error = object_page_to_write(&file, 1ul << 20, &frame);
		if (!error)
			frame_put(frame);
		else
			assert_int_equal(error, -ENOMEM);
		error = object_punch(&file, 0, 2);
		if (error)
			assert_int_equal(error, -ENOMEM);
		object_resize(&file, 0);
		failed = fake_fail_stop();
		assert_audit();
		close_file();
	}
}

// ---- at random ----
// Words of the file, and of the private mapping those that are its own.
static uint64_t words[PAGES], copies[PAGES];
static bool is_copy[PAGES];

static void check_page(uint64_t page)
{
	uint64_t size = (file.size + PAGE_SIZE - 1) / PAGE_SIZE;
	uintptr_t shared = BASE + page * PAGE_SIZE, private = shared + (1 << 24);

	if (page >= size) {
		expect_beyond(mm, shared);
		expect_beyond(mm, private);
		return;
	}
	assert_int_equal(load(mm, shared), words[page]);
	assert_int_equal(load(other, shared), words[page]);
	assert_int_equal(load(mm, private), is_copy[page] ? copies[page] : words[page]);
}

static void resize_at_random(uint64_t page)
{
	object_resize(&file, page * PAGE_SIZE + (fake_random(2) ? 8 : 0));
	for (uint64_t i = (file.size + PAGE_SIZE - 1) / PAGE_SIZE; i < PAGES; i++) {
		words[i] = 0;
		is_copy[i] = false;
	}
}

static void punch_at_random(uint64_t page)
{
	uint64_t end = page + fake_random(PAGES - page) + 1;

	assert_int_equal(object_punch(&file, page, end), 0);
	for (uint64_t i = page; i < end; i++)
		words[i] = 0;
}

static void write_at_random(uint64_t page)
{
	struct frame *frame;

	words[page] = fake_random(~0ul);
	assert_int_equal(object_page_to_write(&file, page, &frame), 0);
	memcpy(frame_to_virt(frame), &words[page], 8);
	frame_put(frame);
	object_extend(&file, page * PAGE_SIZE + 8);
}

static void store_at_random(uint64_t page)
{
	bool private = fake_random(2);
	uint64_t *to = private ? &copies[page] : &words[page];

	if (page * PAGE_SIZE >= file.size)
		return;
	*to = fake_random(~0ul);
	is_copy[page] |= private;
	store(mm, BASE + page * PAGE_SIZE + (private ? 1 << 24 : 0), *to);
}

static void step_at_random(void)
{
	uint64_t page = fake_random(PAGES);

	switch (fake_random(6)) {
	case 0:
		resize_at_random(page);
		break;
	case 1:
		punch_at_random(page);
		break;
	case 2:
		write_at_random(page);
		break;
	case 3:
		store_at_random(page);
		break;
	case 4:
		check_page(page);
		break;
	default:
		object_drop_caches();
	}
}

static void at_random(void **state)
{
	(void)state;
	fake_seed();
	open_file(5 * PAGE_SIZE, 4 * PAGE_SIZE);
	for (uint64_t i = 0; i < 4; i++)
		words[i] = 0x0101010101010101 * (i + 1);
	map(mm, BASE, MAP_SHARED, 0, PAGES);
	map(mm, BASE + (1 << 24), MAP_PRIVATE, 0, PAGES);
	map(other, BASE, MAP_SHARED, 0, PAGES);
	for (unsigned i = 0; i < ROUNDS; i++) {
		step_at_random();
		if (i % 16 == 0)
			assert_audit();
	}
	for (uint64_t i = 0; i < PAGES; i++)
		check_page(i);
	unmap(mm);
	unmap(other);
	close_file();
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, new_spaces, end_spaces)
	const struct CMUnitTest tests[] = {
		TEST(shorter_everywhere),
		TEST(shorter_in_a_family),
		TEST(forked_under_locks),
		TEST(holes),
		TEST(where_data_is),
		TEST(kept_and_dropped),
		TEST(limited),
		TEST(writing_denied),
		TEST(out_of_memory),
		TEST(at_random),
	};

	fake_machine_start(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
