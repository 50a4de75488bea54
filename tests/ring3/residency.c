// SPDX-License-Identifier: MIT
//
// mincore and msync to their edges: which error comes first, how much of a vector is written when
// the rest can not be, what counts as being in memory, and every combination of msync's flags over
// holes and locked parts.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mman.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED  (MAP_SHARED | MAP_ANONYMOUS)
#define UNSET   0xaa
#define TOP     0x7ffffffff000ul // where addresses for programs end

static char *const area = (char *)0x510000000000;   // nothing is near it
static char *const vector = (char *)0x520000000000; // nor near this

static char *map_at(char *where, size_t pages, int prot, int flags, int file)
{
	return mmap(where, pages * PAGE, prot, flags | MAP_FIXED, file, 0);
}

static char *map(size_t pages, int prot, int flags)
{
	return map_at(area, pages, prot, flags, -1);
}

static void unmap(size_t pages)
{
	munmap(area, pages * PAGE);
}

static long look(uintptr_t start, size_t length, uintptr_t to)
{
	return syscall(SYS_mincore, start, length, to);
}

// ---- mincore: arguments ----
static void arguments(void)
{
	uintptr_t here = (uintptr_t)map(4, RW, PRIVATE);
	uintptr_t there = (uintptr_t)map_at(vector, 1, RW, PRIVATE, -1);

	show("nothing", look(here, 0, there));
	show("nothing, to nowhere", look(here, 0, 0));
	show("nothing, to the kernel", look(here, 0, -PAGE));
	show("nothing, of no page", look(here + 1, 0, there));
	show("nothing, of a hole", look(here + 8 * PAGE, 0, there));
	show("nothing, of the kernel", look(-PAGE, 0, there));
	show("no page", look(here + 1, PAGE, there));
	show("no page, to the kernel", look(here + 1, PAGE, -PAGE));
	show("a hole", look(here + 4 * PAGE, PAGE, there));
	show("a hole, to nowhere", look(here + 4 * PAGE, PAGE, 0));
	show("a hole, to the kernel", look(here + 4 * PAGE, PAGE, -PAGE));
	show("to nowhere", look(here, PAGE, 0));
	show("to the kernel", look(here, PAGE, -PAGE));
	show("the kernel", look(-PAGE, PAGE, there));
	show("the kernel, to the kernel", look(-PAGE, PAGE, -PAGE));
	show("more than all", look(here, -PAGE, there));
	show("more than all, to the kernel", look(here, -PAGE, -PAGE));
	show("as much as there is", look(here, SIZE_MAX, there));
	show("at the top, nothing", look(TOP, 0, there));
	show("at the top, one", look(TOP, 1, there));
	show("above the top, nothing", look(TOP + PAGE, 0, there));
	show("up to the top", look(TOP - 64 * PAGE, 64 * PAGE, there));
	show("up to the top, by much", look(here, TOP - here, there));
	show("beyond the top", look(here, TOP - here + 1, there));
	show("a vector up to the top", look(here, 4 * PAGE, TOP - 4));
	show("a vector beyond it", look(here, 4 * PAGE, TOP - 3));
	unmap(4);
	munmap(vector, PAGE);
}

static void show_vector(const char *name, long result, const char *bytes, size_t count)
{
	int error = errno;

	printf("# %s: %s:", name, result ? strerror(error) : "good");
	for (size_t i = 0; i < count; i++)
		printf((unsigned char)bytes[i] == UNSET ? " -" : " %d", bytes[i]);
	printf("\n");
	fflush(stdout);
}

