// SPDX-License-Identifier: MIT
//
// What is said of calls in which several things are wrong, where the kernel puts mappings, and
// what a refused one leaves behind.
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tests/ring3/tap.h"

#define AT(page)  ((char *)0x200000000 + (page)*PAGE)
#define RW        (PROT_READ | PROT_WRITE)
#define PRIVATE   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)
#define FAR       (1ul << 62)
#define TABLE     (2ul << 20)
#define NOREPLACE 0x100000

static char *map(void *address, size_t size, int prot, int flags)
{
	return (char *)syscall(SYS_mmap, address, size, prot, flags, -1, 0);
}

static void show_file(const char *what, const void *address, size_t size, int prot, int flags,
		      int file, uint64_t offset)
{
	long result = syscall(SYS_mmap, address, size, prot, flags, file, offset);

	show(what, result == -1 ? -1 : 0);
	if (result != -1)
		syscall(SYS_munmap, result, size);
}

static void of_files(void)
{
	int directory = open("/", O_RDONLY), memfd = memfd_create("order", MFD_ALLOW_SEALING);
	int zero = open("/dev/zero", O_RDWR);

	map(AT(0), PAGE, PROT_NONE, PRIVATE | MAP_FIXED);
	ftruncate(memfd, PAGE);
	fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE);
	show_file("a directory", NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0);
	show_file("of no size", NULL, 0, PROT_READ, MAP_PRIVATE, directory, 0);
	show_file("too large", NULL, 1ul << 47, PROT_READ, MAP_PRIVATE, directory, 0);
	show_file("where something is", AT(0), PAGE, PROT_READ, MAP_PRIVATE | NOREPLACE, directory,
		  0);
	show_file("of no type", NULL, PAGE, PROT_READ, 0, directory, 0);
	show_file("shared, to be written", NULL, PAGE, RW, MAP_SHARED, directory, 0);
	show_file("beyond any file", NULL, PAGE, PROT_READ, MAP_PRIVATE, directory,
		  (uint64_t)INT64_MAX & ~(PAGE - 1ul));
	show_file("at the last offset", NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, -PAGE);
	show_file("growing down", NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, directory,
		  0);
	show_file("a sealed file", NULL, PAGE, RW, MAP_SHARED, memfd, 0);
	show_file("of no size", NULL, 0, RW, MAP_SHARED, memfd, 0);
	show_file("growing down", NULL, PAGE, RW, MAP_SHARED | MAP_GROWSDOWN, memfd, 0);
	show_file("zeros growing down", NULL, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, zero, 0);
	show_file("zeros, validated", NULL, PAGE, RW, MAP_SHARED_VALIDATE, zero, 0);
	show_file("addresses that are errors", (void *)-1, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	show_file("another", (void *)-EXDEV, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	show_file("the last that is one", (void *)-4095, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	show_file("not any more", (void *)-4096, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	syscall(SYS_munmap, AT(0), PAGE);
	close(directory);
	close(memfd);
	close(zero);
}

// What has no name, and what /proc shows, can not be mapped, and is not to be executed.
static void never_executed(void)
{
	int ends[2], proc = open("/proc/self/status", O_RDONLY);
	int code = PROT_READ | PROT_EXEC;

	check(!pipe(ends) && proc >= 0, "a pipe, a file of /proc");
	show_file("to be read, a pipe", NULL, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0);
	show_file("to be executed", NULL, PAGE, code, MAP_PRIVATE, ends[0], 0);
	show_file("shared", NULL, PAGE, code, MAP_SHARED, ends[0], 0);
	show_file("growing down", NULL, PAGE, code, MAP_PRIVATE | MAP_GROWSDOWN, ends[0], 0);
	show_file("written only", NULL, PAGE, code, MAP_PRIVATE, ends[1], 0);
	show_file("of /proc", NULL, PAGE, code, MAP_PRIVATE, proc, 0);
	show_file("to be written", NULL, PAGE, code | RW, MAP_SHARED, proc, 0);
	close(ends[0]);
	close(ends[1]);
	close(proc);
}

// To where only root may map.
static void moving_too_low(void)
{
	char *page = map(NULL, PAGE, RW, PRIVATE);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	fflush(stdout);
	if (fork()) {
		wait(NULL);
		munmap(page, PAGE);
		return;
	}
	syscall(SYS_setresuid, 1000, 1000, 1000);
	show("moving it to 0", syscall(SYS_mremap, page, PAGE, PAGE, flags, 0) == -1 ? -1 : 0);
	munmap(page, PAGE);
	show("moving nothing to 0", syscall(SYS_mremap, page, PAGE, PAGE, flags, 0));
	fflush(stdout);
	_exit(0);
}

static void places(void)
{
	char *top = map(NULL, PAGE, PROT_NONE, PRIVATE), *place, *moved;

	place = map(NULL, TABLE, RW, PRIVATE);
	check((uintptr_t)place % TABLE == 0 && place + TABLE <= top, "2 MiB are aligned");
	check(map(NULL, 2 * TABLE, RW, PRIVATE) == place - 2 * TABLE, "4 MiB: right below");
	check(map(NULL, TABLE + PAGE, RW, PRIVATE) == place - 3 * TABLE - PAGE, "one page more");
	check((uintptr_t)map(NULL, TABLE, RW, SHARED) % TABLE == TABLE - PAGE,
	      "shared memory is not");
	moved = mremap(place, TABLE, 4 * TABLE, MREMAP_MAYMOVE);
	check((uintptr_t)moved % TABLE == 0, "moved to become larger: aligned");
	show_file("no room for alignment", NULL, 0x7fff00000000, PROT_NONE,
		  PRIVATE | MAP_NORESERVE, -1, 0);
}

// Looking for room ends below the guard gap of what grows down, whatever holes there are beside.
static void beside_guard_gaps(void)
{
	char *place = map(NULL, 8 * PAGE, PROT_NONE, SHARED), *found;

	map(place + 4 * PAGE, PAGE, RW, PRIVATE | MAP_GROWSDOWN | MAP_FIXED);
	syscall(SYS_munmap, place + 3 * PAGE, PAGE);
	found = map(NULL, PAGE, RW, PRIVATE);
	printf("# below what grows down: %ld pages\n", (place - found) / PAGE);
	syscall(SYS_munmap, found, PAGE);
	syscall(SYS_munmap, place, 8 * PAGE);
}

// How many mappings [AT(first), AT(end)) has.
static int count(int first, int end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[256];
	int found = 0;

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from < (uintptr_t)AT(end) &&
		    to > (uintptr_t)AT(first))
			found++;
	}
	fclose(maps);
	return found;
}

static void refused(void)
{
	struct rlimit none = {0, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};

	map(AT(0), 8 * PAGE, PROT_READ, PRIVATE | MAP_FIXED);
	setrlimit(RLIMIT_AS, &none);
	show("beyond a limit", map(AT(2), 16 * PAGE, RW, PRIVATE | MAP_FIXED) == (char *)-1);
	show("keeping its pages", mremap(AT(4), 2 * PAGE, 2 * PAGE, 7, AT(20)) == (void *)-1);
	setrlimit(RLIMIT_AS, &any);
	printf("# which leaves %d mappings\n", count(0, 8));
	show("beyond memory", map(AT(4), 1ul << 42, RW, SHARED | MAP_FIXED) == (char *)-1);
	printf("# which leaves %d mappings\n", count(0, 8));
	syscall(SYS_munmap, AT(0), 8 * PAGE);
}

static sigjmp_buf back;
static volatile int code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	code = info->si_code;
	siglongjmp(back, 1);
}

