// SPDX-License-Identifier: MIT
//
// mlock and its relatives to their edges: what is locked and what is there after each call, calls
// that end half-way, locks met by mremap, mprotect, fork and exec, and MCL_FUTURE met by all that
// makes memory. (memory_limits.c has what RLIMIT_MEMLOCK allows.)
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mman.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED  (MAP_SHARED | MAP_ANONYMOUS)
#define PAGES   16 // of the area that is looked at

static char *const area = (char *)0x510000000000; // nothing is near it
static char text[1 << 16];

static long lock2(char *start, size_t length, int flags)
{
	return syscall(SYS_mlock2, start, length, flags);
}

static char *map_at(char *where, size_t pages, int prot, int flags, int file)
{
	return mmap(where, pages * PAGE, prot, flags | MAP_FIXED, file, 0);
}

static char *map(size_t pages, int prot, int flags)
{
	return map_at(area, pages, prot, flags, -1);
}

static void clear(void)
{
	munmap(area, 64 * PAGE);
}

static const char *read_text(const char *path)
{
	int file = open(path, O_RDONLY);
	ssize_t length, all = 0;

	while ((length = read(file, text + all, sizeof(text) - 1 - (size_t)all)) > 0)
		all += length;
	close(file);
	text[all] = '\0';
	return text;
}

// A number of kB behind a name, in pages.
static long pages_behind(const char *where, const char *name)
{
	const char *at = strstr(where, name);

	return at ? strtol(at + strlen(name), NULL, 10) / 4 : -1;
}

static long locked(void)
{
	return pages_behind(read_text("/proc/self/status"), "VmLck:");
}

// One VMA of the area, as smaps has it: its pages, how many are there and how many of them locked.
static void show_vma(const char *entry, uintptr_t start, uintptr_t end)
{
	const char *flags = strstr(entry, "VmFlags:"), *line = strchr(flags, '\n');
	const char *mark = strstr(flags, " lo");

	printf(" [%ld-%ld %ld/%ld%s]", (long)(start - (uintptr_t)area) / PAGE,
	       (long)(end - (uintptr_t)area) / PAGE, pages_behind(entry, "\nLocked:"),
	       pages_behind(entry, "\nRss:"), mark && mark < line ? " lo" : "");
}

static void show_vmas(const char *name)
{
	const char *entry = read_text("/proc/self/smaps");
	uintptr_t start, end;

	printf("# %s:", name);
	while (sscanf(entry, "%lx-%lx", &start, &end) == 2) {
		if (start >= (uintptr_t)area && start < (uintptr_t)area + 64 * PAGE)
			show_vma(entry, start, end);
		entry = strchr(strstr(entry, "VmFlags:"), '\n') + 1;
	}
}

// What is locked of all else, in pages; how much that is depends on the environment.
static long elsewhere;

static void show_area(const char *name)
{
	show_vmas(name);
	printf(" VmLck %ld\n", locked() - elsewhere);
	fflush(stdout);
}

// ---- parts of ranges ----
static void parts(void)
{
	map(10, RW, PRIVATE);
	show("mlock of two", mlock(area + 2 * PAGE, 2 * PAGE));
	show_area("two");
	show("on fault, of three", lock2(area + 3 * PAGE, 3 * PAGE, MLOCK_ONFAULT));
	show_area("and three");
	show("mlock of all", mlock(area, 10 * PAGE));
	show_area("all");
	show("on fault, of the last", lock2(area + 9 * PAGE, PAGE, MLOCK_ONFAULT));
	show("munlock of the middle", munlock(area + 4 * PAGE, 2 * PAGE));
	show_area("without the middle");
	show("munlock of what is not locked", munlock(area + 4 * PAGE, PAGE));
	show("munlock of all", munlock(area, 10 * PAGE));
	show_area("none");
	show("the ends of two", mlock(area + PAGE - 1, 2));
	show("no byte of no page", mlock(area + 5 * PAGE, 0));
	show("no byte of a page", mlock(area + 7 * PAGE + 1, 0));
	show_area("two pages and one");
	show("no byte", munlock(area + 7 * PAGE + 1, 0));
	show_area("two pages");
	clear();
}

