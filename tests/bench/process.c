// SPDX-License-Identifier: MIT
//
// What processes cost: an empty system call, fork, exec.

#include "tests/bench/bench.h"
#include <stddef.h>
#include <sys/mman.h>

void measure_getppid(void)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		call(SYS_getppid, 0, 0, 0, 0);
		sample(since, now());
	}
	report("getppid", 1);
}

void fork_exit_wait(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint64_t since = now();
		long child = call(SYS_fork, 0, 0, 0, 0);

		if (!child)
			call(SYS_exit_group, 0, 0, 0, 0);
		if (call(SYS_wait4, child, 0, 0, 0) != child)
			fail("fork");
		sample(since, now());
	}
}

void measure_fork(void)
{
	fork_exit_wait(32);
	report("fork-exit-wait", 1);
}

void measure_fork_large(void)
{
	uint64_t pages = (64ul << 20) / PAGE;
	char *block = reserve_touched(pages);

	fork_exit_wait(8);
	report("fork-64MiB", 1);
	munmap(block, pages * PAGE);
}

void measure_exec(void)
{
	char *arguments[] = {(char *)program, NULL}, *environment[] = {NULL};

	for (unsigned i = 0; i < 32; i++) {
		int status = -1;
		uint64_t since = now();
		long child = call(SYS_fork, 0, 0, 0, 0);

		if (!child) {
			call(SYS_execve, (long)program, (long)arguments, (long)environment, 0);
			call(SYS_exit_group, 127, 0, 0, 0);
		}
		call(SYS_wait4, child, (long)&status, 0, 0);
		sample(since, now());
		if (status)
			fail(program);
	}
	report("fork-exec-wait", 1);
}
