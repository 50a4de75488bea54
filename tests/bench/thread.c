// SPDX-License-Identifier: MIT
//
// What threads cost, and what it costs to hand something to and fro between two of them.

#define _GNU_SOURCE // clone
#include "tests/bench/bench.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t alive; // the thread's number, until the kernel clears it

static int exit_at_once(void *argument)
{
	(void)argument;
	call(SYS_exit, 0, 0, 0, 0);
	return 0;
}

// With the stack there before, so the kernel's share alone.
static void clone_and_join(void)
{
	static char stack[65536] __attribute__((aligned(64)));
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	uint32_t seen;

	if (clone(exit_at_once, stack + sizeof stack, flags, NULL, &alive, NULL, &alive) < 0)
		fail("clone");
	while ((seen = __atomic_load_n(&alive, __ATOMIC_SEQ_CST)))
		call(SYS_futex, (long)&alive, FUTEX_WAIT, seen, 0);
}

static void *nothing(void *argument)
{
	return argument;
}

void measure_thread(void)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		clone_and_join();
		sample(since, now());
	}
	report("clone", 1);
	for (unsigned i = 0; i < SAMPLES; i++) {
		pthread_t thread;
		uint64_t since = now();

		if (pthread_create(&thread, NULL, nothing, NULL))
			fail("pthread_create");
		pthread_join(thread, NULL);
		sample(since, now());
	}
	report("thread", 1);
}

static uint32_t turn; // whose it is: 0 the main thread's, 1 the other's; 2: the end

static void hand_over(uint32_t to)
{
	__atomic_store_n(&turn, to, __ATOMIC_SEQ_CST);
	call(SYS_futex, (long)&turn, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0);
}

static void await(uint32_t mine)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) == !mine)
		call(SYS_futex, (long)&turn, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, 0);
}

static void *answer_futex(void *argument)
{
	for (;;) {
		await(1);
		if (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == 2)
			return argument;
		hand_over(0);
	}
}

void measure_futex(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, answer_futex, NULL))
		fail("pthread_create");
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		hand_over(1);
		await(0);
		sample(since, now());
	}
	hand_over(2);
	pthread_join(thread, NULL);
	report("futex-ping-pong", 1);
}

// One byte to a child and back, over two pipes.
void measure_pipe(void)
{
	int there[2], back[2];
	long child;
	char byte = 0;

	if (pipe(there) || pipe(back))
		fail("pipe");
	child = call(SYS_fork, 0, 0, 0, 0);
	if (!child) {
		close(there[1]);
		while (call(SYS_read, there[0], (long)&byte, 1, 0) == 1)
			call(SYS_write, back[1], (long)&byte, 1, 0);
		call(SYS_exit_group, 0, 0, 0, 0);
	}
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		call(SYS_write, there[1], (long)&byte, 1, 0);
		if (call(SYS_read, back[0], (long)&byte, 1, 0) != 1)
			fail("read");
		sample(since, now());
	}
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	waitpid(child, NULL, 0);
	report("pipe-ping-pong", 1);
}
