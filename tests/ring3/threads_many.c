// SPDX-License-Identifier: MIT
//
// A hundred threads at a time, made and joined twenty times over, each of which allocates; and
// that nothing of them is left.
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define THREADS 100
#define ROUNDS  20

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *work(void *number)
{
	char *blocks[8];
	long sum = 0;

	for (int i = 0; i < 8; i++) {
		size_t size = 16 + (size_t)(i * 97 + (long)number * 31) % 3000;

		blocks[i] = malloc(size);
		if (!blocks[i])
			exit(2);
		memset(blocks[i], (int)(long)number, size);
	}
	for (int i = 0; i < 8; i++) {
		sum += blocks[i][15] == (char)(long)number;
		free(blocks[i]);
	}
	pthread_mutex_lock(&mutex);
	total += sum;
	pthread_mutex_unlock(&mutex);
	return number;
}

static int tasks(void)
{
	DIR *directory = opendir("/proc/self/task");
	int count = 0;

	if (!directory)
		return -1;
	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static int threads_line(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	int count = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Threads: %d", &count) == 1)
			break;
	if (file)
		fclose(file);
	return count;
}

static pthread_barrier_t barrier;

static void *stay(void *unused)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

// A joined thread's last instructions may still be ahead of it.
static int settled(int (*count)(void))
{
	for (int i = 0; i < 1000 && count() != 1; i++)
		usleep(1000);
	return count();
}

static void listing(void)
{
	pthread_t threads[5];

	pthread_barrier_init(&barrier, NULL, 6);
	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, stay, NULL);
	pthread_barrier_wait(&barrier);
	show("in /proc/self/task", tasks());
	show("in /proc/self/status", threads_line());
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	pthread_t threads[THREADS];
	pthread_attr_t attributes;
	void *result;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	listing();
	for (int round = 0; round < ROUNDS; round++) {
		for (long i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], &attributes, work, (void *)i))
				exit(3);
		for (long i = 0; i < THREADS; i++)
			if (pthread_join(threads[i], &result) || result != (void *)i)
				exit(4);
	}
	show("blocks found as they were left", total);
	show("tasks left", settled(tasks));
	show("threads left", settled(threads_line));
	return tap_end();
}
