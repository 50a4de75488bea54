// SPDX-License-Identifier: MIT
//
// Files in memory, mapped: what is written is seen by everybody else, what is cut off is gone from
// every mapping, and what may not be written can not be.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "tests/ring3/workplace.h"

#define RW (PROT_READ | PROT_WRITE)

#define RUNNING 100 // a descriptor

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif

static int fd;
static sigjmp_buf come_back;
static volatile siginfo_t caught;

static void fresh(long size)
{
	if (fd > 0)
		close(fd);
	fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0666);
	check(fd >= 0 && ftruncate(fd, size) == 0, "a new file");
}

static char *map(long pages, int prot, int flags, long offset)
{
	return mmap(NULL, (size_t)(pages * PAGE), prot, flags, fd, offset);
}

static void handler(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	memcpy((void *)&caught, info, sizeof(caught));
	siglongjmp(come_back, 1);
}

// What an access gives: the byte, or the signal.
static void touch(const char *name, volatile char *at, int write, const volatile char *base)
{
	if (sigsetjmp(come_back, 1)) {
		printf("# %s: signal %d, code %d, at %ld\n", name, caught.si_signo, caught.si_code,
		       (long)((volatile char *)caught.si_addr - base));
		return;
	}
	if (write)
		*at = (char)write;
	printf("# %s: %d\n", name, *at);
}

static void both_ways(void)
{
	char bytes[8] = "", *a, *b;
	int again;

	fresh(3 * PAGE);
	a = map(3, RW, MAP_SHARED, 0);
	check(a != MAP_FAILED, "mapped");
	memcpy(a + PAGE - 2, "map!", 4);
	show("read", pread(fd, bytes, 4, PAGE - 2));
	check(memcmp(bytes, "map!", 4) == 0, "what was written in the mapping is read");
	show("write", pwrite(fd, "file", 4, PAGE - 2));
	check(memcmp(a + PAGE - 2, "file", 4) == 0, "and what was written is in the mapping");
	b = map(2, RW, MAP_SHARED, PAGE);
	b[0] = 'B';
	check(a[PAGE] == 'B', "two mappings are one");
	again = open("file", O_RDONLY);
	show("opened again", pread(again, bytes, 4, PAGE - 2));
	check(memcmp(bytes, "fiBe", 4) == 0, "the same");
	close(again);
	if (fork() == 0) {
		a[0] = 'c';
		b[1] = 'd';
		_exit(0);
	}
	wait(NULL);
	check(a[0] == 'c' && a[PAGE + 1] == 'd', "what a child wrote");
	show("msync", msync(a, 3 * PAGE, MS_SYNC));
	show("unlinked", unlink("file"));
	close(fd);
	fd = -1;
	b[2] = 'e';
	check(a[0] == 'c' && a[PAGE + 2] == 'e', "without a name or descriptor");
	munmap(a, 3 * PAGE);
	check(b[2] == 'e', "and the other mapping");
	munmap(b, 2 * PAGE);
}

static void private_copies(void)
{
	char byte, *p, *s;

	fresh(2 * PAGE);
	s = map(2, RW, MAP_SHARED, 0);
	p = map(2, RW, MAP_PRIVATE, 0);
	s[0] = 'a';
	check(p[0] == 'a', "not written yet, it is the file's");
	s[0] = 'b';
	check(p[0] == 'b', "and stays so");
	p[0] = 'p';
	check(s[0] == 'b' && pread(fd, &byte, 1, 0) == 1 && byte == 'b', "a copy on the write");
	s[1] = 'x';
	check(p[1] != 'x', "and apart from then on");
	check(p[PAGE] == 0, "the other page");
	pwrite(fd, "q", 1, PAGE);
	check(p[PAGE] == 'q', "is still the file's");
	madvise(p, PAGE, MADV_DONTNEED);
	check(p[0] == 'b' && p[1] == 'x', "and so is the first again");
	munmap(p, 2 * PAGE);
	munmap(s, 2 * PAGE);
}

