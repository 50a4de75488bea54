// SPDX-License-Identifier: MIT
//
// As many mappings as vm.max_map_count allows: what still works with one too many, with just
// enough, and with one, two, ... to spare, and which error the rest gives.
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define ROOM    64 // pages for the calls to be tried on

static char *fillers; // pages in turn readable and writable, from here down
static size_t filled;
static char *room;
static void *heap;

static char *map(char *at, size_t pages, int prot)
{
	return mmap(at, pages * PAGE, prot, PRIVATE | (at ? MAP_FIXED : 0), -1, 0);
}

// One more mapping; false: there may be no more.
static bool fill(void)
{
	char *page = mmap(fillers - filled * PAGE, PAGE, filled % 2 ? RW : PROT_READ,
			  PRIVATE | MAP_FIXED_NOREPLACE, -1, 0);

	filled += page != MAP_FAILED;
	return page != MAP_FAILED;
}

static void fill_all(void)
{
	while (fill())
		continue;
}

static void spare(size_t count)
{
	while (count-- > 0)
		munmap(fillers - --filled * PAGE, PAGE);
}

// One mapping of 8 pages with nothing around it, as the calls want it.
static void prepare(void)
{
	spare(1);
	munmap(room, ROOM * PAGE);
	map(room + 16 * PAGE, 8, RW);
	// It counts for the one that was spared, or for one that was there before.
	fill_all();
}

#define AT(page)      (room + (16 + (page)) * PAGE)
#define SHOW(call)    show(#call, call)
#define POINTER(call) show_pointer(#call, call)

// The place is the system's choice, and free again for what is to come.
static void move_anywhere(void)
{
	char *moved = mremap(AT(0), 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);

	show_pointer("a part grows and moves", moved);
	if (moved != MAP_FAILED)
		munmap(moved, 3 * PAGE);
}

static void calls(size_t to_spare)
{
	printf("# ---- %zu to spare\n", to_spare);
#define TRY(show)                \
	do {                     \
		prepare();       \
		spare(to_spare); \
		show;            \
	} while (0)
	TRY(POINTER(map(AT(20), 1, PROT_READ)));
	TRY(POINTER(map(AT(8), 1, RW)));
	TRY(POINTER(map(AT(0), 8, RW)));
	TRY(POINTER(map(AT(0), 8, PROT_READ)));
	TRY(POINTER(map(AT(3), 1, PROT_READ)));
	TRY(SHOW(munmap(AT(3), PAGE)));
	TRY(SHOW(munmap(AT(0), PAGE)));
	TRY(SHOW(munmap(AT(7), PAGE)));
	TRY(SHOW(mprotect(AT(3), PAGE, PROT_READ)));
	TRY(SHOW(mprotect(AT(0), PAGE, PROT_READ)));
	TRY(SHOW(mprotect(AT(7), PAGE, PROT_READ)));
	TRY(SHOW(mprotect(AT(0), 8 * PAGE, PROT_READ)));
	TRY(SHOW(mprotect(AT(3), PAGE, RW)));
	TRY(SHOW(madvise(AT(3), PAGE, MADV_DONTFORK)));
	TRY(SHOW(madvise(AT(0), PAGE, MADV_WIPEONFORK)));
	TRY(SHOW(madvise(AT(3), PAGE, MADV_DONTNEED)));
	TRY(SHOW(mlock(AT(3), PAGE)));
	TRY(SHOW(mlock(AT(0), PAGE)));
	TRY(SHOW(mlock(AT(0), 8 * PAGE)));
	TRY(POINTER(mremap(AT(0), 8 * PAGE, 9 * PAGE, 0)));
	TRY(POINTER(mremap(AT(0), 8 * PAGE, 4 * PAGE, 0)));
	TRY(POINTER(mremap(AT(2), 4 * PAGE, 2 * PAGE, 0)));
	TRY(move_anywhere());
	TRY(POINTER(mremap(AT(0), 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(10))));
	TRY(POINTER(mremap(AT(2), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(10))));
	TRY(POINTER(mremap(AT(2), 2 * PAGE, 2 * PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, AT(10))));
	TRY(SHOW(syscall(SYS_brk, (char *)heap + PAGE) == (long)heap));
	syscall(SYS_brk, heap);
	fflush(stdout);
}

// A neighbour that the changed part can go over to needs no mapping of its own.
static void over_to_a_neighbour(void)
{
	prepare();
	spare(1);
	map(AT(8), 4, PROT_READ);
	fill_all();
	SHOW(mprotect(AT(6), 2 * PAGE, PROT_READ));
	SHOW(mprotect(AT(3), PAGE, PROT_READ));
	SHOW(mprotect(AT(6), 6 * PAGE, RW));
	SHOW(mprotect(AT(2), 10 * PAGE, PROT_READ));
	SHOW(munmap(AT(8), 4 * PAGE));
}

static int child(void)
{
	char *more = mmap(NULL, PAGE, PROT_NONE, PRIVATE, -1, 0);

	return more == MAP_FAILED ? 3 : 4;
}

static char *reserve(size_t size)
{
	return mmap(NULL, size, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
}

int main(void)
{
	const size_t size = 64ul << 30;
	char *low = reserve(size);

	if (!check(low != MAP_FAILED, "room for all of them"))
		return tap_end();
	munmap(low, size);
	room = low;
	fillers = low + size - PAGE;
	// A heap, so that brk extends a mapping that is there.
	heap = (char *)syscall(SYS_brk, 0) + PAGE;
	heap = (void *)syscall(SYS_brk, heap);
	fill();
	map(AT(0), 1, RW);
	fill_all();
	check(errno == ENOMEM, "there may be no more");
	check(filled > 60000, "there are many");
	for (size_t to_spare = 0; to_spare < 9; to_spare++)
		calls(to_spare);
	over_to_a_neighbour();
	show_status("a child has as many", in_child(child));
	check(munmap(low, size) == 0, "all go at once");
	return tap_end();
}
