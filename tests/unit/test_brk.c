// SPDX-License-Identifier: MIT
//
// brk as Linux has it: random moves of the heap's end, with mappings put in its way and pieces cut
// out of it, here and in the process that runs this test (whose sanitizer's malloc does without
// brk). Results and mappings must be the same, page by page.

#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mm/vma_tree.h"
#include "tests/unit/fake_machine.h"

#define PAGES 48 // of the window that starts with the heap

static struct mm *mm;
static uintptr_t heap;

// Where this process's heap starts: field 47 of /proc/self/stat. 0: not known.
static uintptr_t start_of_heap(void)
{
	FILE *file = fopen("/proc/self/stat", "r");
	static char line[2048];
	char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;

	if (file)
		fclose(file);
	for (unsigned field = 2; at && field < 47; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoul(at, NULL, 10) : 0;
}

static uintptr_t brk_there(uintptr_t address)
{
	return syscall(SYS_brk, address);
}

static void pages_here(bool mapped[PAGES])
{
	memset(mapped, 0, PAGES);
	for (struct vma *vma = vma_first(mm); vma; vma = vma_next(vma))
		for (uintptr_t at = vma->start; at < vma->end; at += PAGE_SIZE)
			if (at - heap < PAGES * PAGE_SIZE)
				mapped[(at - heap) / PAGE_SIZE] = true;
}

static void pages_there(bool mapped[PAGES])
{
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned char resident;

		mapped[i] = syscall(SYS_mincore, heap + i * PAGE_SIZE, PAGE_SIZE, &resident) == 0;
	}
}

static void compare(unsigned step, uintptr_t here, uintptr_t there)
{
	bool pages[PAGES], wanted[PAGES];

	if (here != there)
		fail_msg("step %u: %ld, on Linux %ld, from the heap's start", step,
			 (long)(here - heap), (long)(there - heap));
	pages_here(pages);
	pages_there(wanted);
	for (unsigned i = 0; i < PAGES; i++)
		if (pages[i] != wanted[i])
			fail_msg("step %u: page %u of the heap is %smapped", step, i,
				 pages[i] ? "" : "not ");
}

static uintptr_t random_end(void)
{
	switch (fake_random(20)) {
	case 0:
		return fake_random(heap);
	case 1:
		return ~fake_random(3 * PAGE_SIZE);
	case 2:
		return USER_END + PAGE_SIZE - fake_random(4 * PAGE_SIZE);
	default:
		return heap + fake_random(fake_random(2) ? PAGES * PAGE_SIZE : 8 * PAGE_SIZE);
	}
}

static void random_step(unsigned step)
{
	uintptr_t at = heap + fake_random(PAGES - 4) * PAGE_SIZE;
	size_t size = (1 + fake_random(4)) * PAGE_SIZE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	unsigned choice = fake_random(12);

	if (choice == 0) {
		compare(step, mm_mmap(mm, at, size, PROT_READ, flags, NULL, 0, false),
			syscall(SYS_mmap, at, size, PROT_READ, flags, -1, 0));
	} else if (choice <= 2) {
		compare(step, mm_munmap(mm, at, size), syscall(SYS_munmap, at, size));
	} else {
		at = random_end();
		compare(step, mm_brk(mm, at), brk_there(at));
	}
}

static void random_moves_as_on_linux(void **state)
{
	struct utsname system;

	(void)state;
	heap = start_of_heap();
	// Before 6.1 a heap shrank also where nothing of it was mapped.
	if (uname(&system) || strverscmp(system.release, "6.1") < 0 || !heap ||
	    brk_there(0) != heap)
		skip();
	fake_seed();
	for (unsigned round = 0; round < 20; round++) {
		mm = mm_create();
		mm->brk_start = mm->brk = heap;
		// There, too, something lies above.
		mm_mmap(mm, heap + (1ul << 30), PAGE_SIZE, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false);
		for (unsigned step = 0; step < 150; step++)
			random_step(step);
		assert_audit();
		mm_put(mm);
		syscall(SYS_munmap, heap, (PAGES + 4) * PAGE_SIZE);
		// Shrinking needs something there to unmap.
		if (brk_there(0) != heap) {
			syscall(SYS_mmap, heap, PAGE_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			brk_there(heap);
			syscall(SYS_munmap, heap, PAGE_SIZE);
		}
		assert_int_equal(brk_there(0), heap);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_moves_as_on_linux)};

	return cmocka_run_group_tests(tests, start, NULL);
}