static void shrinking(void)
{
	char *s, *p, *other;
	int to_child[2], to_parent[2];
	char byte = 0;

	fresh(5 * PAGE);
	s = map(6, RW, MAP_SHARED, 0);
	p = map(6, RW, MAP_PRIVATE, 0);
	for (int i = 0; i < 5; i++)
		s[i * PAGE + 10] = (char)('a' + i);
	p[3 * PAGE + 10] = 'P';
	p[10] = 'Q';
	touch("in the last page", s + 5 * PAGE - 1, 0, s);
	touch("beyond it", s + 5 * PAGE, 0, s);
	touch("beyond it, written", s + 5 * PAGE + 77, 1, s);
	if (pipe(to_child) || pipe(to_parent))
		check(false, "pipes");
	if (fork() == 0) {
		other = map(6, RW, MAP_SHARED, 0);
		for (int i = 0; i < 5; i++)
			byte ^= other[i * PAGE] ^ p[i * PAGE];
		write(to_parent[1], "x", 1);
		read(to_child[0], &byte, 1);
		touch("the child's own mapping", other + 3 * PAGE, 0, other);
		touch("the child's inherited one", s + 3 * PAGE, 0, s);
		touch("the child's copy", p + 3 * PAGE, 0, p);
		touch("the child's rest", other + PAGE + 10, 0, other);
		_exit(0);
	}
	read(to_parent[0], &byte, 1);
	show("shorter", ftruncate(fd, PAGE + 5));
	write(to_child[1], "x", 1);
	wait(NULL);
	touch("what stays", s + 10, 0, s);
	touch("the rest of the last page", s + PAGE + 10, 0, s);
	touch("cut off", s + 2 * PAGE, 0, s);
	touch("cut off and written", s + 3 * PAGE + 10, 1, s);
	touch("the copy beyond", p + 3 * PAGE + 10, 0, p);
	touch("the copy before", p + 10, 0, p);
	show("longer", ftruncate(fd, 4 * PAGE));
	touch("zeros again", s + 3 * PAGE + 10, 0, s);
	touch("in the copy as well", p + 3 * PAGE + 10, 0, p);
	touch("beyond", s + 4 * PAGE, 1, s);
	close(to_child[0]), close(to_child[1]), close(to_parent[0]), close(to_parent[1]);
	show("opened with O_TRUNC", close(open("file", O_RDWR | O_TRUNC)));
	touch("nothing is left", s, 0, s);
	munmap(s, 6 * PAGE);
	munmap(p, 6 * PAGE);
}

static void holes(void)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	char *s, *p;

	fresh(4 * PAGE);
	s = map(4, RW, MAP_SHARED, 0);
	p = map(4, RW, MAP_PRIVATE, 0);
	memset(s, 'a', 4 * PAGE);
	p[PAGE] = 'P';
	touch("before", p + 2 * PAGE, 0, p);
	show("a hole", fallocate(fd, punch, PAGE - 10, 2 * PAGE + 20));
	touch("left of it", s + PAGE - 11, 0, s);
	touch("its first byte", s + PAGE - 10, 0, s);
	touch("inside", s + PAGE, 0, s);
	touch("its last byte", s + 3 * PAGE + 9, 0, s);
	touch("right of it", s + 3 * PAGE + 10, 0, s);
	touch("the private copy", p + PAGE, 0, p);
	touch("what was no copy", p + 2 * PAGE, 0, p);
	show("MADV_REMOVE", madvise(s, PAGE, MADV_REMOVE));
	touch("removed", s, 0, s);
	show("MADV_REMOVE of a private mapping", madvise(p, PAGE, MADV_REMOVE));
	munmap(s, 4 * PAGE);
	munmap(p, 4 * PAGE);
}

static void permissions(void)
{
	int reader = open("file", O_RDONLY), writer = open("file", O_WRONLY);
	char *at;

	show_pointer("shared and read-only, written", mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0));
	show_pointer("of a writer", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, writer, 0));
	show_pointer("of a writer, nothing", mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE, writer, 0));
	show_pointer("private of a reader", mmap(NULL, PAGE, RW, MAP_PRIVATE, reader, 0));
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	show("made writable", mprotect(at, PAGE, RW));
	show("made executable", mprotect(at, PAGE, PROT_READ | PROT_EXEC));
	munmap(at, PAGE);
	show_pointer("validated", mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE, fd, 0));
	show_pointer("validated, with what nobody knows",
		     mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x800000, fd, 0));
	show_pointer("not validated", mmap(NULL, PAGE, RW, MAP_SHARED | 0x800000, fd, 0));
	show_pointer("synchronous", mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x80000, fd, 0));
	show_pointer("no type", mmap(NULL, PAGE, RW, 0, fd, 0));
	show_pointer("at no page", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100));
	show_pointer("too far", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 1l << 62));
	at = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 1 << 20);
	touch("a page beyond the end", at, 0, at);
	close(reader);
	close(writer);
}

// Pages touched through a mapping take room like those written.
static void room(void)
{
	struct stat status;
	char *s;

	fresh(10 * PAGE);
	s = map(10, RW, MAP_SHARED, 0);
	fstat(fd, &status);
	show("blocks before", status.st_blocks);
	s[0] = 1;
	s[5 * PAGE] = 1;
	fstat(fd, &status);
	show("blocks after", status.st_blocks);
	show("data", lseek(fd, PAGE, SEEK_DATA));
	show("a hole", lseek(fd, 0, SEEK_HOLE));
	munmap(s, 10 * PAGE);
	fstat(fd, &status);
	show("blocks unmapped", status.st_blocks);
	check(pread(fd, &status, 1, 5 * PAGE) == 1 && *(char *)&status == 1, "still there");
}

