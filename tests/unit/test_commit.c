// SPDX-License-Identifier: MIT
//
// Commit accounting: what each call adds to the pages promised and takes off again, and what the
// three policies refuse. The figures are what VM_ACCOUNT of /proc/self/smaps (VmFlags "ac") says
// on Linux 6.18 after the same calls.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/mman.h>

#include "mm/commit.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "tests/unit/fake_machine.h"

#define BASE     0x10000000ul
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define RW       (PROT_READ | PROT_WRITE)
#define PRIVATE  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define SHARED   (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)
#define KEEP     (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)
#define MOVE     (MREMAP_MAYMOVE | MREMAP_FIXED)

static struct mm *mm;
static struct object file;

static long map(unsigned page, unsigned count, int prot, int flags)
{
	return mm_mmap(mm, AT(page), count * PAGE_SIZE, prot, flags, NULL, 0, true);
}

static void touch(unsigned page)
{
	enum fault_result why;

	assert_true(fake_store(mm, AT(page), 1, &why));
}

static int protect(unsigned page, unsigned count, int prot)
{
	return mm_mprotect(mm, AT(page), count * PAGE_SIZE, prot);
}

static void unmap(unsigned page, unsigned count)
{
	assert_int_equal(mm_munmap(mm, AT(page), count * PAGE_SIZE), 0);
}

static long remap(unsigned from, unsigned old, unsigned new, int flags, unsigned to)
{
	return mm_mremap(mm, AT(from), old * PAGE_SIZE, new *PAGE_SIZE, flags, AT(to));
}

// Runs a statement and says how many pages it has promised.
#define PROMISED(statement)                               \
	({                                                \
		int64_t before = (int64_t)commit_total(); \
		statement;                                \
		assert_audit();                           \
		(int64_t) commit_total() - before;        \
	})

static int new_space(void **state)
{
	(void)state;
	assert_int_equal(commit_total(), 0);
	mm = mm_create();
	return mm == NULL;
}

// Whatever a test leaves behind goes with the space.
static int end_space(void **state)
{
	(void)state;
	mm_put(mm);
	fake_forget(mm);
	object_drop_caches();
	commit_settings.policy = OVERCOMMIT_GUESS;
	commit_settings.kbytes = 0;
	fake_capabilities = ~0ul;
	assert_int_equal(commit_total(), 0);
	assert_audit();
	return 0;
}

static void mappings(void **state)
{
	(void)state;
	assert_int_equal(PROMISED(map(0, 4, RW, PRIVATE)), 4);
	assert_int_equal(PROMISED(map(10, 4, PROT_WRITE, PRIVATE)), 4);
	assert_int_equal(PROMISED(map(20, 4, PROT_READ, PRIVATE)), 0);
	assert_int_equal(PROMISED(map(30, 4, PROT_NONE, PRIVATE)), 0);
	assert_int_equal(PROMISED(map(40, 4, RW, PRIVATE | MAP_NORESERVE)), 0);
	// Shared memory is promised whatever its protection, once, until nobody has it.
	assert_int_equal(PROMISED(map(50, 4, PROT_NONE, SHARED)), 4);
	assert_int_equal(PROMISED(unmap(51, 2)), 0);
	assert_int_equal(PROMISED(unmap(50, 4)), -4);
	// Parts, holes, replacements.
	assert_int_equal(PROMISED(unmap(1, 1)), -1);
	assert_int_equal(PROMISED(map(0, 4, RW, PRIVATE)), 1);
	assert_int_equal(PROMISED(map(2, 4, PROT_READ, PRIVATE)), -2);
	assert_int_equal(PROMISED(unmap(0, 60)), -6);
}

