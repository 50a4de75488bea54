// SPDX-License-Identifier: MIT
//
// lib/libc/malloc.c under ThreadSanitizer: threads that allocate, resize, free, and free what
// others allocated; threads that end and whose blocks are freed later; who counts and trims
// meanwhile.
#define _GNU_SOURCE
#include <pthread.h>
#include "tests/unit/malloc_under_test.h"

#define THREADS 4
#define ROUNDS  6
#define STEPS   4000
#define SHELF   256

static unsigned char *shelf[SHELF]; // where threads leave blocks for others
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static unsigned char *exchange(unsigned int place, unsigned char *block)
{
	unsigned char *other;

	pthread_mutex_lock(&door);
	other = shelf[place];
	shelf[place] = block;
	pthread_mutex_unlock(&door);
	return other;
}

static size_t any_size(unsigned int *seed)
{
	unsigned int number = (unsigned int)rand_r(seed);

	return number % 64 == 0  ? number % 300000
	       : number % 8 == 0 ? number % 20000
				 : number % 600;
}

static void step(unsigned int *seed)
{
	size_t size = any_size(seed);
	unsigned char *block = tested_malloc(size + 1);

	block[0] = 1;
	block[size] = 2;
	block = exchange((unsigned int)rand_r(seed) % SHELF, block);
	if (block && rand_r(seed) % 4 == 0) {
		block = tested_realloc(block, any_size(seed) + 1);
		block[0] = 3;
	}
	tested_free(block);
}

static void *work(void *number)
{
	unsigned int seed = (unsigned int)(uintptr_t)number;

	for (int i = 0; i < STEPS; i++) {
		step(&seed);
		if (i % 512 == 0)
			tested_mallinfo2();
		if (i % 1024 == 0)
			tested_trim(0);
	}
	malloc_thread_end();
	return NULL;
}

int main(void)
{
	pthread_t ids[THREADS];

	fresh_heap(NULL);
	for (uintptr_t round = 0; round < ROUNDS; round++) {
		for (uintptr_t i = 0; i < THREADS; i++)
			if (pthread_create(&ids[i], NULL, work, (void *)(round * THREADS + i)) !=
			    0)
				return 1;
		for (int i = 0; i < THREADS; i++)
			pthread_join(ids[i], NULL);
	}
	for (unsigned int i = 0; i < SHELF; i++)
		tested_free(exchange(i, NULL));
	empty_caches();
	if (audit() != 0)
		return 1;
	puts("nothing is left");
	return 0;
}