static void wrong(void)
{
	map(10, RW, PRIVATE);
	munmap(area + 4 * PAGE, PAGE);
	show("over a hole", mlock(area + 2 * PAGE, 5 * PAGE));
	show_area("up to the hole");
	show("from a hole", mlock(area + 4 * PAGE, 3 * PAGE));
	show("a hole", mlock(area + 4 * PAGE, PAGE));
	show("no byte of a hole", mlock(area + 4 * PAGE, 0));
	show("no byte in a hole", mlock(area + 4 * PAGE + 1, 0));
	show("up to one byte too far", mlock(area + 5 * PAGE, 5 * PAGE + 1));
	show_area("the rest too");
	show("munlock over the hole", munlock(area, 10 * PAGE));
	show_area("up to the hole, no more");
	show("munlock from the hole", munlock(area + 4 * PAGE, 3 * PAGE));
	show("munlock behind it", munlock(area + 5 * PAGE, PAGE));
	show_area("a page less");
	show("as many as there are", mlock(area, SIZE_MAX));
	show("the same, from a byte", mlock(area + 1, SIZE_MAX));
	show("the same, less a page", mlock(area, -PAGE));
	show("munlock", munlock(area, -PAGE));
	show("munlock", munlock(area, SIZE_MAX));
	show("the kernel", mlock((void *)-PAGE, PAGE));
	show("the kernel's last byte", mlock((void *)-1, 1));
	show("the kernel, munlock", munlock((void *)(-2 * PAGE), PAGE));
	show("nowhere", mlock(NULL, 1));
	show("the top", mlock((void *)0x7ffffffff000, 1));
	show("flags", lock2(area, PAGE, 2));
	show("flags", lock2(area, PAGE, MLOCK_ONFAULT | 2));
	show("flags", lock2(area, 0, -1));
	show("flags of a hole", lock2(area + 4 * PAGE, PAGE, 4));
	show("on fault, a hole", lock2(area + 4 * PAGE, PAGE, MLOCK_ONFAULT));
	show_area("as before");
	clear();
}

// ---- what is brought in ----
static void accesses(void)
{
	map(4, PROT_NONE, PRIVATE);
	show("without access", mlock(area, 2 * PAGE));
	show_area("without access");
	show("to read", mprotect(area, PAGE, PROT_READ));
	show_area("one to read");
	show("to write", mprotect(area + PAGE, PAGE, RW));
	show_area("another to write");
	show("both to write", mprotect(area, 4 * PAGE, RW));
	show_area("all to write");
	clear();
	map(4, PROT_READ, PRIVATE);
	show("to read", mlock(area, 2 * PAGE));
	show("to read, on fault", lock2(area + 2 * PAGE, 2 * PAGE, MLOCK_ONFAULT));
	show_area("to read");
	show("to write", mprotect(area, 4 * PAGE, RW));
	show_area("to write");
	show("no more", mprotect(area, 4 * PAGE, PROT_NONE));
	show_area("without access");
	clear();
	map(4, RW, PRIVATE | MAP_LOCKED);
	show("MADV_DONTNEED", madvise(area, PAGE, MADV_DONTNEED));
	show("MADV_FREE", madvise(area, PAGE, MADV_FREE));
	show("MADV_COLD", madvise(area, PAGE, MADV_COLD));
	show("MADV_PAGEOUT", madvise(area, PAGE, MADV_PAGEOUT));
	show("MADV_WILLNEED", madvise(area, PAGE, MADV_WILLNEED));
	show("MADV_DONTNEED_LOCKED", madvise(area, 2 * PAGE, MADV_DONTNEED_LOCKED));
	show_area("two less");
	show("again", mlock(area, 4 * PAGE));
	show_area("and back");
	clear();
}