static void shared_pages_one_by_one(void **state)
{
	(void)state;
	assert_int_equal(PROMISED(map(0, 8, RW, SHARED | MAP_NORESERVE)), 0);
	assert_int_equal(PROMISED(touch(3)), 1);
	assert_int_equal(PROMISED(touch(3)), 0);
	assert_int_equal(PROMISED(touch(5)), 1);
	assert_int_equal(PROMISED(unmap(3, 1)), 0);
	assert_int_equal(PROMISED(unmap(0, 8)), -2);
}

static void files(void **state)
{
	(void)state;
	assert_int_equal(PROMISED(mm_mmap(mm, AT(0), 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED,
					  &file, 0, true)),
			 4);
	assert_int_equal(PROMISED(mm_mmap(mm, AT(0), 4 * PAGE_SIZE, PROT_READ,
					  MAP_PRIVATE | MAP_FIXED, &file, 0, true)),
			 -4);
	assert_int_equal(PROMISED(protect(1, 2, RW)), 2);
	// Nobody knows whether there are private copies by then.
	assert_int_equal(PROMISED(protect(1, 2, PROT_READ)), 0);
	assert_int_equal(PROMISED(protect(0, 4, RW)), 2);
	assert_int_equal(PROMISED(unmap(0, 4)), -4);
	assert_int_equal(PROMISED(mm_mmap(mm, AT(0), 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED,
					  &file, 0, true)),
			 0);
}

static void protection(void **state)
{
	(void)state;
	map(0, 8, PROT_NONE, PRIVATE);
	assert_int_equal(PROMISED(protect(2, 4, RW)), 4);
	assert_int_equal(PROMISED(protect(2, 2, PROT_READ)), -2);
	assert_int_equal(PROMISED(protect(2, 2, RW)), 2);
	assert_int_equal(PROMISED(touch(2)), 0);
	assert_int_equal(PROMISED(protect(2, 2, PROT_NONE)), 0);
	assert_int_equal(PROMISED(protect(2, 2, RW)), 0);
	assert_int_equal(PROMISED(unmap(0, 8)), -4);
	// What was not to be counted stays so.
	map(0, 4, PROT_NONE, PRIVATE | MAP_NORESERVE);
	assert_int_equal(PROMISED(protect(0, 4, RW)), 0);
	// What tells them apart keeps them apart.
	map(4, 4, RW, PRIVATE);
	assert_int_equal(mm->vma_count, 2);
}

static void heap_and_stack(void **state)
{
	(void)state;
	mm->brk_start = mm->brk = AT(0);
	assert_int_equal(PROMISED(mm_brk(mm, AT(5) + 1)), 6);
	assert_int_equal(PROMISED(mm_brk(mm, AT(2))), -4);
	assert_int_equal(PROMISED(mm_map_stack(mm, AT(5000), 4 * PAGE_SIZE, false)), 4);
	assert_int_equal(PROMISED(touch(4980)), 16);
}

static void remapping(void **state)
{
	(void)state;
	map(0, 4, RW, PRIVATE);
	assert_int_equal(PROMISED(remap(0, 4, 8, 0, 0)), 4);
	assert_int_equal(PROMISED(remap(0, 8, 6, 0, 0)), -2);
	assert_int_equal(PROMISED(remap(0, 6, 6, MOVE, 10)), 0);
	assert_int_equal(PROMISED(remap(10, 6, 9, MOVE, 20)), 3);
	assert_int_equal(PROMISED(remap(22, 2, 1, MOVE, 40)), -1);
	assert_int_equal(PROMISED(remap(20, 2, 2, KEEP, 50)), 2);
	assert_int_equal(PROMISED(remap(20, 2, 2, KEEP, 22)), 2);
	assert_int_equal(PROMISED(unmap(0, 60)), -12);
	map(0, 4, PROT_READ, PRIVATE);
	assert_int_equal(PROMISED(remap(0, 4, 8, 0, 0)), 0);
	assert_int_equal(PROMISED(remap(0, 8, 8, KEEP, 10)), 0);
}