// ---- mincore: vectors of which only a part can be written ----
static void vectors(void)
{
	char *end = vector + PAGE;

	map(12, RW, PRIVATE);
	map_at(vector, 1, RW, PRIVATE, -1);
	for (int i = 0; i < 12; i += 2)
		area[i * PAGE] = 1;
	memset(vector, UNSET, PAGE);
	show_vector("a part of a page", mincore(area, 3 * PAGE + 1, (unsigned char *)end - 8),
		    end - 8, 8);
	memset(vector, UNSET, PAGE);
	show_vector("the end of it beyond the vector",
		    mincore(area, 12 * PAGE, (unsigned char *)end - 5), end - 8, 8);
	mprotect(area + 3 * PAGE, PAGE, PROT_READ);
	memset(vector, UNSET, PAGE);
	show_vector("in pieces", mincore(area, 12 * PAGE, (unsigned char *)end - 5), end - 8, 8);
	memset(vector, UNSET, PAGE);
	show_vector("where the pieces meet", mincore(area, 5 * PAGE, (unsigned char *)end - 4),
		    end - 8, 8);
	munmap(area + 3 * PAGE, PAGE);
	memset(vector, UNSET, PAGE);
	show_vector("up to a hole", mincore(area, 12 * PAGE, (unsigned char *)end - 8), end - 8,
		    8);
	memset(vector, UNSET, PAGE);
	show_vector("a hole, and no room", mincore(area, 12 * PAGE, (unsigned char *)end - 3),
		    end - 8, 8);
	memset(vector, UNSET, PAGE);
	show_vector("no room before the hole", mincore(area, 12 * PAGE, (unsigned char *)end - 2),
		    end - 8, 8);
	unmap(12);
	munmap(vector, PAGE);
}

static void long_vectors(void)
{
	char *end = vector + 2 * PAGE;

	map(5000, RW, PRIVATE);
	madvise(area, 5000 * PAGE, MADV_NOHUGEPAGE); // or Linux may bring in more than is touched
	map_at(vector, 2, RW, PRIVATE, -1);
	area[4095 * PAGE] = area[4096 * PAGE] = area[4999 * PAGE] = 1;
	memset(vector, UNSET, 2 * PAGE);
	show("many", mincore(area, 5000 * PAGE, (unsigned char *)vector));
	show_vector("around the 4096th", 0, vector + 4092, 8);
	show_vector("the last", 0, vector + 4996, 8);
	memset(vector, UNSET, 2 * PAGE);
	show_vector("more than there is room for",
		    mincore(area, 5000 * PAGE, (unsigned char *)end - 4100), end - 8, 8);
	mprotect(vector, PAGE, PROT_READ);
	memset(vector + PAGE, UNSET, PAGE);
	show_vector("to what can only be read",
		    mincore(area, 8 * PAGE, (unsigned char *)vector + PAGE - 4), vector + PAGE, 8);
	map_at(vector, 1, RW, PRIVATE, -1);
	show_vector("into the area itself", mincore(area, 8 * PAGE, (unsigned char *)area), area,
		    8);
	show_vector("once it is there", mincore(area, 8 * PAGE, (unsigned char *)vector), vector,
		    8);
	unmap(5000);
	munmap(vector, 2 * PAGE);
}

// ---- mincore: states of pages ----
static void show_pages(const char *name, size_t count)
{
	unsigned char in[16];

	memset(in, UNSET, sizeof(in));
	show_vector(name, mincore(area, count * PAGE, in), (const char *)in, count);
}

static int show_in_child(void)
{
	show_pages("in a child", 6);
	return 0;
}

static void touch_some(void)
{
	volatile char *pages = area;

	pages[0] = 1;
	(void)pages[PAGE];
	pages[3 * PAGE] = 1;
}

static void states_of(const char *name, int prot, int flags, int file)
{
	printf("# %s\n", name);
	map_at(area, 6, prot, flags, file);
	show_pages("untouched", 6);
	touch_some();
	show_pages("written, read, written", 6);
	in_child(show_in_child);
	mprotect(area, 6 * PAGE, PROT_NONE);
	show_pages("without access", 6);
	mprotect(area, 6 * PAGE, prot);
	show("MADV_DONTNEED", madvise(area, 4 * PAGE, MADV_DONTNEED));
	show_pages("after it", 6);
	area[5 * PAGE] = 1;
	if (flags & MAP_SHARED)
		show("MADV_REMOVE", madvise(area + 5 * PAGE, PAGE, MADV_REMOVE));
	show_pages("after that", 6);
	area[2 * PAGE] = 1;
	show_pointer("moved away",
		     mremap(area + 2 * PAGE, PAGE, PAGE,
			    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, vector));
	show_pages("what stays", 6);
	show_pointer("moved back",
		     mremap(vector, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + 2 * PAGE));
	show_pages("and back again", 6);
	unmap(6);
}

