// SPDX-License-Identifier: MIT
//
// Where threads may run and do: masks, their errors, what is inherited, and that a task that was
// moved knows its CPU by every way of asking (glibc's sched_getcpu reads its rseq area).
// run: --cpus 2

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	show("pinned", sched_setaffinity(0, sizeof(set), &set));
}

static int asked(void)
{
	unsigned cpu = 99, node = 99;

	if (syscall(SYS_getcpu, &cpu, &node, NULL) || node)
		return -1;
	return (int)cpu;
}

static void moves(void)
{
	unsigned wrong = 0;

	for (int i = 0; i < 20; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i % 2, &set);
		wrong += sched_setaffinity(0, sizeof(set), &set) != 0;
		wrong += sched_getcpu() != i % 2;
		wrong += asked() != i % 2;
	}
	check(!wrong, "a task that asks for a CPU is on it at once");
}

// Sleeps in between, so that it is woken from another CPU.
static void stays(void)
{
	int ends[2], wrong = 0;
	pid_t child;

	pin(1);
	if (pipe(ends))
		return;
	child = fork();
	if (child == 0) {
		cpu_set_t set;
		char byte;

		CPU_ZERO(&set);
		CPU_SET(0, &set);
		sched_setaffinity(0, sizeof(set), &set);
		for (int i = 0; i < 50; i++)
			if (write(ends[1], "x", 1) != 1 || sched_getcpu() != 0)
				_exit(1);
		close(ends[1]);
		_exit(read(ends[0], &byte, 0) != 0);
	}
	close(ends[1]);
	for (char byte; read(ends[0], &byte, 1) == 1;)
		wrong += sched_getcpu() != 1;
	check(!wrong, "a task that sleeps wakes where it may run");
	waitpid(child, &wrong, 0);
	check(!wrong, "and so does the one that wakes it");
}

static void *inherits(void *unused)
{
	cpu_set_t set;

	(void)unused;
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	return (void *)(intptr_t)(CPU_COUNT(&set) == 1 && CPU_ISSET(1, &set) &&
				  sched_getcpu() == 1);
}

static void inheritance(void)
{
	pthread_t thread;
	void *result = NULL;

	pin(1);
	if (!pthread_create(&thread, NULL, inherits, NULL))
		pthread_join(thread, &result);
	check(result != NULL, "a thread inherits the mask of who made it");
}

static void errors(void)
{
	unsigned long mask[16] = {0};

	show("no CPU", syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	show("nothing", syscall(SYS_sched_setaffinity, 0, 0, mask));
	show("a bad address", syscall(SYS_sched_setaffinity, 0, sizeof(mask), 1));
	show("nobody", syscall(SYS_sched_setaffinity, 1 << 22, sizeof(mask), mask));
	show("nobody's", syscall(SYS_sched_getaffinity, 1 << 22, sizeof(mask), mask));
	show("too small", syscall(SYS_sched_getaffinity, 0, 0, mask));
	show("an odd size", syscall(SYS_sched_getaffinity, 0, 12, mask));
	show("to a bad address", syscall(SYS_sched_getaffinity, 0, sizeof(mask), 1));
	show("getcpu of nothing", syscall(SYS_getcpu, NULL, NULL, NULL));
	show("getcpu to a bad address", syscall(SYS_getcpu, 1, NULL, NULL));
	mask[0] = ~0ul;
	show("all there might be", syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
}

int main(void)
{
	moves();
	stays();
	inheritance();
	errors();
	return tap_end();
}
