// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: madvise, msync, mincore.

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <linux/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

static void advise_range(struct range range, int advice)
{
	say_range(&range);
	say(" advice=%d", advice);
	say_result(syscall(SYS_madvise, range.start, range.size, advice));
}

static void dont_need(void)
{
	advise_range(random_range(), MADV_DONTNEED);
}

// Locked memory too.
static void dont_need_locked(void)
{
	advise_range(random_range(), MADV_DONTNEED_LOCKED);
}

static void free_lazily(void)
{
	advise_range(random_range(), MADV_FREE);
}

// Not MADV_PAGEOUT: what goes depends on whether there is swap.
static void about_paging(void)
{
	advise_range(random_range(), chance(2) ? MADV_WILLNEED : MADV_COLD);
}

static void huge(void)
{
	// What is aligned and large enough could really become a huge page.
	int advice = chance(2) && window_pages < 512 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;

	advise_range(random_range(), advice);
}

static void about_fork(void)
{
	advise_range(random_range(), chance(2) ? MADV_DONTFORK : MADV_DOFORK);
}

static void wipe_at_fork(void)
{
	advise_range(random_range(), chance(3) ? MADV_WIPEONFORK : MADV_KEEPONFORK);
}

static void populate(void)
{
	advise_range(random_range(), chance(2) ? MADV_POPULATE_READ : MADV_POPULATE_WRITE);
}

static void about_order(void)
{
	static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL};

	advise_range(random_range(), advices[chance(3)]);
}

static void about_dump(void)
{
	advise_range(random_range(), chance(2) ? MADV_DONTDUMP : MADV_DODUMP);
}

static void remove_pages(void)
{
	advise_range(random_range(), MADV_REMOVE);
}

static void wrong_advice(void)
{
	static const int advices[] = {MADV_DONTNEED,
				      MADV_NORMAL,
				      MADV_POPULATE_READ,
				      MADV_FREE,
				      MADV_DONTFORK,
				      5,
				      77,
				      -1};

	struct range range = chance(3) ? wrong_range() : random_range();

	// The program's own memory is not to be advised about.
	if (range.start + range.size > window + window_pages * PAGE)
		range.size = -PAGE;
	advise_range(range, advices[chance(8)]);
}

static void synchronise(void)
{
	struct range range = chance(3) ? random_range() : wrong_range();
	int flags = chance(9);

	say_range(&range);
	say(" flags=%d", flags);
	say_result(syscall(SYS_msync, range.start, range.size, flags));
}

static unsigned char vector[MOST_PAGES + 1];

// Which pages of a file are in memory is each kernel's own affair.
static void in_core(void)
{
	struct range range = random_range();
	unsigned first = (range.start - window) / PAGE, count = range.size / PAGE;
	long result;

	memset(vector, 7, sizeof(vector));
	say_range(&range);
	result = syscall(SYS_mincore, range.start, range.size, vector);
	say_result(result);
	say(" ");
	look_at_mappings();
	for (unsigned i = 0; i <= count; i++)
		say("%c", i < count && pages[first + i].kind == KIND_FILE ? 'f' : '0' + vector[i]);
}

static void in_core_wrong(void)
{
	struct range range = chance(2) ? wrong_range() : random_range();
	unsigned char *vectors[] = {vector, NULL, (unsigned char *)window,
				    (unsigned char *)0xffff800000000000,
				    (unsigned char *)0x7fffffffffff};

	if (range.size > window_pages * PAGE && (long)range.size > 0)
		range.size = window_pages * PAGE;
	say_range(&range);
	say_result(syscall(SYS_mincore, range.start, range.size, vectors[chance(5)]));
}

const struct operation advise_operations[] = {
	{"dontneed", dont_need, 40},
	{"dontneed-locked", dont_need_locked, 5},
	{"free", free_lazily, 12},
	{"willneed-cold", about_paging, 10},
	{"hugepage", huge, 8},
	{"dontfork", about_fork, 15},
	{"wipeonfork", wipe_at_fork, 12},
	{"populate-advice", populate, 15},
	{"access-order", about_order, 10},
	{"dontdump", about_dump, 6},
	{"remove", remove_pages, 8},
	{"advice-wrong", wrong_advice, 25},
	{"msync", synchronise, 20},
	{"mincore", in_core, 30},
	{"mincore-wrong", in_core_wrong, 12},
	{},
};
