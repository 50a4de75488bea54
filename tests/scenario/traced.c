// SPDX-License-Identifier: MIT
//
// Does a little of everything that the trace records, between two marks, and prints what the
// kernel's own counters say before and after: see trace.t. With "heap" it only writes heap
// operations into the trace; with "storm" it fills the trace as fast as can be.
#define _GNU_SOURCE
#include "lib/trace_record.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096ul
#define SIZE  16384
#define DEBUG "/sys/kernel/debug/faultline/"

static char before[SIZE], after[SIZE];
static int mark_file;

static void append(const char *path, char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_RDONLY);
	ssize_t got;

	while ((got = read(fd, text + length, SIZE - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(fd);
}

static void snapshot(char *text)
{
	append("/proc/vmstat", text);
	append(DEBUG "counters", text);
	append(DEBUG "frames", text);
}

static void mark(uint64_t number)
{
	struct trace_record record = {.event = TRACE_MARK, .a = number};

	if (write(mark_file, &record, sizeof(record)) != sizeof(record))
		perror("mark");
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

__attribute__((noinline)) static void touch(char *memory, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		memory[i * PAGE] = 1;
}

static void *thread(void *memory)
{
	touch(memory, 50);
	return NULL;
}

static void work(void)
{
	char *memory =
		mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t other;
	pid_t child;

	touch(memory, 50);
	pthread_create(&other, NULL, thread, memory + 50 * PAGE);
	pthread_join(other, NULL);
	child = fork();
	if (child == 0) {
		touch(memory, 30);
		_exit(3);
	}
	waitpid(child, NULL, 0);
	touch(memory, 20);
	mprotect(memory, 10 * PAGE, PROT_READ);
	sbrk(5 * PAGE);
	raise(SIGUSR1);
	munmap(memory, 100 * PAGE);
}

static void heap(void)
{
	int file = open(DEBUG "trace_records", O_WRONLY);
	struct trace_record records[] = {
		{.event = TRACE_HEAP, .a = TRACE_HEAP_MALLOC, .b = 0x1000, .c = 100},
		{.event = TRACE_STACK, .a = (uintptr_t)heap + 8, .b = (uintptr_t)work + 8},
		{.event = TRACE_HEAP, .a = TRACE_HEAP_MALLOC, .b = 0x2000, .c = 50},
		{.event = TRACE_STACK, .a = (uintptr_t)heap + 8, .b = (uintptr_t)work + 8},
		{.event = TRACE_HEAP, .a = TRACE_HEAP_FREE, .b = 0x1000},
	};

	if (write(file, records, sizeof(records)) != sizeof(records))
		perror("trace_records");
	close(file);
}

// Calls that do nothing: the trace fills as fast as can be.
static void storm(void)
{
	for (int i = 0; i < 100000; i++)
		syscall(SYS_getppid);
	mark(77);
}

// The counters around all of it; no page of what they are read into is new.
static void measured(void)
{
	memset(before, 1, sizeof(before));
	memset(after, 1, sizeof(after));
	before[0] = after[0] = '\0';
	snapshot(before);
	mark(1);
	work();
	mark(2);
	snapshot(after);
	printf("%s--\n%s", before, after);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	mark_file = open(DEBUG "trace_records", O_WRONLY);
	signal(SIGUSR1, on_signal);
	if (strcmp(what, "heap") == 0)
		heap();
	else if (strcmp(what, "storm") == 0)
		storm();
	else
		measured();
	return 0;
}
