// SPDX-License-Identifier: MIT
//
// What page faults cost, by what answers them.

#include "tests/bench/bench.h"
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

void measure_demand_zero(void)
{
	char *block = reserve(SAMPLES);

	fault_each(block, true);
	report("demand-zero", 1);
	munmap(block, SAMPLES * PAGE);
}

void measure_zero_frame(void)
{
	char *block = reserve(SAMPLES);

	fault_each(block, false);
	report("zero-frame", 1);
	fault_each(block, true);
	report("write-after-read", 1);
	munmap(block, SAMPLES * PAGE);
}

// A child that holds its parent's pages until the other end of the pipe is closed.
static long fork_holder(int ends[2])
{
	long child;
	char byte;

	if (pipe(ends))
		fail("pipe");
	child = call(SYS_fork, 0, 0, 0, 0);
	if (child < 0)
		fail("fork");
	if (!child) {
		call(SYS_close, ends[1], 0, 0, 0);
		call(SYS_read, ends[0], (long)&byte, 1, 0);
		call(SYS_exit_group, 0, 0, 0, 0);
	}
	call(SYS_close, ends[0], 0, 0, 0);
	return child;
}

static void release_holder(long child, int ends[2])
{
	call(SYS_close, ends[1], 0, 0, 0);
	call(SYS_wait4, child, 0, 0, 0);
}

// The child still has every page: the parent's write copies. Then the child ends while it
// shares every page again: the parent's write finds itself the last owner.
void measure_copy_on_write(void)
{
	char *block = reserve_touched(SAMPLES);
	int ends[2];
	long child = fork_holder(ends);

	fault_each(block, true);
	release_holder(child, ends);
	report("copy-on-write", 1);
	child = fork_holder(ends);
	release_holder(child, ends);
	fault_each(block, true);
	report("last-owner", 1);
	munmap(block, SAMPLES * PAGE);
}

// Downwards from where the stack ends. The first pages only leave what exec made of it behind.
void measure_stack_growth(void)
{
	char *page;

	asm volatile("mov %%rsp, %0" : "=r"(page));
	page = (char *)((uintptr_t)page & -PAGE);
	for (unsigned i = 0; i < 64; i++, page -= PAGE)
		write_to(page);
	for (unsigned i = 0; i < SAMPLES; i++, page -= PAGE) {
		uint64_t since = now();

		write_to(page);
		sample(since, now());
	}
	report("stack-growth", 1);
}

static char *map_data(int prot)
{
	int file = open(data_file, O_RDONLY);
	char *block = mmap(NULL, DATA_PAGES * PAGE, prot, MAP_PRIVATE, file, 0);

	if (file < 0 || block == MAP_FAILED)
		fail(data_file);
	close(file);
	return block;
}

// All pages are in the page cache after the first round, which is not counted. A kernel may map
// neighbours too, so that only a whole round has a cost.
void measure_file_read(void)
{
	for (unsigned round = 0; round < 9; round++) {
		char *block = map_data(PROT_READ);
		uint64_t since = now();

		for (unsigned i = 0; i < DATA_PAGES; i++)
			read_from(block + i * PAGE);
		if (round)
			sample(since, now());
		munmap(block, DATA_PAGES * PAGE);
	}
	report("file-read", DATA_PAGES);
}

void measure_file_write(void)
{
	char *block = map_data(PROT_READ | PROT_WRITE);

	for (unsigned i = 0; i < DATA_PAGES; i++)
		read_from(block + i * PAGE);
	munmap(block, DATA_PAGES * PAGE);
	block = map_data(PROT_READ | PROT_WRITE);
	fault_each(block, true);
	report("file-write", 1);
	munmap(block, DATA_PAGES * PAGE);
}

void measure_shared(void)
{
	char *block = mmap(NULL, SAMPLES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		fail("mmap");
	fault_each(block, true);
	report("shared", 1);
	munmap(block, SAMPLES * PAGE);
}

static char *guarded;

static void allow_write(int number)
{
	(void)number;
	call(SYS_mprotect, (long)guarded, PAGE, PROT_READ | PROT_WRITE, 0);
}

// A page is protected; a write to it is forbidden, allowed by the handler, and done again: what
// collectors and checkpointers live on.
void measure_signal(void)
{
	struct sigaction action = {.sa_handler = allow_write}, before;

	guarded = reserve_touched(1);
	sigaction(SIGSEGV, &action, &before);
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();
		long result = call(SYS_mprotect, (long)guarded, PAGE, PROT_READ, 0);

		write_to(guarded);
		sample(since, now());
		if (result)
			fail("mprotect");
	}
	sigaction(SIGSEGV, &before, NULL);
	report("signal-mprotect", 1);
	munmap(guarded, PAGE);
}