// A stack takes its reverse map before it is told that it may not grow. From then on it is as if
// something had been written: fork copies its page tables, and moved it joins no neighbour.
static void growing_too_far(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	unsigned char in_core[2] = {7, 7};
	int child;

	sigaction(SIGSEGV, &action, NULL);
	map(AT(1ul << 30), 4 * PAGE, RW, PRIVATE | MAP_GROWSDOWN | MAP_FIXED);
	(void)*(volatile char *)AT(1ul << 30);
	if (!sigsetjmp(back, 1))
		*(volatile char *)AT(0) = 1;
	show("far below", code);
	fflush(stdout);
	child = fork();
	if (!child) {
		show("mincore", mincore(AT(1ul << 30), 2 * PAGE, in_core));
		printf("# a child finds %d %d\n", in_core[0], in_core[1]);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	mremap(AT((1ul << 30) + 3), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
	       AT((1ul << 30) + 1));
	printf("# moved beside itself: %d\n", count(1ul << 30, (1ul << 30) + 4));
	munmap(AT(1ul << 30), 4 * PAGE);
	signal(SIGSEGV, SIG_DFL);
}

// What can not be accessed grows as far as there is memory for it.
static void growing_nothing(void)
{
	struct rlimit stack, any = {RLIM_INFINITY, RLIM_INFINITY};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	getrlimit(RLIMIT_STACK, &stack);
	any.rlim_max = stack.rlim_max;
	sigaction(SIGSEGV, &action, NULL);
	setrlimit(RLIMIT_STACK, &any);
	map(AT(1ul << 30), PAGE, PROT_NONE, PRIVATE | MAP_GROWSDOWN | MAP_FIXED);
	if (!sigsetjmp(back, 1))
		*(volatile char *)AT(0);
	show("far below", code);
	if (!sigsetjmp(back, 1))
		*(volatile char *)AT((1ul << 30) - 2);
	show("near", code);
	setrlimit(RLIMIT_STACK, &stack);
	syscall(SYS_munmap, AT((1ul << 30) - 2), 3 * PAGE);
	signal(SIGSEGV, SIG_DFL);
}

// A mapping of a segment that is counted never becomes part of another.
static void segments(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);

	shmat(id, AT(0), 0);
	mprotect(AT(1), PAGE, PROT_READ);
	printf("# a segment in %d parts\n", count(0, 4));
	mprotect(AT(1), PAGE, RW);
	printf("# alike again: %d\n", count(0, 4));
	mprotect(AT(2), 2 * PAGE, PROT_READ);
	mprotect(AT(1), PAGE, PROT_READ);
	printf("# at another border: %d\n", count(0, 4));
	show("moved with what follows",
	     mremap(AT(0), 5 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(20)) ==
		     MAP_FAILED);
	map(AT(5), PAGE, RW, PRIVATE | MAP_FIXED);
	munmap(AT(4), PAGE);
	shmat(id, AT(6), 0);
	show("after what can be", mremap(AT(5), 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					 AT(20)) == MAP_FAILED);
	printf("# which is moved: %d\n", count(20, 24));
	munmap(AT(20), PAGE);
	show("a part alone",
	     mremap(AT(6), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(20)) == MAP_FAILED);
	munmap(AT(20), PAGE);
	shmctl(id, IPC_RMID, NULL);
	shmdt(AT(6) - PAGE);
	munmap(AT(6), 4 * PAGE);
	shmdt(AT(0));
	printf("# detached: %d\n", count(0, 24));
}

