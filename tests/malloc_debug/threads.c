// SPDX-License-Identifier: MIT
//
// Threads that allocate, resize, hand over and free at random, and fork meanwhile; every byte of a
// block is checked before it goes. With MALLOC_DEBUG, nothing of this is a mistake.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define BLOCKS  64
#define ROUNDS  3000

static struct {
	pthread_mutex_t lock;
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
} blocks[BLOCKS];
static int wrong;

static void check(size_t i)
{
	for (size_t at = 0; at < blocks[i].size; at++)
		if (blocks[i].bytes[at] != blocks[i].mark)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	if (blocks[i].bytes && malloc_usable_size(blocks[i].bytes) < blocks[i].size)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void change(size_t i, unsigned int *state)
{
	size_t size = (size_t)rand_r(state) % (rand_r(state) % 50 ? 300 : 20000);
	int way = rand_r(state) % 5;

	check(i);
	if (way == 0 && blocks[i].bytes) {
		blocks[i].bytes = realloc(blocks[i].bytes, size + 1);
		blocks[i].size = size < blocks[i].size ? size : blocks[i].size;
		check(i);
	} else {
		free(blocks[i].bytes);
		blocks[i].size = size;
		blocks[i].mark = 0;
		if (way == 1)
			blocks[i].bytes = calloc(1, size);
		else if (way == 2)
			blocks[i].bytes = memalign(64u << rand_r(state) % 8, size);
		else
			blocks[i].bytes = malloc(size);
		if (way == 1)
			check(i);
	}
	blocks[i].size = size;
	blocks[i].mark = (unsigned char)rand_r(state);
	memset(blocks[i].bytes, blocks[i].mark, size);
}

static void *work(void *number)
{
	unsigned int state = (unsigned int)(uintptr_t)number + 1;

	for (int round = 0; round < ROUNDS; round++) {
		size_t i = (size_t)rand_r(&state) % BLOCKS;

		pthread_mutex_lock(&blocks[i].lock);
		change(i, &state);
		pthread_mutex_unlock(&blocks[i].lock);
	}
	return NULL;
}

static int fork_meanwhile(void)
{
	int status = 0, failed = 0;

	for (int i = 0; i < 10; i++) {
		pid_t child = fork();

		if (child == 0) {
			free(malloc(1000));
			_exit(0);
		}
		waitpid(child, &status, 0);
		failed += status != 0;
	}
	return failed;
}

int main(void)
{
	pthread_t threads[THREADS];
	int failed;

	for (size_t i = 0; i < BLOCKS; i++)
		pthread_mutex_init(&blocks[i].lock, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	failed = fork_meanwhile();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < BLOCKS; i++) {
		check(i);
		free(blocks[i].bytes);
	}
	printf("%d bytes wrong, %d children failed\n", wrong, failed);
	return wrong || failed;
}
