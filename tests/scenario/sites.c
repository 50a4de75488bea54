// SPDX-License-Identifier: MIT
//
// Does each of some operations many times, with a mark in the trace around each time, and prints
// the fewest ticks it took: see trace_cost.t.
#define _GNU_SOURCE
#include "lib/trace_record.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE  4096ul
#define TIMES 24

static int mark_file;
static char *pages;

static void mark(uint64_t operation)
{
	struct trace_record record = {.event = TRACE_MARK, .a = operation};

	if (write(mark_file, &record, sizeof(record)) != sizeof(record))
		perror("mark");
}

static void *map(size_t count)
{
	return mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static void call(void)
{
	syscall(SYS_getppid);
}

static void demand_zero(void)
{
	*pages = 1;
	pages += PAGE;
}

static void fault_without_frame(void)
{
	*(volatile char *)pages;
	pages += PAGE;
}

static void map_unmap(void)
{
	munmap(map(1), PAGE);
}

static void map_touch_unmap(void)
{
	char *page = map(1);

	*page = 1;
	munmap(page, PAGE);
}

static void split(void)
{
	mprotect(pages + PAGE, PAGE, PROT_READ);
}

static void merge(void)
{
	mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
}

static void split_merge(void)
{
	split();
	merge();
}

static void grow_stack(void)
{
	pages -= PAGE;
	*pages = 1;
}

static void grow_break(void)
{
	syscall(SYS_brk, syscall(SYS_brk, 0) + PAGE);
}

static void fork_exit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void yield(void)
{
	sched_yield();
}

static void on_signal(int number)
{
	(void)number;
}

static void signalled(void)
{
	kill(getpid(), SIGUSR1);
}

static const struct operation {
	const char *name;
	void (*perform)(void);
} operations[] = {
	{"getppid", call},
	{"demand-zero", demand_zero},
	{"zero-frame", fault_without_frame},
	{"mmap-munmap", map_unmap},
	{"mmap-touch-munmap", map_touch_unmap},
	{"mprotect-split-merge", split_merge},
	{"stack-growth", grow_stack},
	{"brk", grow_break},
	{"fork-exit", fork_exit},
	{"signal", signalled},
	{"context-switches", yield},
};

static void measure(uint64_t number, const struct operation *operation)
{
	uint64_t least = ~0ul, since, ticks;

	for (int i = 0; i < TIMES; i++) {
		mark(number);
		since = __rdtsc();
		operation->perform();
		ticks = __rdtsc() - since;
		if (ticks < least)
			least = ticks;
	}
	mark(0);
	printf("%s %lu\n", operation->name, (unsigned long)least);
	fflush(stdout);
}

static char *place_for(const struct operation *operation)
{
	char here;

	if (operation->perform == grow_stack)
		return (char *)((uintptr_t)&here & -PAGE) - 64 * PAGE;
	return map(2 * TIMES);
}

int main(void)
{
	pid_t other = 0;

	signal(SIGUSR1, on_signal);
	mark_file = open("/sys/kernel/debug/faultline/trace_records", O_WRONLY);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		pages = place_for(&operations[i]);
		if (operations[i].perform == yield) {
			other = fork();
			while (other == 0)
				sched_yield();
		}
		measure(i + 1, &operations[i]);
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}