static void files(void)
{
	int file = memfd_create("file", 0);
	struct stat status;

	if (ftruncate(file, 4 * PAGE) || pwrite(file, "a", 1, 0) != 1)
		check(false, "a file");
	map_at(area, 3, RW, MAP_PRIVATE, file);
	show("private", mlock(area, 2 * PAGE));
	if (pwrite(file, "b", 1, 0) != 1 || pwrite(file, "b", 1, 2 * PAGE) != 1)
		check(false, "pwrite");
	printf("# its own: %d %d\n", area[0] == 'a', area[2 * PAGE] == 'b');
	show_area("private");
	clear();
	map_at(area, 3, PROT_READ, MAP_PRIVATE, file);
	show("private, to read", mlock(area, 2 * PAGE));
	if (pwrite(file, "c", 1, 0) != 1)
		check(false, "pwrite");
	check(area[0] == 'c', "the file's");
	clear();
	fstat(file, &status);
	show("blocks", status.st_blocks);
	map_at(area, 6, RW, MAP_SHARED, file);
	show("shared", mlock(area, 4 * PAGE));
	fstat(file, &status);
	show("blocks", status.st_blocks);
	show("beyond the end", mlock(area + 3 * PAGE, 2 * PAGE));
	show("beyond the end, on fault", lock2(area + 5 * PAGE, PAGE, MLOCK_ONFAULT));
	show("MADV_REMOVE", madvise(area, PAGE, MADV_REMOVE));
	show_area("shared");
	clear();
	show_pointer("MAP_LOCKED", map_at(area, 6, RW, MAP_SHARED | MAP_LOCKED, file));
	show_area("MAP_LOCKED");
	if (ftruncate(file, 2 * PAGE))
		check(false, "ftruncate");
	show_area("a shorter file");
	clear();
	show_pointer("without access", map_at(area, 2, PROT_NONE, MAP_SHARED | MAP_LOCKED, file));
	show_area("without access");
	clear();
	close(file);
}

// ---- mremap ----
static void moving(int flags)
{
	char *there = area + 32 * PAGE;

	map(8, RW, PRIVATE);
	lock2(area, 4 * PAGE, flags);
	show_pointer("grown from four", mremap(area, 4 * PAGE, 5 * PAGE, 0));
	show_pointer("shorter by two of eight", mremap(area, 8 * PAGE, 6 * PAGE, 0));
	show_area("cut");
	lock2(area, 6 * PAGE, flags);
	show_pointer("grown by two", mremap(area, 6 * PAGE, 8 * PAGE, 0));
	show_area("grown");
	area[0] = area[PAGE] = 1;
	show_pointer("moved",
		     mremap(area, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there));
	show_area("two moved and one more");
	clear();
	map(4, RW, SHARED);
	lock2(area, 4 * PAGE, flags);
	show_pointer("a second mapping",
		     mremap(area, 0, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there));
	show_area("twice");
	show("remap_file_pages", syscall(SYS_remap_file_pages, area, 2 * PAGE, 0, 2, 0));
	show_area("exchanged");
	clear();
}

// Linux goes on counting as locked what stays behind, though it is not; here it is not counted.
static int kept(void)
{
	char *there = area + 32 * PAGE;

	map(6, RW, PRIVATE | MAP_LOCKED);
	lock2(area + 4 * PAGE, PAGE, MLOCK_ONFAULT);
	munlock(area + 5 * PAGE, PAGE);
	for (int i = 3; i <= 5; i++)
		show_pointer("moved and kept",
			     mremap(area + i * PAGE, PAGE, PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
				    there + 2 * i * PAGE));
	show_vmas("moved and kept");
	printf("\n");
	fflush(stdout);
	return 0;
}

// ---- limits, for who is held to them ----
static int lower_limit(size_t pages, size_t bytes)
{
	struct rlimit now;

	getrlimit(RLIMIT_MEMLOCK, &now);
	now.rlim_cur = pages * PAGE + bytes;
	return setrlimit(RLIMIT_MEMLOCK, &now);
}

