// SPDX-License-Identifier: MIT
//
// Nothing is wrong here either: MALLOC_DEBUG=watch looks at several threads at once, with
// functions that use the stack below rsp. With an argument the last thread writes behind a block.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 3
#define BYTES   20

static __attribute__((noinline)) int leaf(int factor, int term)
{
	volatile int table[8];

	for (int i = 0; i < 8; i++)
		table[i] = factor * i + term;
	return table[3];
}

static void *work(void *too_many)
{
	long sum = 0;

	for (int i = 0; i < 60; i++) {
		char *block = malloc(BYTES);

		block[i % BYTES] = 1;
		sum += leaf(i, 2);
		free(block);
	}
	if (too_many)
		((char *)too_many)[BYTES] = 1; // the mistake
	return (void *)sum;
}

int main(int count, char **words)
{
	pthread_t threads[THREADS];
	void *block = count > 1 ? malloc(BYTES) : NULL;

	(void)words;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, i == THREADS - 1 ? block : NULL);
	work(NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts("nothing wrong");
	return 0;
}
