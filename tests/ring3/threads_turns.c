// SPDX-License-Identifier: MIT
//
// Who runs when there is one CPU for many: a thread that slept does not wait for a turn of each of
// those who compute, and a thread that computes is not kept from running by two who wake each
// other all the time. All is measured in CPU time, so that a slow machine changes nothing.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define COMPUTING   16
#define NAPS        20
#define MILLISECOND 1000000ul

static volatile int over;

static uint64_t now(clockid_t clock)
{
	struct timespec time = {0};

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000 * MILLISECOND + (uint64_t)time.tv_nsec;
}

static void on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	check(!sched_setaffinity(0, sizeof(set), &set), "all on one CPU");
}

static void *compute(void *unused)
{
	while (!over)
		;
	return unused;
}

// Each nap costs the others' CPU time: that of all of them, if they all have a turn before it
// ends.
static void naps(void)
{
	pthread_t threads[COMPUTING];
	struct timespec nap = {.tv_nsec = MILLISECOND};
	uint64_t spent;

	over = 0;
	for (int i = 0; i < COMPUTING; i++)
		check(!pthread_create(&threads[i], NULL, compute, NULL), "one more computes");
	spent = now(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < NAPS; i++)
		nanosleep(&nap, NULL);
	spent = now(CLOCK_PROCESS_CPUTIME_ID) - spent;
	over = 1;
	for (int i = 0; i < COMPUTING; i++)
		pthread_join(threads[i], NULL);
	check(spent / NAPS < 120 * MILLISECOND, "a sleeper runs soon after its time has come");
}

static int there[2], back[2];

static void *answer(void *unused)
{
	char byte;

	while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
	return unused;
}

static void *ask(void *unused)
{
	char byte = 0;

	while (!over && write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1)
		;
	close(there[1]);
	return unused;
}

static void computes_beside_a_conversation(void)
{
	pthread_t asking, answering;
	uint64_t began, own, all;

	over = 0;
	if (pipe(there) || pipe(back))
		return;
	check(!pthread_create(&answering, NULL, answer, NULL), "one answers");
	check(!pthread_create(&asking, NULL, ask, NULL), "one asks");
	began = now(CLOCK_PROCESS_CPUTIME_ID);
	own = now(CLOCK_THREAD_CPUTIME_ID);
	do {
		all = now(CLOCK_PROCESS_CPUTIME_ID) - began;
	} while (all < 200 * MILLISECOND);
	own = now(CLOCK_THREAD_CPUTIME_ID) - own;
	over = 1;
	pthread_join(asking, NULL);
	pthread_join(answering, NULL);
	check(own > all / 10, "one that computes has its part beside two that talk");
	check(own < all / 10 * 9, "and they have theirs");
}

int main(void)
{
	on_one_cpu();
	naps();
	computes_beside_a_conversation();
	return tap_end();
}