static void states(void)
{
	int file = memfd_create("file", 0), zero = open("/dev/zero", O_RDWR);

	states_of("private", RW, PRIVATE, -1);
	states_of("shared", RW, SHARED, -1);
	states_of("private zeros", RW, MAP_PRIVATE, zero);
	states_of("shared zeros", RW, MAP_SHARED, zero);
	if (ftruncate(file, 5 * PAGE) || pwrite(file, "b", 1, PAGE) != 1 ||
	    fallocate(file, 0, 4 * PAGE, PAGE))
		check(false, "a file");
	map_at(area, 6, RW, MAP_PRIVATE, file);
	show_pages("a file, one page of six written", 6);
	touch_some();
	show_pages("others touched", 6);
	show("MADV_POPULATE_READ", madvise(area + 4 * PAGE, PAGE, MADV_POPULATE_READ));
	show_pages("one allocated ahead", 6);
	if (ftruncate(file, 2 * PAGE))
		check(false, "ftruncate");
	show_pages("the file is shorter", 6);
	if (ftruncate(file, 6 * PAGE))
		check(false, "ftruncate");
	show_pages("longer again", 6);
	unmap(6);
	close(file);
	close(zero);
}

// ---- msync ----
static const char *short_error(long result)
{
	if (result == 0)
		return "0";
	return errno == EINVAL   ? "INVAL"
	       : errno == ENOMEM ? "NOMEM"
	       : errno == EBUSY  ? "BUSY"
				 : strerror(errno);
}

static void sync_all(const char *name, uintptr_t start, size_t length)
{
	printf("# %s:", name);
	for (int flags = 0; flags <= 8; flags++)
		printf(" %s", short_error(syscall(SYS_msync, start, length, flags)));
	printf("\n");
	fflush(stdout);
}

// Pages 0 to 3 are of a file, 4 is a hole, 5 is private and locked, 6 shared, 7 a hole.
static void syncing(void)
{
	int file = memfd_create("file", 0);
	uintptr_t at = (uintptr_t)area;

	if (ftruncate(file, 2 * PAGE))
		check(false, "ftruncate");
	map_at(area, 4, RW, MAP_SHARED, file);
	map_at(area + 5 * PAGE, 1, RW, PRIVATE, -1);
	map_at(area + 6 * PAGE, 1, RW, SHARED, -1);
	mlock(area + 5 * PAGE, PAGE);
	sync_all("nothing", at, 0);
	sync_all("nothing of no page", at + 1, 0);
	sync_all("nothing of a hole", at + 4 * PAGE, 0);
	sync_all("no page", at + 1, PAGE);
	sync_all("a file", at, 2 * PAGE);
	sync_all("beyond its end", at + 3 * PAGE, 1);
	sync_all("a hole", at + 4 * PAGE, PAGE);
	sync_all("up to a hole", at, 4 * PAGE + 1);
	sync_all("over a hole", at, 6 * PAGE);
	sync_all("a byte less", at, 5 * PAGE);
	sync_all("from a hole", at + 4 * PAGE, 2 * PAGE);
	sync_all("locked", at + 5 * PAGE, PAGE);
	sync_all("locked, then another", at + 5 * PAGE, 2 * PAGE);
	sync_all("the other", at + 6 * PAGE, PAGE);
	sync_all("the other, then a hole", at + 6 * PAGE, 2 * PAGE);
	sync_all("locked, then a hole", at + 5 * PAGE, 4 * PAGE);
	sync_all("all, and holes", at, 8 * PAGE);
	sync_all("up to the top", at, TOP - at);
	sync_all("beyond the top", at, TOP - at + 16 * PAGE);
	sync_all("to the end of addresses", at, -at - PAGE);
	sync_all("all addresses", at, -at);
	sync_all("more than all", at, -PAGE);
	sync_all("so many that they are none", at, SIZE_MAX);
	sync_all("the kernel", -2 * PAGE, PAGE);
	sync_all("nowhere", 0, PAGE);
	show("a large flag", msync(area, PAGE, 1 << 30));
	show("all flags", msync(area, PAGE, -1));
	mlock(area + PAGE, PAGE);
	sync_all("around what is locked", at, PAGE);
	sync_all("with it", at, 3 * PAGE);
	sync_all("after it", at + 2 * PAGE, PAGE);
	syscall(SYS_mlock2, at + 2 * PAGE, PAGE, MLOCK_ONFAULT);
	sync_all("locked on fault", at + 2 * PAGE, PAGE);
	munlock(area, 4 * PAGE);
	sync_all("locked no more", at, 4 * PAGE);
	unmap(8);
	close(file);
}

int main(void)
{
	arguments();
	vectors();
	long_vectors();
	states();
	syncing();
	return tap_end();
}