static void moved(void)
{
	char *s, *moved;

	fresh(4 * PAGE);
	s = map(4, RW, MAP_SHARED, 0);
	s[3 * PAGE] = 'm';
	moved = mremap(s, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	check(moved != MAP_FAILED && moved[3 * PAGE] == 'm', "mremap");
	touch("beyond the end", moved + 4 * PAGE, 0, moved);
	ftruncate(fd, 6 * PAGE);
	touch("no longer beyond", moved + 4 * PAGE, 'n', moved);
	ftruncate(fd, PAGE);
	touch("cut off after the move", moved + 3 * PAGE, 0, moved);
	munmap(moved, 8 * PAGE);
}

// The program itself, run from a file that was written here; it is busy meanwhile.
static void executed(void)
{
	static char bytes[65536];
	int from = open("/proc/self/exe", O_RDONLY), to;
	long got;
	char *arguments[] = {"program", "child", NULL}, *none[] = {NULL};
	pid_t child;
	int status, gate[2], running[2];

	to = open("program", O_WRONLY | O_CREAT | O_EXCL, 0755);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)got) != got)
			check(false, "copied");
	close(from);
	show("executed while it is written", execve("program", arguments, none));
	close(to);
	if (pipe(gate) || pipe(running))
		check(false, "pipes");
	child = fork();
	if (child == 0) {
		dup2(gate[0], 0);
		dup2(running[1], RUNNING);
		close(gate[1]);
		execve("program", arguments, none);
		_exit(100);
	}
	read(running[0], bytes, 1);
	to = open("program", O_WRONLY);
	show("written while it runs", to);
	show("truncated while it runs", truncate("program", 0));
	show("unlinked while it runs", unlink("program"));
	close(gate[1]);
	waitpid(child, &status, 0);
	show_status("it ends", status);
}

// What fallocate has only promised is not in memory. (A page that is touched is; how many others
// with it is Linux's own business.)
static void allocated_ahead(void)
{
	unsigned char vector[4];
	char *at;

	fresh(4 * PAGE);
	show("fallocate", fallocate(fd, 0, 0, 4 * PAGE));
	at = map(4, RW, MAP_SHARED, 0);
	show("mincore", mincore(at, 4 * PAGE, vector));
	printf("# %d%d%d%d\n", vector[0] & 1, vector[1] & 1, vector[2] & 1, vector[3] & 1);
	at[2 * PAGE] = 1;
	mincore(at, 4 * PAGE, vector);
	check(vector[2] & 1, "a page that was touched is in memory");
	munmap(at, 4 * PAGE);
}

// Whether the file was read, and whether it was written, since it was last looked at.
static void show_times(const char *name)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	struct stat now;

	check(fstat(fd, &now) == 0 && futimens(fd, long_ago) == 0, name);
	printf("# %s:%s%s\n", name, now.st_atim.tv_sec == 1000 ? "" : " read",
	       now.st_mtim.tv_sec == 2000 ? "" : " written");
}

static void times(void)
{
	int zero = open("/dev/zero", O_RDONLY), quiet;
	char *a, *b;

	fresh(4 * PAGE);
	show_times("made");
	a = map(4, PROT_READ, MAP_SHARED, 0);
	show_times("mapped");
	(void)*(volatile char *)a;
	show_times("read");
	munmap(a, 4 * PAGE);
	a = map(4, RW, MAP_PRIVATE, 0);
	show_times("mapped privately");
	a[0] = 1;
	show_times("written there");
	munmap(a, 4 * PAGE);
	a = map(4, RW, MAP_SHARED, 0);
	show_times("mapped for writing");
	a[PAGE] = 1;
	show_times("the first page written");
	a[PAGE + 1] = 1;
	show_times("the same page again");
	a[2 * PAGE] = 1;
	show_times("another page");
	show("read() into a third", read(zero, a + 3 * PAGE, 1));
	show_times("by the kernel");
	b = map(4, RW, MAP_SHARED | MAP_POPULATE, 0);
	show_times("filled beforehand");
	if (fork() == 0) {
		b[PAGE] = 1;
		_exit(0);
	}
	wait(NULL);
	quiet = open("file", O_RDWR | O_NOATIME);
	show_times("opened");
	check(mmap(b, PAGE, RW, MAP_SHARED | MAP_FIXED, quiet, 0) == b, "mapped in secret");
	show_times("in secret");
	show("mapped in vain", mmap(a, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 1) == MAP_FAILED);
	show_times("in vain");
	munmap(a, 4 * PAGE);
	munmap(b, 4 * PAGE);
	close(quiet);
	close(zero);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	char byte;

	(void)argv;
	if (argc > 1)
		return write(RUNNING, "", 1) == 1 && read(0, &byte, 1) == 0 ? 42 : 43;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	enter_workplace();
	both_ways();
	times();
	private_copies();
	shrinking();
	holes();
	permissions();
	room();
	moved();
	executed();
	close(fd);
	allocated_ahead();
	leave_workplace();
	return tap_end();
}
