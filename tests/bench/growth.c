// SPDX-License-Identifier: MIT
//
// How the cost of memory operations grows with what a process has: with the number of its VMAs,
// and with the memory it has touched. In guest instructions, as tests/bench/bench.c counts them.
//
//	growth vmas N        N VMAs, one page each, holes between them
//	growth resident N    N MiB of touched memory in one VMA
//
// prints lines NAME MEDIAN MAXIMUM, the maximum to show an operation that is dear now and then.
// Operations whose name ends in "-each" are divided by N (pages, for resident): they handle all of
// it and should cost the same for each.

#define _GNU_SOURCE // MREMAP_*
#include "tests/bench/bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RW     (PROT_READ | PROT_WRITE)
#define TIMES  64
#define STRIDE 4ul // pages from one VMA to the next: three of it a VMA, then a hole
#define SPAN   3ul

static uint64_t taken[SAMPLES];
static unsigned count;

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void note(uint64_t since, uint64_t until)
{
	if (count < SAMPLES)
		taken[count++] = until - since;
}

static void tell(const char *name, uint64_t units)
{
	qsort(taken, count, sizeof(taken[0]), by_size);
	printf("%s %lu %lu\n", name, taken[count / 2] / units, taken[count - 1] / units);
	count = 0;
}

// What is asked of a call must happen, or its cost means nothing.
static long must(long result, const char *what)
{
	if (result < 0 && result > -4096) {
		printf("%s: error %ld\n", what, -result);
		exit(1);
	}
	return result;
}

#define TIMED(statement)                \
	do {                            \
		uint64_t since = now(); \
		statement;              \
		note(since, now());     \
	} while (0)

static long map(char *at, uint64_t pages, int prot, int flags)
{
	return must(call6(SYS_mmap, (long)at, (long)(pages * PAGE), prot,
			  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0),
		    "mmap");
}

static long unmap(char *at, uint64_t pages)
{
	return must(call(SYS_munmap, (long)at, (long)(pages * PAGE), 0, 0), "munmap");
}

static long protect(char *at, uint64_t pages, int prot)
{
	return must(call(SYS_mprotect, (long)at, (long)(pages * PAGE), prot, 0), "mprotect");
}

static long advise(char *at, uint64_t pages, int advice)
{
	return must(call(SYS_madvise, (long)at, (long)(pages * PAGE), advice, 0), "madvise");
}

// A small generator: the same places at every run.
static uint64_t any(uint64_t below)
{
	static uint64_t state = 88172645463325252ul;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void fork_once(const char *name, uint64_t units)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t since = now();
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		note(since, now());
	}
	tell(name, units);
}

// What is the same wherever it is done.
static void anywhere(void)
{
	long page = 0, heap = must(call(SYS_brk, 0, 0, 0, 0), "brk");

	for (unsigned i = 0; i < TIMES; i++)
		TIMED(page = map(NULL, 1, RW, 0); unmap((char *)page, 1));
	tell("mmap-munmap", 1);
	for (unsigned i = 0; i < TIMES; i++)
		TIMED(page = map(NULL, 262144, PROT_NONE, 0); unmap((char *)page, 262144));
	tell("mmap-munmap-1GiB", 1);
	for (unsigned i = 0; i < TIMES; i++)
		TIMED(call(SYS_brk, heap + (i % 2 ? 0 : PAGE), 0, 0, 0));
	tell("brk", 1);
}

// At a VMA somewhere among many.
static void among_many(char *area, uint64_t vmas)
{
	unsigned char in[SPAN];

#define SOMEWHERE (area + any(vmas) * STRIDE * PAGE)
#define REPEAT(name, statement)                        \
	do {                                           \
		for (unsigned i = 0; i < TIMES; i++) { \
			char *at = SOMEWHERE;          \
                                                       \
			TIMED(statement);              \
		}                                      \
		tell(name, 1);                         \
	} while (0)
	REPEAT("fault", write_to(at + PAGE); advise(at + PAGE, 1, MADV_DONTNEED));
	REPEAT("split-merge", protect(at + PAGE, 1, PROT_READ); protect(at + PAGE, 1, RW));
	REPEAT("hole-fill", unmap(at + PAGE, 1); map(at + PAGE, 1, RW, MAP_FIXED));
	REPEAT("mremap", must(call6(SYS_mremap, (long)at, SPAN * PAGE, (SPAN + 1) * PAGE, 0, 0, 0),
			      "mremap");
	       must(call6(SYS_mremap, (long)at, (SPAN + 1) * PAGE, SPAN * PAGE, 0, 0, 0),
		    "mremap"));
	REPEAT("mincore", must(call(SYS_mincore, (long)at, SPAN * PAGE, (long)in, 0), "mincore"));
	REPEAT("mlock", must(call(SYS_mlock2, (long)at, SPAN * PAGE, MLOCK_ONFAULT, 0), "mlock2");
	       must(call(SYS_munlock, (long)at, SPAN * PAGE, 0, 0), "munlock"));
}

