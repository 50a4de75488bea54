// SPDX-License-Identifier: MIT
//
// mmap, munmap and mprotect as Linux has them: a table of errors; limits; and random calls made
// here and, in the same small window of addresses, on the Linux that runs this test. Results and
// the mappings that come of them must be the same, page by page.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm/object.h"
#include "mm/vma_tree.h"
#include "tests/unit/fake_machine.h"

#define WINDOW 0x10000000ul // where neither a program nor its sanitizer has anything
#define PAGES  64
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW     (PROT_READ | PROT_WRITE)

static struct mm *mm;

static long map_anon(uintptr_t address, size_t size, int prot, int flags)
{
	return mm_mmap(mm, address, size, prot, flags, NULL, 0, false);
}

static long map_fixed(uintptr_t address, size_t pages, int prot)
{
	return map_anon(address, pages * PAGE_SIZE, prot, ANON | MAP_FIXED);
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
	return 0;
}

// ---- errors ----

static void errors_of_mmap(void **state)
{
	static const struct {
		uintptr_t address;
		size_t size;
		int flags;
		long result;
	} calls[] = {
		{WINDOW, 0, ANON, -EINVAL},
		{WINDOW, 0, 0, -EINVAL},
		{WINDOW, ~0ul, ANON, -ENOMEM}, // rounds up to 0
		{WINDOW, ~0ul - PAGE_SIZE, ANON, -ENOMEM},
		{WINDOW, USER_END + 1, ANON, -ENOMEM},
		{WINDOW, USER_END, ANON | MAP_FIXED, -ENOMEM},
		{WINDOW, PAGE_SIZE, MAP_ANONYMOUS, -EINVAL},
		{WINDOW, PAGE_SIZE, MAP_ANONYMOUS | MAP_TYPE, -EINVAL},
		{WINDOW, PAGE_SIZE, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -EINVAL},
		{WINDOW, PAGE_SIZE, MAP_ANONYMOUS | MAP_SHARED | MAP_GROWSDOWN, -EINVAL},
		{WINDOW + 1, PAGE_SIZE, ANON | MAP_FIXED, -EINVAL},
		{USER_END, PAGE_SIZE, ANON | MAP_FIXED, -ENOMEM},
		{USER_END + 1, PAGE_SIZE, ANON | MAP_FIXED, -ENOMEM}, // not EINVAL
		{~0xffful, PAGE_SIZE, ANON | MAP_FIXED, -ENOMEM},
		{~0xffful, 2 * PAGE_SIZE, ANON | MAP_FIXED, -ENOMEM},
		{0, PAGE_SIZE, ANON | MAP_FIXED, -EPERM},
		{0xf000, PAGE_SIZE, ANON | MAP_FIXED, -EPERM},
		{WINDOW, 2 * PAGE_SIZE, ANON | MAP_FIXED_NOREPLACE, -EEXIST},
		{WINDOW - PAGE_SIZE, 2 * PAGE_SIZE, ANON | MAP_FIXED_NOREPLACE, -EEXIST},
		{WINDOW + PAGE_SIZE, PAGE_SIZE, ANON | MAP_FIXED_NOREPLACE, WINDOW + PAGE_SIZE},
		{WINDOW + PAGE_SIZE, PAGE_SIZE, ANON | MAP_FIXED, WINDOW + PAGE_SIZE},
		{0x10000, PAGE_SIZE, ANON | MAP_FIXED, 0x10000},
		{USER_END - PAGE_SIZE, 1, ANON | MAP_FIXED, USER_END - PAGE_SIZE},
	};

	(void)state;
	fake_capabilities = 0;
	assert_int_equal(map_fixed(WINDOW, 1, RW), WINDOW);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long result = map_anon(calls[i].address, calls[i].size, RW, calls[i].flags);

		if (result != calls[i].result)
			fail_msg("call %u: %ld instead of %ld", i, result, calls[i].result);
	}
	// Whoever may reach the hardware may map the lowest addresses.
	fake_capabilities = 1ul << CAP_SYS_RAWIO;
	assert_int_equal(map_fixed(0, 1, RW), 0);
	fake_capabilities = ~0ul;
}

