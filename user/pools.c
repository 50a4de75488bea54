// SPDX-License-Identifier: MIT
//
// pools: what memory pools cost beside malloc, alone and from several threads
//
// Every figure is for getting an object of 64 bytes, writing to it and giving it back, in groups:
// so many are got, then all are given back. Exact under --icount, where time is counted in
// instructions; with several CPUs of all of them together, waiting included.
#include "lib/pool.h"
#include "lib/pool_arena.h"
#include "lib/pool_local.h"
#include "lib/libc/system_call.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include "user/lib/tracing.h"
#include <stdio.h>
#include <thread.h>
#include <unistd.h>

#define GROUP       100
#define ROUNDS      200  // groups, alone
#define TOGETHER    2000 // and in each of several threads
#define THREADS_MAX 8

struct object {
	long words[8];
};

POOL_LOCAL(object, struct object, GROUP, NULL)

static struct pool pool, shared_pool;
static struct thread_lock lock;
static _Thread_local struct arena arena;

// One way to get memory and to give it back.
struct way {
	const char *name;
	void *(*get)(void);
	void (*put)(void *object);
	void (*put_all)(void); // after each group
};

static void *malloc_get(void)
{
	return malloc(sizeof(struct object));
}

static void *pool_way_get(void)
{
	return pool_get(&pool);
}

static void pool_way_put(void *object)
{
	pool_put(&pool, object);
}

static void *local_get(void)
{
	return object_get();
}

static void local_put(void *object)
{
	object_put(object);
}

static void *arena_get(void)
{
	return arena_allocate(&arena, sizeof(struct object), 16);
}

static void arena_put_all(void)
{
	arena_release(&arena, (struct arena_mark){arena.top, (uintptr_t)(arena.top + 1)});
}

static void *locked_get(void)
{
	void *object;

	thread_lock(&lock);
	object = pool_get(&shared_pool);
	thread_unlock(&lock);
	return object;
}

static void locked_put(void *object)
{
	thread_lock(&lock);
	pool_put(&shared_pool, object);
	thread_unlock(&lock);
}

static const struct way ways_alone[] = {
	{.name = "malloc", .get = malloc_get, .put = free},
	{.name = "object pool", .get = pool_way_get, .put = pool_way_put},
	{.name = "pool per thread", .get = local_get, .put = local_put},
	{.name = "arena", .get = arena_get, .put_all = arena_put_all},
};
static const struct way ways_together[] = {
	{.name = "malloc", .get = malloc_get, .put = free},
	{.name = "one pool, one lock", .get = locked_get, .put = locked_put},
	{.name = "pool per thread", .get = local_get, .put = local_put},
};

static bool failed;

static void group(const struct way *way)
{
	struct object *got[GROUP];

	for (int i = 0; i < GROUP; i++) {
		got[i] = way->get();
		if (got[i])
			got[i]->words[0] = i;
		else
			failed = true;
	}
	for (int i = GROUP; way->put && i-- > 0;)
		way->put(got[i]);
	if (way->put_all)
		way->put_all();
}

// The threads' signals to the first one and back are bytes in pipes: waiting for those is no
// waiting on a futex.
static int to_main[2], begin[2], end[2];

static void send(const int *ends)
{
	failed |= write(ends[1], "", 1) != 1;
}

static void receive(const int *ends)
{
	char byte;

	failed |= read(ends[0], &byte, 1) != 1;
}

static void rounds(void *way)
{
	group(way); // what the first use costs is another matter
	send(to_main);
	receive(begin);
	for (int i = 0; i < TOGETHER; i++)
		group(way);
	send(to_main);
	receive(end);
	object_thread_ends();
}

static unsigned long measure_alone(const struct way *way)
{
	uint64_t start;

	group(way);
	group(way);
	start = time_stamp();
	for (int i = 0; i < ROUNDS; i++)
		group(way);
	return (time_stamp() - start) / (ROUNDS * GROUP);
}

struct cost {
	unsigned long time;  // for one object
	unsigned long waits; // on futexes, by the kernel's count
};

static struct cost measure_together(const struct way *way, int count)
{
	struct thread threads[THREADS_MAX];
	unsigned long waits;
	uint64_t start;
	struct cost cost;
	int started = 0;

	while (started < count && thread_start(&threads[started], rounds, (void *)(uintptr_t)way))
		started++;
	failed |= started < count;
	for (int i = 0; i < started; i++)
		receive(to_main);
	waits = counter("futex_waits");
	start = time_stamp();
	for (int i = 0; i < started; i++)
		send(begin);
	for (int i = 0; i < started; i++)
		receive(to_main);
	cost.time = (time_stamp() - start) / (uint64_t)(TOGETHER * GROUP * count);
	cost.waits = counter("futex_waits") - waits;
	for (int i = 0; i < started; i++)
		send(end);
	for (int i = 0; i < started; i++)
		thread_join(&threads[i]);
	return cost;
}

static int processors(void)
{
	unsigned long mask[16] = {0};
	int count = 0;

	system_call3(__NR_sched_getaffinity, 0, sizeof(mask), (long)mask);
	for (int bit = 0; bit < 1024; bit++)
		count += mask[bit / 64] >> (bit % 64) & 1;
	return count;
}

static void alone(void)
{
	unsigned long cost, first = 0, best = 0;

	printf("%-20s %12s\n", "one thread", time_unit());
	for (size_t i = 0; i < sizeof(ways_alone) / sizeof(*ways_alone); i++) {
		cost = measure_alone(&ways_alone[i]);
		first = i == 0 ? cost : first;
		best = i == 0 || cost < best ? cost : best;
		printf("%-20s %12lu  %s\n", ways_alone[i].name, cost, bar(cost, first / 30 + 1));
	}
	say("\nWhat is made in advance or ends together costs down to %lu%% of what malloc "
	    "does.",
	    best * 100 / first);
}

static void together(void)
{
	struct cost costs[3];
	int cpus = processors(), count = cpus < THREADS_MAX ? cpus : THREADS_MAX;

	count = count < 2 ? 2 : count;
	printf("\n%d threads, %d CPU%-6s %12s %12s\n", count, cpus, cpus == 1 ? "" : "s",
	       time_unit(), "futex waits");
	for (size_t i = 0; i < 3; i++) {
		costs[i] = measure_together(&ways_together[i], count);
		printf("%-20s %12lu %12lu  %s\n", ways_together[i].name, costs[i].time,
		       costs[i].waits, bar(costs[i].time, costs[0].time / 15 + 1));
	}
	say("\nOne lock for all costs %lu.%lu times what a pool in each thread does, and made "
	    "threads wait %lu times; a pool in each, %lu times.",
	    costs[1].time / costs[2].time, costs[1].time * 10 / costs[2].time % 10, costs[1].waits,
	    costs[2].waits);
}

int main(void)
{
	screen_start();
	arena_init(&arena, 4096, 64 << 10);
	if (pipe(to_main) != 0 || pipe(begin) != 0 || pipe(end) != 0 ||
	    !pool_create(&pool, GROUP, sizeof(struct object), 16, NULL, NULL) ||
	    !pool_create(&shared_pool, GROUP * THREADS_MAX, sizeof(struct object), 16, NULL,
			 NULL)) {
		perror("pools");
		return 2;
	}
	alone();
	together();
	return failed;
}
