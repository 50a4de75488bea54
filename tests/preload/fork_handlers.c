// SPDX-License-Identifier: MIT
//
// A library that is ready for fork, as many are: it takes its lock before, under which its threads
// allocate, and allocates in parent and child after. malloc has to take its own lock last and give
// it up first, though the library asked to be told of forks before malloc's constructors ran.
// Built twice: as a shared object (-DLIBRARY) and as a program that forks.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3
#define FORKS   40

void library_work(void);

#ifdef LIBRARY
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void allocate(void)
{
	void *blocks[50];

	for (int i = 0; i < 50; i++)
		blocks[i] = malloc((size_t)(i * 1987 % 60000 + 1));
	for (int i = 0; i < 50; i++)
		free(blocks[i]);
}

void library_work(void)
{
	pthread_mutex_lock(&lock);
	allocate();
	pthread_mutex_unlock(&lock);
}

static void before(void)
{
	pthread_mutex_lock(&lock);
	allocate();
}

static void after(void)
{
	allocate();
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_atfork(before, after, after);
}
#else
static void *work(void *nothing)
{
	for (;;)
		library_work();
	return nothing;
}

int main(void)
{
	pthread_t thread;
	int status, good = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, NULL, work, NULL);
	for (int i = 0; i < FORKS; i++) {
		if (fork() == 0) {
			library_work();
			_exit(0);
		}
		wait(&status);
		good += status == 0;
	}
	printf("%d of %d\n", good, FORKS);
	return 0;
}
#endif