// What is locked already need not be in the limit again, but what is replaced must.
static int limits(void)
{
	int id = shmget(IPC_PRIVATE, 3 * PAGE, 0666);
	char *there = area + 32 * PAGE;

	lower_limit(8, 4095);
	if (setuid(400000 + (uid_t)getpid()))
		return 1;
	map(20, RW, PRIVATE);
	show("a hole, beyond the limit", mlock(area + 12 * PAGE, 9 * PAGE));
	show("more than all, beyond it", mlock(area, -PAGE));
	show("six", mlock(area, 6 * PAGE));
	show("across the end of them", mlock(area + 4 * PAGE, 5 * PAGE));
	show("so that they are eight", mlock(area + 4 * PAGE, 4 * PAGE));
	show("as many as there are", mlock(area, SIZE_MAX));
	show_pointer("in their place, nine", map(9, RW, PRIVATE | MAP_LOCKED));
	show_pointer("in their place, one", map(1, RW, PRIVATE | MAP_LOCKED));
	show_area("as it was");
	show_pointer("in their place, unlocked", map(1, RW, PRIVATE));
	show_pointer("grown by two", mremap(area + PAGE, 7 * PAGE, 9 * PAGE, MREMAP_MAYMOVE));
	show_pointer("grown by one and moved", mremap(area + PAGE, 7 * PAGE, 8 * PAGE,
						      MREMAP_MAYMOVE | MREMAP_FIXED, there));
	show_pointer("moved only", mremap(there, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					  there + 16 * PAGE));
	show_area("moved");
	lower_limit(4, 0);
	show("some of it again", mlock(there + 16 * PAGE, 2 * PAGE));
	show("some of it, on fault", lock2(there + 16 * PAGE, 2 * PAGE, MLOCK_ONFAULT));
	show("four less", munlock(there + 16 * PAGE, 4 * PAGE));
	show("the others again", mlock(there + 20 * PAGE, 4 * PAGE));
	show("the others and one", mlock(there + 19 * PAGE, 5 * PAGE));
	show_area("four");
	show("all there is", mlockall(MCL_CURRENT));
	show("all there is, on fault", mlockall(MCL_CURRENT | MCL_ONFAULT));
	show("what is to come", mlockall(MCL_FUTURE));
	show_pointer("one to come", map_at(there, 1, RW, PRIVATE, -1));
	show_pointer("shmat", shmat(id, area + 56 * PAGE, 0));
	munlock(there + 16 * PAGE, 8 * PAGE);
	show_pointer("five to come", map_at(there, 5, RW, PRIVATE, -1));
	show_pointer("four to come", map_at(there, 4, RW, PRIVATE, -1));
	show_pointer("a replacement", map_at(there, 4, RW, PRIVATE, -1));
	show_pointer("another", map_at(there + PAGE, 1, PROT_NONE, PRIVATE, -1));
	check(syscall(SYS_brk, (char *)sbrk(0) + PAGE) == (long)sbrk(0), "brk is refused");
	show_area("four");
	lower_limit(0, 4095);
	show("mlock of nothing below a page", mlock(area, 0));
	show("mlock of a page", mlock(area, 1));
	munlockall();
	show_area("none");
	shmctl(id, IPC_RMID, NULL);
	return 0;
}

// ---- processes ----
static int child(void)
{
	show_area("a child");
	map(2, RW, PRIVATE);
	show_area("what it maps");
	return 0;
}

static void processes(void)
{
	map(6, RW, PRIVATE);
	mlock(area, 2 * PAGE);
	mlockall(MCL_FUTURE);
	show_status("fork", in_child(child));
	show_area("the parent");
	if (fork() == 0) {
		execl("/proc/self/exe", "program", "child", NULL);
		_exit(1);
	}
	wait(NULL);
	munlockall();
	clear();
}

