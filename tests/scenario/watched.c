// SPDX-License-Identifier: MIT
//
// What tests/scenario/gdb_mm.t looks at: two processes that share pages in every way there is, and
// stand still. It prints what the kernel itself says of them, for the test to compare.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096
#define PRIVATE 4 // copied by the parent, shared, hidden, only read
#define BUFFER  65536
#define FRAMES  "/sys/kernel/debug/faultline/"

static char buffer[BUFFER];
static const char *places[PRIVATE + 2]; // what the test asks for by this name
static volatile char sink;

static void check(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

static size_t read_file(int fd, size_t at)
{
	ssize_t got;

	while (at < BUFFER && (got = read(fd, buffer + at, BUFFER - at)) > 0)
		at += (size_t)got;
	close(fd);
	return at;
}

static size_t put(size_t at, const char *format, long value)
{
	return at + (size_t)snprintf(buffer + at, BUFFER - at, format, value);
}

static size_t show(size_t at, const char *name)
{
	int fd = open(name, O_RDONLY);

	check(fd >= 0, name);
	at = put(at, "== %s\n", (long)name);
	return read_file(fd, at);
}

static size_t show_walk(size_t at, const void *address)
{
	int fd = open(FRAMES "walk", O_RDWR);
	char text[32];
	int length = snprintf(text, sizeof(text), "%lx", (unsigned long)address);

	check(fd >= 0 && write(fd, text, (size_t)length) == length, "walk");
	at = put(at, "== walk %#lx\n", (long)address);
	lseek(fd, 0, SEEK_SET);
	return read_file(fd, at);
}

// Everything into the buffer: nothing is printed in between, so that nothing changes.
static size_t tell(int child)
{
	char name[64];
	size_t at = 0;

	for (int i = 0; i < PRIVATE + 2; i++)
		at = show_walk(at, places[i]);
	at = show(at, "/proc/self/maps");
	at = show(at, "/proc/self/smaps");
	at = show(at, "/proc/self/statm");
	snprintf(name, sizeof(name), "/proc/%d/statm", child);
	at = show(at, name);
	at = show(at, FRAMES "audit");
	at = show(at, FRAMES "frames");
	return at;
}

__attribute__((noinline)) static void stand_still(void)
{
	__asm__ volatile("" : : "r"(places) : "memory");
}

static int child_of(int *to_child)
{
	int child, pipes[2];

	check(pipe(pipes) == 0, "pipe");
	child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		close(pipes[1]);
		if (read(pipes[0], buffer, 1) != 0)
			_exit(6);
		*(char *)places[0] = 'C';
		_exit(5);
	}
	close(pipes[0]);
	*to_child = pipes[1];
	return child;
}

static void *map(size_t length, int protection, int flags, int fd)
{
	void *mapped = mmap(NULL, length, protection, flags, fd, 0);

	check(mapped != MAP_FAILED, "mmap");
	return mapped;
}

static void make_places(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char *pages = map(PRIVATE * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *shared = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	char *file;

	check(fd >= 0, "exe");
	file = map(2 * PAGE, PROT_READ, MAP_PRIVATE, fd);
	for (int i = 0; i < PRIVATE; i++)
		places[i] = pages + i * PAGE;
	places[PRIVATE] = shared;
	places[PRIVATE + 1] = file + PAGE;
	memset(pages, 'A', 3 * PAGE);
	shared[0] = 'S';
	sink = pages[3 * PAGE] + file[PAGE];
}

int main(void)
{
	int child, to_child, status;
	size_t length = 0;

	memset(buffer, 1, sizeof(buffer));
	make_places();
	child = child_of(&to_child);
	*(char *)places[0] = 'P';
	check(mprotect((char *)places[2], PAGE, PROT_NONE) == 0, "mprotect");
	// Twice: what the first one touches is there when the second one counts.
	for (int i = 0; i < 2; i++)
		length = tell(child);
	stand_still();
	check(write(STDOUT_FILENO, buffer, length) == (ssize_t)length, "write");
	close(to_child);
	check(waitpid(child, &status, 0) == child && status == 5 << 8, "waitpid");
	return 0;
}
