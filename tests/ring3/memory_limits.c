// SPDX-License-Identifier: MIT
//
// RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK and RLIMIT_MEMLOCK: who is held to them, at which call, and
// with which error. As root and as a user without capabilities.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define FUTURE  MCL_FUTURE

// Each run has a user of its own: what users lock is counted on Linux as well, and two runs on one
// machine would take each other's.
static uid_t nobody;

static char *map(size_t pages, int prot, int flags)
{
	return mmap(NULL, pages * PAGE, prot, flags, -1, 0);
}

static void limit(int resource, rlim_t soft)
{
	struct rlimit now;

	getrlimit(resource, &now);
	now.rlim_cur = soft;
	if (setrlimit(resource, &now))
		perror("setrlimit");
}

// A number of /proc/self/status, in pages.
static long status(const char *name)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t length = read(fd, text, sizeof(text) - 1);
	char *line;

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, name);
	return line ? strtol(line + strlen(name) + 1, NULL, 10) / 4 : -1;
}

static void show_locked(const char *name)
{
	show(name, status("VmLck"));
}

// ---- locks ----
static void locks(void)
{
	char *area = map(32, RW, PRIVATE), *other;

	show("mlock of the limit", mlock(area, 16 * PAGE));
	show("one more", mlock(area + 16 * PAGE, PAGE));
	show("what is locked already", mlock(area, 16 * PAGE));
	show("that and one more", mlock(area, 17 * PAGE));
	show("part of it, and as many", mlock(area + 8 * PAGE, 16 * PAGE));
	show_locked("locked");
	show("mlock2 on fault", syscall(SYS_mlock2, area + 20 * PAGE, PAGE, MLOCK_ONFAULT));
	show("more than all", mlock(area, -PAGE));
	show("nothing", mlock(area, 0));
	show("mlockall", mlockall(MCL_CURRENT));
	show_pointer("MAP_LOCKED", map(1, RW, PRIVATE | MAP_LOCKED));
	show("munlock", munlock(area, 4 * PAGE));
	other = map(4, RW, PRIVATE | MAP_LOCKED);
	show_pointer("MAP_LOCKED for what was unlocked", other);
	show_pointer("mremap of it", mremap(other, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE));
	show("munmap of some", munmap(other, 2 * PAGE));
	show_pointer("mremap of the rest",
		     mremap(other + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	show("munlock of all", munlock(area, 32 * PAGE));
	show_locked("locked");
}

static void locks_to_come(void)
{
	void *end = sbrk(0);
	char *area;

	show("mlockall of what is to come", mlockall(FUTURE));
	show_pointer("mmap of more", map(17, RW, PRIVATE));
	area = map(10, RW, PRIVATE);
	show_pointer("mmap", area);
	show_locked("locked");
	show("brk", syscall(SYS_brk, (char *)end + 8 * PAGE) == (long)end);
	show("munmap", munmap(area, 10 * PAGE));
	show("mlockall of what is to come, on fault", mlockall(FUTURE | MCL_ONFAULT));
	area = map(10, RW, PRIVATE | MAP_POPULATE);
	show_locked("locked");
	area[0] = 1;
	show("MADV_DONTNEED", madvise(area, PAGE, MADV_DONTNEED));
	show("munlockall", munlockall());
	show_locked("locked");
	show_pointer("mmap of more", map(17, RW, PRIVATE));
	show("on fault only", mlockall(MCL_ONFAULT));
}

// What mlock brings in, and what it does not.
static void show_resident(const char *name, char *area)
{
	unsigned char in[4];

	mincore(area, 4 * PAGE, in);
	printf("# %s: %d%d%d%d\n", name, in[0] & 1, in[1] & 1, in[2] & 1, in[3] & 1);
	fflush(stdout);
}

static void brought_in(void)
{
	char *area = map(4, RW, PRIVATE);

	mlock(area, PAGE);
	show_resident("mlock of one", area);
	syscall(SYS_mlock2, area, 3 * PAGE, MLOCK_ONFAULT);
	show_resident("on fault of three", area);
	mlock(area + PAGE, PAGE);
	show_resident("mlock of the second", area);
	munlock(area, 4 * PAGE);
	area = map(4, RW, PRIVATE | MAP_LOCKED | MAP_NONBLOCK);
	show_resident("MAP_LOCKED and MAP_NONBLOCK", area);
	munmap(area, 4 * PAGE);
	area = map(2, RW, PRIVATE | MAP_LOCKED);
	area = mremap(area, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	show_resident("a locked one grown", area);
	munmap(area, 4 * PAGE);
}

static int without_limit(void)
{
	char *area = map(4, RW, PRIVATE);

	limit(RLIMIT_MEMLOCK, 0);
	show("mlock", mlock(area, PAGE));
	show("mlock of nothing", mlock(area, 0));
	show("mlock2", syscall(SYS_mlock2, area, PAGE, 0));
	show("mlock2 with wrong flags", syscall(SYS_mlock2, area, PAGE, 2));
	show("munlock", munlock(area, PAGE));
	show("mlockall", mlockall(MCL_CURRENT));
	show("mlockall of nothing", mlockall(0));
	show("munlockall", munlockall());
	// The C library makes another error of this one.
	show("MAP_LOCKED",
	     syscall(SYS_mmap, 0, PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0) < 0 ? -1 : 0);
	show_pointer("MAP_LOCKED of nothing", map(0, RW, PRIVATE | MAP_LOCKED));
	return 0;
}

static int as_root(void)
{
	limit(RLIMIT_MEMLOCK, 16 * PAGE + 100);
	locks();
	locks_to_come();
	brought_in();
	return without_limit();
}

static int as_nobody(void)
{
	limit(RLIMIT_MEMLOCK, 16 * PAGE + 100);
	show("setuid", setuid(nobody));
	locks();
	locks_to_come();
	brought_in();
	return without_limit();
}

// RLIMIT_MEMLOCK counts a user's segments of shared memory apart from a process's memory.
static int segments(void)
{
	int three, two;

	limit(RLIMIT_MEMLOCK, 4 * PAGE + 100);
	setuid(nobody);
	three = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	two = shmget(IPC_PRIVATE, PAGE + 1, 0600);
	show("lock three", shmctl(three, SHM_LOCK, NULL));
	show("again", shmctl(three, SHM_LOCK, NULL));
	show("lock two", shmctl(two, SHM_LOCK, NULL));
	show("unlock three", shmctl(three, SHM_UNLOCK, NULL));
	show("lock two", shmctl(two, SHM_LOCK, NULL));
	show("lock three", shmctl(three, SHM_LOCK, NULL));
	show("unlock two", shmctl(two, SHM_UNLOCK, NULL));
	show("lock three", shmctl(three, SHM_LOCK, NULL));
	limit(RLIMIT_MEMLOCK, 0);
	show("lock two", shmctl(two, SHM_LOCK, NULL));
	show("unlock three", shmctl(three, SHM_UNLOCK, NULL));
	shmctl(three, IPC_RMID, NULL);
	shmctl(two, IPC_RMID, NULL);
	return 0;
}

// ---- sizes ----
static int space(void)
{
	long used = status("VmSize");
	char *area = map(30, PROT_NONE, PRIVATE);

	// Nothing behind it, or what is there may be Linux's own.
	munmap(area + 20 * PAGE, 10 * PAGE);
	limit(RLIMIT_AS, (used + 20 + 10) * PAGE);
	show_pointer("11 pages", map(11, PROT_NONE, PRIVATE));
	show_pointer("10 pages", map(10, PROT_NONE, PRIVATE));
	show_pointer("1 page", map(1, PROT_NONE, PRIVATE | MAP_SHARED));
	show_pointer("20 in the place of others",
		     mmap(area, 20 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
	show_pointer("21", mmap(area, 21 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
	show_pointer("mremap", mremap(area, 20 * PAGE, 21 * PAGE, MREMAP_MAYMOVE));
	show_pointer("mremap that keeps the old",
		     mremap(area, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	show("mprotect", mprotect(area, 20 * PAGE, PROT_READ));
	check(syscall(SYS_brk, (char *)sbrk(0) + PAGE) == (long)sbrk(0), "brk is refused");
	munmap(area, PAGE);
	show_pointer("what was given back", map(1, RW, PRIVATE));
	return 0;
}

static int data(void)
{
	char *area = map(20, PROT_READ, PRIVATE), *shared;

	limit(RLIMIT_DATA, (status("VmData") + 10) * PAGE);
	show_pointer("11 pages", map(11, RW, PRIVATE));
	show_pointer("11 to read", map(11, PROT_READ, PRIVATE));
	shared = map(11, RW, MAP_SHARED | MAP_ANONYMOUS);
	show_pointer("11 to share", shared);
	show("11 become writable", mprotect(area, 11 * PAGE, RW));
	show("10 become writable", mprotect(area, 10 * PAGE, RW));
	show("and executable", mprotect(area, 10 * PAGE, RW | PROT_EXEC));
	show_pointer("mremap", mremap(area, 10 * PAGE, 11 * PAGE, MREMAP_MAYMOVE));
	show_pointer("mremap of what is shared",
		     mremap(shared, 11 * PAGE, 11 * PAGE, MREMAP_MAYMOVE));
	show("no longer writable", mprotect(area, 5 * PAGE, PROT_READ));
	show_pointer("5 pages", map(5, RW, PRIVATE));
	show_pointer("1 page", map(1, RW, PRIVATE));
	return 0;
}

// With a soft limit of 0 the hard one counts for mappings, but not for brk.
static int no_data(void)
{
	void *end = sbrk(0);

	limit(RLIMIT_DATA, 0);
	show_pointer("1 page", map(1, RW, PRIVATE));
	check(syscall(SYS_brk, (char *)end + 1) == (long)end, "brk is refused");
	return 0;
}

// The program's own data counts with the heap.
static volatile char program_data[64 * PAGE] = {1};

static int heap(void)
{
	char *end = sbrk(0), *start = end;

	program_data[1] = 2;
	limit(RLIMIT_DATA, 256 * PAGE);
	while (syscall(SYS_brk, end + PAGE) == (long)(end + PAGE))
		end += PAGE;
	check(end - start < 256 * PAGE - 64 * PAGE, "less than the limit by the program's data");
	check(end - start > 256 * PAGE - 64 * PAGE - 64 * PAGE, "but not much");
	return 0;
}

static __attribute__((noinline)) void descend(int depth)
{
	volatile char frame[PAGE];

	frame[0] = (char)depth;
	if (depth > 0)
		descend(depth - 1);
	frame[1] = frame[0];
}

static int deep(void)
{
	descend(100);
	return 0;
}

static int too_deep(void)
{
	limit(RLIMIT_STACK, 64 * PAGE);
	descend(100);
	return 0;
}

static int deep_without_space(void)
{
	limit(RLIMIT_AS, (status("VmSize") + 10) * PAGE);
	descend(200);
	return 0;
}

static int deep_and_locked(void)
{
	limit(RLIMIT_MEMLOCK, (status("VmSize") + 10) * PAGE);
	if (setuid(nobody) || mlockall(MCL_CURRENT))
		return 1;
	descend(200);
	return 0;
}

// A child that shares our memory has limits of its own.
static int limits_of_a_sharer(void)
{
	int result;
	pid_t child = vfork();

	if (child == 0) {
		struct rlimit none = {0, RLIM_INFINITY};

		syscall(SYS_setrlimit, RLIMIT_AS, &none);
		_exit(0);
	}
	waitpid(child, &result, 0);
	show_pointer("mmap after a vfork child lost its space", map(1, RW, PRIVATE));
	return 0;
}

int main(void)
{
	nobody = 400000 + (uid_t)getpid();
	show_status("locks as root", in_child(as_root));
	show_status("locks as nobody", in_child(as_nobody));
	show_status("segments", in_child(segments));
	show_status("address space", in_child(space));
	show_status("data", in_child(data));
	show_status("no data", in_child(no_data));
	show_status("heap", in_child(heap));
	show_status("stack", in_child(deep));
	show_status("stack beyond its limit", in_child(too_deep));
	show_status("stack beyond the space", in_child(deep_without_space));
	show_status("stack that is locked", in_child(deep_and_locked));
	show_status("vfork", in_child(limits_of_a_sharer));
	return tap_end();
}