// ---- what is to come ----
static long present(char *start, size_t pages)
{
	unsigned char in[64];
	long count = 0;

	if (mincore(start, pages * PAGE, in))
		return -1;
	for (size_t i = 0; i < pages; i++)
		count += in[i] & 1;
	return count;
}

static void heap_to_come(void)
{
	long end = syscall(SYS_brk, 0), before = locked();
	char *start = (char *)((end + PAGE - 1) & -PAGE);

	syscall(SYS_brk, start + 8 * PAGE);
	show("the heap", present(start, 8));
	show("locked", locked() - before);
	syscall(SYS_brk, start + 3 * PAGE);
	show("locked of less", locked() - before);
	syscall(SYS_brk, end);
	show("locked of none", locked() - before);
}

static void to_come(const char *name, int flags)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600), file = memfd_create("file", 0);

	printf("# -- %s\n", name);
	map(4, RW, PRIVATE);
	show("mlockall", mlockall(flags));
	if (flags & MCL_CURRENT)
		elsewhere = locked() - 4;
	show_area("what was before");
	map_at(area + 4 * PAGE, 2, RW, PRIVATE, -1);
	map_at(area + 8 * PAGE, 2, PROT_NONE, PRIVATE, -1);
	map_at(area + 11 * PAGE, 2, RW, SHARED, -1);
	map_at(area + 14 * PAGE, 2, RW, PRIVATE | MAP_POPULATE, -1);
	map_at(area + 17 * PAGE, 2, RW, PRIVATE | MAP_LOCKED, -1);
	show("a file", ftruncate(file, PAGE));
	map_at(area + 20 * PAGE, 2, RW, MAP_PRIVATE, file);
	map_at(area + 23 * PAGE, 2, PROT_READ, PRIVATE, -1);
	show("shmat", shmat(id, area + 26 * PAGE, 0) == area + 26 * PAGE);
	show_area("mapped since");
	show_pointer("the old one grows", mremap(area, 2 * PAGE, 3 * PAGE,
						 MREMAP_MAYMOVE | MREMAP_FIXED, area + 40 * PAGE));
	show_area("grown");
	show("mprotect", mprotect(area + 8 * PAGE, PAGE, RW));
	show_area("writable");
	heap_to_come();
	show("munlockall", munlockall());
	elsewhere = 0;
	show_area("unlocked");
	map_at(area + 50 * PAGE, 1, RW, PRIVATE, -1);
	show_area("no longer to come");
	clear();
	shmctl(id, IPC_RMID, NULL);
	close(file);
}

static void all(void)
{
	map(4, RW, PRIVATE);
	map_at(area + 8 * PAGE, 2, PROT_NONE, PRIVATE, -1);
	show("on fault", mlockall(MCL_CURRENT | MCL_ONFAULT));
	elsewhere = locked() - 6;
	check(elsewhere > 50, "everything else is locked too");
	show_area("on fault");
	show("all", mlockall(MCL_CURRENT));
	show_area("all");
	show("to come", mlockall(MCL_FUTURE));
	show_area("still all");
	show("all, and no longer to come", mlockall(MCL_CURRENT | MCL_ONFAULT));
	map_at(area + 12 * PAGE, 2, RW, PRIVATE, -1);
	show_area("and one that is not");
	munlockall();
	elsewhere = 0;
	show("nothing", mlockall(0));
	show("only on fault", mlockall(MCL_ONFAULT));
	show("unknown", mlockall(8));
	show("all flags and more", mlockall(15));
	show("everything", mlockall(-1));
	show_area("none");
	clear();
}

int main(int count, char **arguments)
{
	(void)arguments;
	if (count > 1)
		return child();
	parts();
	wrong();
	accesses();
	files();
	moving(0);
	moving(MLOCK_ONFAULT);
	show_status("kept", in_child(kept));
	show_status("limits", in_child(limits));
	processes();
	to_come("future", MCL_FUTURE);
	to_come("future, on fault", MCL_FUTURE | MCL_ONFAULT);
	to_come("all", MCL_CURRENT | MCL_FUTURE);
	all();
	return tap_end();
}