static void forking(void **state)
{
	struct mm *child;

	(void)state;
	map(0, 4, RW, PRIVATE);
	map(10, 4, RW, SHARED);
	map(20, 4, RW, PRIVATE);
	map(30, 4, RW, PRIVATE | MAP_NORESERVE);
	assert_int_equal(mm_madvise(mm, AT(20), 2 * PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(PROMISED(mm_fork(mm, &child)), 6);
	assert_int_equal(PROMISED(mm_put(child)), -6);
	for (int nth = 1; nth < 8; nth++) {
		fake_fail_start(nth);
		if (!mm_fork(mm, &child))
			mm_put(child);
		fake_fail_stop();
		assert_audit();
	}
}

// ---- policies ----

// Sets the strict policy's limit to what is promised now and `left` pages more.
static void leave(uint64_t left)
{
	commit_settings.policy = OVERCOMMIT_NEVER;
	// The last page of the limit is never promised, as on Linux.
	commit_settings.kbytes = (commit_total() + left + 1) * 4;
}

static void guess_and_always(void **state)
{
	uint64_t ram = commit_settings.ram;

	(void)state;
	assert_int_equal(map(0, ram, RW, PRIVATE), AT(0));
	assert_int_equal(remap(0, ram, 2 * ram + 1, 0, 0), -ENOMEM);
	assert_int_equal(remap(0, ram, 2 * ram, 0, 0), AT(0));
	// As one VMA it is too much now, and the child's.
	assert_int_equal(mm_fork(mm, &(struct mm *){NULL}), -ENOMEM);
	unmap(0, 2 * ram);
	assert_int_equal(map(0, ram + 1, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(0, ram + 1, PROT_READ, PRIVATE), AT(0));
	assert_int_equal(protect(0, ram + 1, RW), -ENOMEM);
	assert_int_equal(protect(0, ram, RW), 0);
	assert_int_equal(map(0, ram + 1, RW, SHARED), -ENOMEM);
	assert_int_equal(map(0, ram + 1, RW, PRIVATE | MAP_NORESERVE), AT(0));
	// Only what is more than before has to be a sane amount.
	assert_int_equal(map(0, ram, RW, PRIVATE), AT(0));
	assert_int_equal(map(0, ram + 1, RW, PRIVATE), AT(0));
	commit_settings.policy = OVERCOMMIT_ALWAYS;
	assert_int_equal(map(0, 100 * ram, RW, PRIVATE), AT(0));
}

static void never(void **state)
{
	(void)state;
	assert_int_equal(commit_limit(), commit_settings.ram / 2);
	leave(10);
	assert_int_equal(commit_limit(), 11);
	assert_int_equal(map(0, 11, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(0, 11, RW, PRIVATE | MAP_NORESERVE), -ENOMEM);
	assert_int_equal(map(0, 11, RW, SHARED), -ENOMEM);
	assert_int_equal(map(0, 11, PROT_READ, PRIVATE), AT(0));
	assert_int_equal(map(0, 10, RW, PRIVATE), AT(0));
	assert_int_equal(map(20, 1, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(2, 4, RW, PRIVATE), AT(2));
	assert_int_equal(map(5, 6, RW, PRIVATE), -ENOMEM);
	assert_int_equal(commit_total(), 10);
	unmap(9, 1);
	assert_int_equal(map(20, 1, RW, PRIVATE), AT(20));
}

// Those who may not administer leave something to those who may, and everybody to the others.
static void reserves(void **state)
{
	(void)state;
	commit_settings.admin_reserve = 5 * 4;
	commit_settings.user_reserve = 0;
	leave(20);
	fake_capabilities = ~(1ul << CAP_SYS_ADMIN);
	assert_int_equal(map(0, 16, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(0, 15, RW, PRIVATE), AT(0));
	fake_capabilities = ~0ul;
	assert_int_equal(map(20, 5, RW, PRIVATE), AT(20));
	assert_int_equal(map(30, 1, RW, PRIVATE), -ENOMEM);
	unmap(0, 30);
	// A thirty-second of what the process has, at most what the setting says.
	commit_settings.user_reserve = 3 * 4;
	assert_int_equal(map(100, 64, PROT_READ, PRIVATE), AT(100));
	assert_int_equal(map(0, 19, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(0, 18, RW, PRIVATE), AT(0));
	unmap(0, 18);
	assert_int_equal(map(200, 640, PROT_READ, PRIVATE), AT(200));
	assert_int_equal(map(0, 18, RW, PRIVATE), -ENOMEM);
	assert_int_equal(map(0, 17, RW, PRIVATE), AT(0));
	commit_settings.user_reserve = 0;
	commit_settings.admin_reserve = 0;
}

// Each call that promises something, with one page too few, then with just enough.
static void every_call_is_refused(void **state)
{
	struct mm *child;
	enum fault_result why;

	(void)state;
	map(0, 8, PROT_NONE, PRIVATE);
	map(20, 4, RW, PRIVATE);
	mm->brk_start = mm->brk = AT(100);
	assert_int_equal(mm_map_stack(mm, AT(5000), PAGE_SIZE, false), 0);
	leave(3);
	assert_int_equal(protect(0, 4, RW), -ENOMEM);
	assert_int_equal(mm_brk(mm, AT(104)), AT(100));
	assert_int_equal(remap(20, 4, 8, 0, 0), -ENOMEM);
	assert_int_equal(remap(20, 4, 8, MOVE, 40), -ENOMEM);
	assert_int_equal(remap(20, 4, 4, KEEP, 40), -ENOMEM);
	assert_int_equal(mm_fork(mm, &child), -ENOMEM);
	assert_int_equal(mm_map_stack(mm, AT(9000), 4 * PAGE_SIZE, false), -ENOMEM);
	assert_false(fake_store(mm, AT(4995), 1, &why));
	assert_int_equal(why, FAULT_STACK_LIMIT);
	assert_audit();
	leave(4);
	assert_int_equal(PROMISED(protect(0, 4, RW)), 4);
	leave(4);
	assert_int_equal(mm_brk(mm, AT(104)), AT(104));
	leave(4);
	assert_int_equal(remap(20, 4, 8, 0, 0), AT(20));
	leave(4);
	assert_true(fake_store(mm, AT(4995), 1, &why));
	leave(8);
	assert_int_equal(remap(20, 8, 8, KEEP, 40), AT(40));
	leave(8 + 8 + 4 + 4 + 5);
	assert_int_equal(mm_fork(mm, &child), 0);
	mm_put(child);
}

static void shared_pages_are_refused(void **state)
{
	enum fault_result why;

	(void)state;
	map(0, 4, RW, SHARED | MAP_NORESERVE);
	leave(1);
	touch(0);
	assert_false(fake_store(mm, AT(1), 1, &why));
	assert_int_equal(why, FAULT_IO_ERROR);
}

static int fill(struct object *object, uint64_t index, void *page)
{
	(void)object;
	(void)index;
	(void)page;
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

static const struct object_ops file_ops = {.fill = fill, .release = release_nothing};

static int start(void **state)
{
	(void)state;
	fake_machine_start(4096);
	object_init(&file, &file_ops, 8 * PAGE_SIZE);
	file.source = file.size;
	return 0;
}

#define SPACE_TEST(name) cmocka_unit_test_setup_teardown(name, new_space, end_space)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPACE_TEST(mappings),
		SPACE_TEST(shared_pages_one_by_one),
		SPACE_TEST(files),
		SPACE_TEST(protection),
		SPACE_TEST(heap_and_stack),
		SPACE_TEST(remapping),
		SPACE_TEST(forking),
		SPACE_TEST(guess_and_always),
		SPACE_TEST(never),
		SPACE_TEST(reserves),
		SPACE_TEST(every_call_is_refused),
		SPACE_TEST(shared_pages_are_refused),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
