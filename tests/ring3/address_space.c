// SPDX-License-Identifier: MIT
//
// All of ring 3's 47 bits: mappings at both ends, hints, terabytes that are reserved, and calls on
// ranges in which next to nothing is. What a call does in such a range must not depend on how long
// it is: these would take hours.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define GIB     (1ul << 30)
#define TIB     (1ul << 40)
#define END     0x7ffffffff000ul // one past ring 3's last byte

static long try_map(uintptr_t at, size_t size, int prot, int flags)
{
	return syscall(SYS_mmap, at, size, prot, PRIVATE | flags, -1, 0);
}

static void show_map(const char *name, uintptr_t at, size_t size, int flags)
{
	long result = try_map(at, size, PROT_NONE, flags);

	show(name, result == -1 ? -1 : (uintptr_t)result == at ? 1 : 0);
	if (result != -1)
		munmap((void *)result, size);
}

// On a stack of its own: the usual one may be what it replaces.
static int at_the_end(void *unused)
{
	volatile char *last = (char *)END - PAGE;

	(void)unused;
	if (try_map(END - PAGE, PAGE, RW, MAP_FIXED) != (long)last)
		return 1;
	last[0] = 1;
	last[PAGE - 1] = 2;
	show("read back", last[0] + last[PAGE - 1]);
	show("mprotect to the end", mprotect((char *)last, PAGE, PROT_READ));
	show("mprotect beyond it", mprotect((char *)last, 2 * PAGE, PROT_READ));
	show("madvise to the end", madvise((char *)last, PAGE, MADV_DONTNEED));
	show("madvise beyond it", madvise((char *)last, 2 * PAGE, MADV_DONTNEED));
	show("mlock to the end", mlock((char *)last, PAGE));
	show("mlock beyond it", mlock((char *)last, 2 * PAGE));
	show("msync beyond it", msync((char *)last, 2 * PAGE, MS_SYNC));
	show("mremap beyond it", syscall(SYS_mremap, last, PAGE, 2 * PAGE, 0, 0));
	show("munmap beyond it", munmap((char *)last, 2 * PAGE));
	show("munmap", munmap((char *)last, PAGE));
	show("munmap behind it", munmap((char *)END, PAGE));
	return 0;
}

static int at_the_start(void)
{
	volatile int *zero = (int *)(uintptr_t)0;

	__asm__("" : "+r"(zero));
	// root may, with CAP_SYS_RAWIO.
	show("map page 0", try_map(0, PAGE, RW, MAP_FIXED));
	*zero = 5;
	show("read back", *zero);
	show("move it", syscall(SYS_mremap, 0, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, PAGE));
	if (setuid(65534))
		return 1;
	show("munmap", munmap((void *)PAGE, PAGE));
	show("as nobody", try_map(0, PAGE, RW, MAP_FIXED));
	show("as nobody, without replacing", try_map(0, PAGE, RW, MAP_FIXED_NOREPLACE));
	return 0;
}

static void both_ends(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status = -1;

	waitpid(clone(at_the_end, stack + sizeof(stack), SIGCHLD, NULL), &status, 0);
	show_status("the end", status);
	show_status("the start", in_child(at_the_start));
	show_map("fixed across the end", END - PAGE, 2 * PAGE, MAP_FIXED);
	show_map("fixed at the end", END, PAGE, MAP_FIXED);
	show_map("fixed behind it", 1ul << 47, PAGE, MAP_FIXED);
	show_map("fixed, all of it", 0, END, MAP_FIXED_NOREPLACE);
	show_map("fixed, more than all", PAGE, END, MAP_FIXED);
}