static void show_mincore(const char *what, int file)
{
	unsigned char vector[3] = {7, 7, 7};
	char *place = (char *)syscall(SYS_mmap, NULL, 3 * PAGE, PROT_READ, MAP_SHARED, file, 0);

	syscall(SYS_mincore, place, 3 * PAGE, vector);
	printf("# %s: %d %d %d\n", what, vector[0], vector[1], vector[2]);
	syscall(SYS_munmap, place, 3 * PAGE);
}

// Who may not write a file shall not see what others read of it.
static void of_others(void)
{
	int file = open("/dev/shm/mmap_order", O_RDWR | O_CREAT | O_TRUNC, 0644), child, status;

	ftruncate(file, 3 * PAGE);
	pwrite(file, "", 1, PAGE);
	show_mincore("one's own", file);
	fflush(stdout);
	child = fork();
	if (!child) {
		syscall(SYS_setresuid, 65534, 65534, 65534);
		show_mincore("another's", file);
		fchmod(file, 0666);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	fchmod(file, 0666);
	child = fork();
	if (!child) {
		syscall(SYS_setresuid, 65534, 65534, 65534);
		show_mincore("another's that all may write", file);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	unlink("/dev/shm/mmap_order");
	close(file);
}

static void show_advice(const char *what, int process, const struct iovec *pieces, size_t number,
			int advice, unsigned flags)
{
	show(what, syscall(SYS_process_madvise, process, pieces, number, advice, flags));
}

static void advice(void)
{
	struct iovec pieces[3] = {{AT(0), 2 * PAGE}, {AT(2), PAGE}, {AT(8), PAGE}};
	struct iovec negative = {AT(0), -1ul}, kernel = {(void *)(1ul << 63), PAGE};
	struct iovec wrong[2] = {kernel, negative};
	struct iovec empty[5] = {
		{AT(0), 0}, {AT(1) + 1, 0}, {AT(0), PAGE}, {AT(1) + 1, 0}, {AT(1), PAGE}};
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), other, child;

	map(AT(0), 4 * PAGE, RW, PRIVATE | MAP_FIXED);
	memset(AT(0), 1, 4 * PAGE);
	show_advice("several", self, pieces, 2, MADV_COLD, 0);
	show_advice("the last is a hole", self, pieces, 3, MADV_COLD, 0);
	show_advice("the first is", self, pieces + 2, 1, MADV_COLD, 0);
	show_advice("one's own are let go", self, pieces, 1, MADV_DONTNEED, 0);
	check(!*AT(0) && *AT(2), "those and no others");
	show_advice("none", self, pieces, 0, MADV_COLD, 0);
	show_advice("none of the kernel's", self, (struct iovec *)(1ul << 63), 0, MADV_COLD, 0);
	show_advice("none, and no advice", self, NULL, 0, 77, 0);
	show_advice("no advice", self, pieces, 1, 77, 0);
	show_advice("too many", self, pieces, 1025, MADV_COLD, 0);
	show_advice("flags", self, pieces, 1, MADV_COLD, 1);
	show_advice("no address", self, NULL, 1, MADV_COLD, 0);
	show_advice("negative", self, &negative, 1, MADV_COLD, 0);
	show_advice("the kernel's", self, &kernel, 1, MADV_COLD, 0);
	show_advice("the kernel's, and negative", self, wrong, 2, MADV_COLD, 0);
	show_advice("of no bytes", self, empty, 2, 77, 0);
	show_advice("the first of no bytes", self, empty + 1, 2, MADV_COLD, 0);
	show_advice("the second", self, empty + 2, 3, MADV_COLD, 0);
	// Programs look for the directory before they expect anything of the advice.
	bool merging = access("/sys/kernel/mm/ksm", F_OK) == 0;
	show("merging where there is KSM", (madvise(AT(0), PAGE, MADV_MERGEABLE) == 0) == merging);
	show("and no more", (madvise(AT(0), PAGE, MADV_UNMERGEABLE) == 0) == merging);
	show_advice("no descriptor", -1, pieces, 1, MADV_COLD, 0);
	show_advice("of something else", 0, pieces, 1, MADV_COLD, 0);
	child = fork();
	if (!child) {
		for (;;)
			pause();
	}
	other = (int)syscall(SYS_pidfd_open, child, 0);
	show_advice("another's", other, pieces, 2, MADV_PAGEOUT, 0);
	show_advice("let go", other, pieces, 2, MADV_DONTNEED, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	show_advice("that has ended", other, pieces, 2, MADV_PAGEOUT, 0);
	close(other);
	close(self);
}

int main(void)
{
	of_files();
	never_executed();
	moving_too_low();
	places();
	beside_guard_gaps();
	refused();
	growing_too_far();
	growing_nothing();
	segments();
	of_others();
	advice();
	return tap_end();
}