static void errors_of_munmap_and_mprotect(void **state)
{
	static const struct {
		uintptr_t address;
		size_t size;
		int unmap;   // munmap's result
		int prot;    // mprotect's argument
		int protect; // and its result
	} calls[] = {
		{WINDOW + 1, PAGE_SIZE, -EINVAL, PROT_READ, -EINVAL},
		{WINDOW + 1, 0, -EINVAL, PROT_READ, -EINVAL},
		{WINDOW, 0, -EINVAL, PROT_READ, 0},
		{WINDOW, 0, -EINVAL, 0x100, 0}, // the size comes before the protection
		{WINDOW, PAGE_SIZE, 0, 0x100, -EINVAL},
		{WINDOW + 8 * PAGE_SIZE, PAGE_SIZE, 0, PROT_READ, -ENOMEM},
		{WINDOW + 3 * PAGE_SIZE, 2 * PAGE_SIZE, 0, PROT_READ, -ENOMEM},
		{WINDOW, ~0ul, -EINVAL, PROT_READ, -ENOMEM},
		{WINDOW, ~0ul, -EINVAL, 0x100, -ENOMEM}, // and the range too
		{WINDOW, ~0ul - 0x2000, -EINVAL, PROT_READ, -ENOMEM},
		{~0xffful, PAGE_SIZE, -EINVAL, PROT_READ, -ENOMEM},
		{~0xffful, 2 * PAGE_SIZE, -EINVAL, PROT_READ, -ENOMEM},
		{USER_END, PAGE_SIZE, -EINVAL, PROT_READ, -ENOMEM},
		{USER_END - PAGE_SIZE, 2 * PAGE_SIZE, -EINVAL, PROT_READ, -ENOMEM},
		{USER_END - PAGE_SIZE, PAGE_SIZE, 0, PROT_READ, -ENOMEM},
		{0, PAGE_SIZE, 0, PROT_READ, -ENOMEM},
		{WINDOW, PAGE_SIZE, 0, PROT_READ | PROT_GROWSDOWN, -EINVAL},
		{WINDOW, PAGE_SIZE, 0, PROT_READ | PROT_GROWSUP, -EINVAL},
		{WINDOW, 0, -EINVAL, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN, -EINVAL},
		{WINDOW - PAGE_SIZE, PAGE_SIZE, 0, PROT_READ | PROT_GROWSDOWN, -ENOMEM},
		{WINDOW - PAGE_SIZE, 2 * PAGE_SIZE, 0, PROT_READ | PROT_GROWSUP, -ENOMEM},
		{WINDOW, PAGE_SIZE, 0, PROT_READ | PROT_SEM, 0},
		{WINDOW, 1, 0, PROT_NONE, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int result;

		assert_int_equal(map_fixed(WINDOW, 4, RW), WINDOW);
		result = mm_mprotect(mm, calls[i].address, calls[i].size, calls[i].prot);
		if (result != calls[i].protect)
			fail_msg("mprotect %u: %d instead of %d", i, result, calls[i].protect);
		result = mm_munmap(mm, calls[i].address, calls[i].size);
		if (result != calls[i].unmap)
			fail_msg("munmap %u: %d instead of %d", i, result, calls[i].unmap);
	}
}

static int fill_zeros(struct object *object, uint64_t index, void *page)
{
	(void)object;
	(void)index;
	memset(page, 0, PAGE_SIZE);
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

static void mappings_of_files(void **state)
{
	static const struct object_ops operations = {.fill = fill_zeros,
						     .release = release_nothing};
	static struct object file;
	const int shared = MAP_SHARED | MAP_FIXED, private = MAP_PRIVATE | MAP_FIXED;

	(void)state;
	object_init(&file, &operations, 3 * PAGE_SIZE);
	assert_int_equal(mm_mmap(mm, WINDOW, PAGE_SIZE, RW, shared, &file, 0, false), -EACCES);
	assert_int_equal(mm_mmap(mm, WINDOW, PAGE_SIZE, RW, shared | MAP_GROWSDOWN, &file, 0, 1),
			 -EINVAL);
	assert_int_equal(mm_mmap(mm, WINDOW, PAGE_SIZE, RW, shared, &file, ~0ul, true),
			 -EOVERFLOW);
	assert_int_equal(file.references, 1);
	assert_int_equal(mm_mmap(mm, WINDOW, PAGE_SIZE, PROT_READ, shared, &file, 0, false),
			 WINDOW);
	assert_int_equal(mm_mprotect(mm, WINDOW, PAGE_SIZE, RW), -EACCES);
	assert_int_equal(mm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_EXEC), 0);
	assert_int_equal(mm_mmap(mm, WINDOW, PAGE_SIZE, PROT_READ, private, &file, 0, false),
			 WINDOW);
	assert_int_equal(mm_mprotect(mm, WINDOW, PAGE_SIZE, RW), 0);
	assert_int_equal(file.references, 2);
	// Pages that follow each other in file and memory are one mapping; others are not.
	mm_mmap(mm, WINDOW + PAGE_SIZE, PAGE_SIZE, RW, private, &file, 1, false);
	assert_int_equal(mm->vma_count, 1);
	mm_mmap(mm, WINDOW + 2 * PAGE_SIZE, PAGE_SIZE, RW, private, &file, 5, false);
	assert_int_equal(mm->vma_count, 2);
	mm_mmap(mm, WINDOW - PAGE_SIZE, PAGE_SIZE, RW, private, &file, 0, false);
	assert_int_equal(mm->vma_count, 3);
	assert_int_equal(mm_munmap(mm, WINDOW - PAGE_SIZE, 8 * PAGE_SIZE), 0);
	assert_int_equal(file.references, 1);
	assert_true(list_empty(&file.vmas));
	object_put(&file);
}

static void stacks_change_from_their_start(void **state)
{
	(void)state;
	assert_int_equal(map_anon(WINDOW, 8 * PAGE_SIZE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN),
			 WINDOW);
	assert_int_equal(
		mm_mprotect(mm, WINDOW + 4 * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), 0);
	assert_int_equal(mm->vma_count, 2);
	assert_int_equal(vma_first(mm)->end, WINDOW + 5 * PAGE_SIZE);
	assert_int_equal(mm_mprotect(mm, WINDOW, 5 * PAGE_SIZE, RW), 0);
	assert_int_equal(mm->vma_count, 1);
	// A hint may not come closer than the guard gap; what is asked for exactly may.
	assert_int_equal(map_anon(WINDOW - 257 * PAGE_SIZE, PAGE_SIZE, RW, ANON),
			 WINDOW - 257 * PAGE_SIZE);
	assert_int_not_equal(map_anon(WINDOW - 256 * PAGE_SIZE, PAGE_SIZE, RW, ANON),
			     WINDOW - 256 * PAGE_SIZE);
	assert_int_equal(map_fixed(WINDOW - PAGE_SIZE, 1, PROT_READ), WINDOW - PAGE_SIZE);
}

// ---- limits ----

static void limits_on_address_space(void **state)
{
	(void)state;
	fake_limits.space = 10 * PAGE_SIZE + 5;
	assert_int_equal(map_fixed(WINDOW, 11, RW), -ENOMEM);
	assert_int_equal(map_fixed(WINDOW, 10, RW), WINDOW);
	assert_int_equal(map_fixed(WINDOW + 10 * PAGE_SIZE, 1, RW), -ENOMEM);
	// What replaces others needs only what is more.
	assert_int_equal(map_fixed(WINDOW + 2 * PAGE_SIZE, 8, PROT_READ), WINDOW + 2 * PAGE_SIZE);
	assert_int_equal(map_fixed(WINDOW + 2 * PAGE_SIZE, 9, PROT_READ), -ENOMEM);
	assert_int_equal(mm_munmap(mm, WINDOW, PAGE_SIZE), 0);
	assert_int_equal(map_fixed(WINDOW + 2 * PAGE_SIZE, 9, PROT_READ), WINDOW + 2 * PAGE_SIZE);
	assert_int_equal(mm->mapped, 10);
}

static void limits_on_data(void **state)
{
	(void)state;
	fake_limits.data = 4 * PAGE_SIZE;
	assert_int_equal(map_fixed(WINDOW, 5, RW), -ENOMEM);
	assert_int_equal(map_fixed(WINDOW, 5, PROT_READ), WINDOW);
	assert_int_equal(mm_mprotect(mm, WINDOW, 5 * PAGE_SIZE, RW), -ENOMEM);
	assert_int_equal(mm_mprotect(mm, WINDOW, 4 * PAGE_SIZE, RW), 0);
	assert_int_equal(mm_mprotect(mm, WINDOW, 4 * PAGE_SIZE, PROT_WRITE), 0);
	assert_int_equal(map_anon(WINDOW + 8 * PAGE_SIZE, PAGE_SIZE, RW,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
			 WINDOW + 8 * PAGE_SIZE);
	assert_int_equal(map_anon(WINDOW + 16 * PAGE_SIZE, PAGE_SIZE, PROT_READ,
				  ANON | MAP_FIXED | MAP_GROWSDOWN),
			 WINDOW + 16 * PAGE_SIZE);
	// Stacks are no data.
	assert_int_equal(mm_mprotect(mm, WINDOW + 16 * PAGE_SIZE, PAGE_SIZE, RW), 0);
	mm->brk_start = mm->brk = 0x20000000;
	assert_int_equal(mm_brk(mm, 0x20000001), 0x20000000);
	assert_int_equal(mm_mprotect(mm, WINDOW, 4 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm_brk(mm, 0x20000000 + 4 * PAGE_SIZE), 0x20000000 + 4 * PAGE_SIZE);
	assert_int_equal(mm_brk(mm, 0x20000000 + 4 * PAGE_SIZE + 1), 0x20000000 + 4 * PAGE_SIZE);
}

static void limits_on_locks(void **state)
{
	const int both = MCL_CURRENT | MCL_FUTURE;

	(void)state;
	fake_capabilities = 0;
	fake_limits.locked = 4 * PAGE_SIZE + 5;
	assert_int_equal(map_fixed(WINDOW, 8, RW), WINDOW);
	assert_int_equal(mm_mlock(mm, WINDOW, 5 * PAGE_SIZE, false), -ENOMEM);
	assert_int_equal(mm_mlock(mm, WINDOW, 4 * PAGE_SIZE, false), 0);
	// What is locked already does not count again.
	assert_int_equal(mm_mlock(mm, WINDOW + 100, 3 * PAGE_SIZE, true), 0);
	assert_int_equal(mm_mlock(mm, WINDOW + 3 * PAGE_SIZE, 2 * PAGE_SIZE, false), -ENOMEM);
	assert_int_equal(
		map_anon(WINDOW + 9 * PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_FIXED | MAP_LOCKED),
		-EAGAIN);
	assert_int_equal(mm_mlockall(mm, both), -ENOMEM);
	assert_int_equal(mm_munlock(mm, WINDOW, 2 * PAGE_SIZE), 0);
	assert_int_equal(mm_mremap(mm, WINDOW + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 5 * PAGE_SIZE,
				   MREMAP_MAYMOVE, 0),
			 -EAGAIN);
	assert_int_equal(mm_munmap(mm, WINDOW, 6 * PAGE_SIZE), 0);
	assert_int_equal(mm->locked, 0);
	assert_int_equal(mm_mlockall(mm, both), 0);
	assert_int_equal(mm->locked, 2);
	mm->brk_start = mm->brk = 0x20000000;
	assert_int_equal(mm_brk(mm, 0x20000000 + 3 * PAGE_SIZE), 0x20000000);
	assert_int_equal(mm_brk(mm, 0x20000000 + 2 * PAGE_SIZE), 0x20000000 + 2 * PAGE_SIZE);
	assert_int_equal(mm->locked, 4);
	fake_limits.locked = 0;
	assert_int_equal(mm_mlock(mm, WINDOW + 6 * PAGE_SIZE, PAGE_SIZE, false), -EPERM);
	assert_int_equal(mm_mlockall(mm, both), -EPERM);
	fake_capabilities = 1ul << CAP_IPC_LOCK;
	assert_int_equal(mm_mlockall(mm, both), 0);
	assert_int_equal(map_fixed(WINDOW + 20 * PAGE_SIZE, 20, RW), WINDOW + 20 * PAGE_SIZE);
	assert_int_equal(mm->locked, 24);
	fake_capabilities = ~0ul;
}

// ---- the same on Linux ----

struct page {
	char kind; // 0: nothing; 'p'rivate or 's'hared
	char prot;
};

static void pages_here(struct page pages[PAGES])
{
	memset(pages, 0, PAGES * sizeof(pages[0]));
	for (struct vma *vma = vma_first(mm); vma; vma = vma_next(vma))
		for (uintptr_t at = vma->start; at < vma->end; at += PAGE_SIZE)
			if (at - WINDOW < PAGES * PAGE_SIZE)
				pages[(at - WINDOW) / PAGE_SIZE] =
					(struct page){vma->flags & VMA_SHARED ? 's' : 'p',
						      vma->flags & VMA_PROTECTION};
}

// From the first lines of /proc/self/maps: the window lies below everything else.
static void pages_there(struct page pages[PAGES])
{
	static char text[16384];
	int file = open("/proc/self/maps", O_RDONLY);
	uintptr_t start, end;
	ssize_t size = 0, part;
	char r, w, x, kind;

	while ((part = read(file, text + size, sizeof(text) - 1 - size)) > 0)
		size += part;
	close(file);
	text[size > 0 ? size : 0] = '\0';
	memset(pages, 0, PAGES * sizeof(pages[0]));
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lx-%lx %c%c%c%c", &start, &end, &r, &w, &x, &kind) != 6)
			break;
		for (; start < end && start - WINDOW < PAGES * PAGE_SIZE; start += PAGE_SIZE)
			pages[(start - WINDOW) / PAGE_SIZE] = (struct page){
				kind, (r == 'r') * PROT_READ | (w == 'w') * PROT_WRITE |
					      (x == 'x') * PROT_EXEC};
	}
}

struct call {
	enum { CALL_MMAP, CALL_MUNMAP, CALL_MPROTECT } which;
	uintptr_t address;
	size_t size;
	int prot, flags;
};

static size_t random_size(uintptr_t address)
{
	uintptr_t left = WINDOW + PAGES * PAGE_SIZE - address;

	switch (fake_random(16)) {
	case 0:
		return 0;
	case 1:
		return ~fake_random(3 * PAGE_SIZE);
	case 2:
		return (1ul << 57) + fake_random(PAGE_SIZE);
	default:
		return 1 +
		       fake_random(fake_random(2) && left > 9 * PAGE_SIZE ? 9 * PAGE_SIZE : left);
	}
}

// Mostly calls that make sense, always in the window; sometimes ones that do not.
static struct call random_call(void)
{
	static const int types[] = {MAP_SHARED, MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE};
	static const int places[] = {MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0};
	struct call call = {.which = fake_random(3)};

	call.address = WINDOW + fake_random(PAGES) * PAGE_SIZE;
	call.size = random_size(call.address);
	if (fake_random(16) == 0)
		call.address += fake_random(PAGE_SIZE);
	call.prot = fake_random(3) ? RW : (int)fake_random(8);
	if (fake_random(32) == 0 && call.which == CALL_MPROTECT)
		call.prot = 1 << fake_random(26);
	call.flags =
		MAP_ANONYMOUS | MAP_NORESERVE | types[fake_random(4)] | places[fake_random(4)];
	if (fake_random(32) == 0)
		call.flags = (call.flags & ~MAP_TYPE) | fake_random(4);
	return call;
}

static long call_here(const struct call *call)
{
	if (call->which == CALL_MMAP)
		return map_anon(call->address, call->size, call->prot, call->flags);
	if (call->which == CALL_MUNMAP)
		return mm_munmap(mm, call->address, call->size);
	return mm_mprotect(mm, call->address, call->size, call->prot);
}

static long call_there(const struct call *call)
{
	static const long numbers[] = {SYS_mmap, SYS_munmap, SYS_mprotect};
	long result = call->which == CALL_MMAP ? syscall(SYS_mmap, call->address, call->size,
							 call->prot, call->flags, -1, 0)
					       : syscall(numbers[call->which], call->address,
							 call->size, call->prot);

	return result == -1 ? -errno : result;
}

static bool in_window(long address)
{
	return (unsigned long)address - WINDOW < PAGES * PAGE_SIZE;
}

// A mapping that found its own place is at another one there: only that it succeeded counts.
static void compare_results(unsigned step, const struct call *call, long here, long there)
{
	if (call->which == CALL_MMAP && here > 0 && there > 0 && !in_window(here) &&
	    !in_window(there)) {
		assert_int_equal(mm_munmap(mm, here, call->size), 0);
		assert_int_equal(syscall(SYS_munmap, there, call->size), 0);
	} else if (here != there) {
		fail_msg("step %u, call %d of %#lx, %#lx, %#x, %#x: %ld (%#lx), on Linux %ld "
			 "(%#lx)",
			 step, call->which, call->address, call->size, call->prot, call->flags,
			 here, here, there, there);
	}
}

static void compare_pages(unsigned step)
{
	struct page here[PAGES], there[PAGES];

	pages_here(here);
	pages_there(there);
	for (unsigned i = 0; i < PAGES; i++)
		if (here[i].kind != there[i].kind || here[i].prot != there[i].prot)
			fail_msg("step %u: page %u is %c %d, on Linux %c %d", step, i,
				 here[i].kind ?: '-', here[i].prot, there[i].kind ?: '-',
				 there[i].prot);
}

// Neighbours that nothing tells apart are one.
static void assert_merged(void)
{
	struct vma *next;

	for (struct vma *vma = vma_first(mm); vma && (next = vma_next(vma)); vma = next)
		assert_false(vma->end == next->start && vma->flags == next->flags &&
			     vma->object == next->object && vma->anon == next->anon);
}

static void random_calls_as_on_linux(void **state)
{
	(void)state;
	fake_seed();
	for (unsigned step = 0; step < 3000; step++) {
		struct call call = random_call();

		compare_results(step, &call, call_here(&call), call_there(&call));
		compare_pages(step);
		assert_merged();
		if (step % 100 == 0)
			assert_audit();
	}
	syscall(SYS_munmap, WINDOW, PAGES * PAGE_SIZE);
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(8192);
	return 0;
}

#define SPACE_TEST(name) cmocka_unit_test_setup_teardown(name, new_space, end_space)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPACE_TEST(errors_of_mmap),          SPACE_TEST(errors_of_munmap_and_mprotect),
		SPACE_TEST(mappings_of_files),       SPACE_TEST(stacks_change_from_their_start),
		SPACE_TEST(limits_on_address_space), SPACE_TEST(limits_on_data),
		SPACE_TEST(limits_on_locks),         SPACE_TEST(random_calls_as_on_linux),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