static void hints(void)
{
	uintptr_t place = 0x123456789000ul;

	show_map("a free place", place, PAGE, 0);
	show_map("a free place, terabytes", place, 2 * TIB, 0);
	show_map("the end", END, PAGE, 0);
	show_map("across the end", END - PAGE, 2 * PAGE, 0);
	show_map("behind it", 1ul << 47, PAGE, 0);
	show_map("the kernel's", 0xffff800000000000ul, PAGE, 0);
	show_map("all of it", PAGE, END, 0);
	show_map("an uneven one", place + 1, PAGE, 0);
	show("what that becomes", try_map(place + 1, PAGE, RW, 0) == (long)place);
	show_map("a taken one", place, PAGE, 0);
	show_map("around a taken one", place - PAGE, 3 * PAGE, 0);
	show_map("right below", place - PAGE, PAGE, 0);
	show_map("right above", place + PAGE, PAGE, 0);
	munmap((void *)place, PAGE);
}

static char *reserve(size_t size, int prot)
{
	char *area = (char *)try_map(0, size, prot, MAP_NORESERVE);

	return (intptr_t)area == -1 ? NULL : area;
}

// Touches a few pages, far from each other.
static void touch(char *area, size_t size)
{
	for (int i = 0; i < 5; i++)
		area[size / 5 * i / PAGE * PAGE] = (char)(i + 1);
	area[size - 1] = 99;
}

static void show_touched(const char *name, const char *area, size_t size)
{
	printf("# %s:", name);
	for (int i = 0; i < 5; i++)
		printf(" %d", area[size / 5 * i / PAGE * PAGE]);
	printf(" %d\n", area[size - 1]);
	fflush(stdout);
}

static size_t forked_size;
static char *forked;

static int look(void)
{
	show_touched("in a child", forked, forked_size);
	forked[0] = 77;
	return munmap(forked, forked_size);
}

static void of_size(size_t size)
{
	char *area = reserve(size, RW), *moved;

	if (!check(area != NULL, "reserved"))
		return;
	touch(area, size);
	show("mprotect", mprotect(area, size, PROT_READ));
	show("mprotect", mprotect(area, size, RW));
	show("mprotect of the middle", mprotect(area + size / 4, size / 2, PROT_NONE));
	show("mprotect", mprotect(area, size, RW));
	show_touched("touched", area, size);
	forked = area;
	forked_size = size;
	show_status("a child", in_child(look));
	moved = mremap(area, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, area - size / 8 * 9);
	check(moved == area - size / 8 * 9, "moved");
	show_touched("there", moved, size);
	show("madvise of the middle", madvise(moved + PAGE, size - 2 * PAGE, MADV_DONTNEED));
	show_touched("the ends", moved, size);
	show("msync", msync(moved, size, MS_ASYNC));
	show("MADV_DONTFORK", madvise(moved, size, MADV_DONTFORK));
	show("mremap to half", syscall(SYS_mremap, moved, size, size / 2, 0) == (long)moved);
	show("munmap of a hole", munmap(moved + size / 8, size / 8));
	show("munmap of all", munmap(moved, size));
}

static void looking(void)
{
	const size_t size = 16 * GIB;
	unsigned char *in = malloc(size / PAGE);
	char *area = reserve(size, RW);
	size_t count = 0;

	touch(area, size);
	show("mincore", mincore(area, size, in));
	for (size_t i = 0; i < size / PAGE; i++)
		count += in[i] & 1;
	show("resident", (long)count);
	munmap(area + size / 2, PAGE);
	show("mincore with a hole", mincore(area, size, in));
	munmap(area, size);
	free(in);
}

static void locking(void)
{
	char *area = reserve(TIB, RW);

	area[TIB / 2] = 1;
	show("mlockall on fault", mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	show("munlockall", munlockall());
	munmap(area, TIB);
}

int main(void)
{
	size_t kept = 0;

	both_ends();
	hints();
	of_size(TIB);
	of_size(20 * TIB);
	looking();
	locking();
	while (kept < 126 && reserve(TIB, PROT_NONE))
		kept++;
	show("terabytes of nothing", (long)kept);
	check(!reserve(100 * TIB, PROT_NONE), "a hundred more do not fit");
	return tap_end();
}