// In pieces, each of which begins in the midst of a mapping's line.
static void read_maps(void)
{
	static char piece[1000];
	int maps = open("/proc/self/maps", O_RDONLY);
	long taken_in;

	must(maps, "maps");
	do
		taken_in = must(call(SYS_read, maps, (long)piece, sizeof(piece), 0), "read");
	while (taken_in);
	close(maps);
}

// What goes over all of them, and over the holes between them, which it reports.
static void over_all(char *area, uint64_t pages, uint64_t number)
{
	TIMED(read_maps());
	tell("maps-each", number);
	TIMED(call(SYS_madvise, (long)area, (long)(pages * PAGE), MADV_DONTNEED, 0));
	tell("madvise-each", number);
	TIMED(call(SYS_msync, (long)area, (long)(pages * PAGE), MS_SYNC, 0));
	tell("msync-each", number);
	TIMED(must(call(SYS_mlockall, MCL_CURRENT | MCL_ONFAULT, 0, 0, 0), "mlockall"));
	tell("mlockall-each", number);
	TIMED(must(call(SYS_munlockall, 0, 0, 0, 0), "munlockall"));
	tell("munlockall-each", number);
}

static void vmas(uint64_t number)
{
	uint64_t pages = number * STRIDE + 1, since;
	char *area = (char *)map(NULL, pages, PROT_NONE, MAP_NORESERVE);

	unmap(area, pages);
	since = now();
	for (uint64_t i = 0; i < number; i++)
		map(area + i * STRIDE * PAGE, SPAN, RW, MAP_FIXED);
	note(since, now());
	tell("mmap-each", number);
	anywhere();
	among_many(area, number);
	fork_once("fork-each", number);
	over_all(area, pages, number);
	TIMED(protect(area, SPAN, PROT_READ));
	tell("mprotect", 1);
	TIMED(unmap(area, pages));
	tell("munmap-each", number);
}

static void resident(uint64_t mebibytes)
{
	uint64_t pages = mebibytes * 256, since;
	char *area = (char *)map(NULL, 2 * pages, PROT_NONE, MAP_NORESERVE),
	     *moved = area + pages * PAGE;

	unmap(moved, pages);
	protect(area, pages, RW);
	since = now();
	for (uint64_t i = 0; i < pages; i++)
		write_to(area + i * PAGE);
	note(since, now());
	tell("fault-each", pages);
	anywhere();
	for (unsigned i = 0; i < TIMES; i++) {
		char *at = area + any(pages) * PAGE;

		TIMED(advise(at, 1, MADV_DONTNEED); write_to(at));
	}
	tell("fault", 1);
	for (unsigned i = 0; i < TIMES; i++) {
		char *at = area + (1 + any(pages - 2)) * PAGE;

		TIMED(protect(at, 1, PROT_READ); protect(at, 1, RW));
	}
	tell("split-merge", 1);
	fork_once("fork-each", pages);
	TIMED(protect(area, pages, PROT_READ));
	tell("mprotect-each", pages);
	TIMED(protect(area, pages, RW));
	count = 0;
	TIMED(must(call6(SYS_mremap, (long)area, (long)(pages * PAGE), (long)(pages * PAGE),
			 MREMAP_MAYMOVE | MREMAP_FIXED, (long)moved, 0),
		   "mremap"));
	tell("mremap-each", pages / 256);
	TIMED(advise(moved, pages / 2, MADV_DONTNEED));
	tell("madvise-each", pages / 2);
	TIMED(unmap(moved + pages / 2 * PAGE, pages / 2));
	tell("munmap-each", pages / 2);
}

int main(int argc, char **argv)
{
	uint64_t number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (!number)
		return 2;
	if (strcmp(argv[1], "vmas") == 0)
		vmas(number);
	else
		resident(number);
	return 0;
}
