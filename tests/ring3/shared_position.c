// SPDX-License-Identifier: MIT
//
// One open file, several threads and processes: each byte is read by one of them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define READERS 4
#define PIECE   7 // bytes: a number that is no divisor of a page

static int descriptor;

static void *read_pieces(void *sum)
{
	unsigned char piece[PIECE];
	ssize_t count;

	while ((count = read(descriptor, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0; i < count; i++)
			*(long *)sum += piece[i];
		*(long *)sum += count << 32;
		sched_yield();
	}
	return NULL;
}

// How many bytes, shifted by 32, and the sum of all of them.
static long read_alone(void)
{
	long sum = 0;

	lseek(descriptor, 0, SEEK_SET);
	read_pieces(&sum);
	return sum;
}

static long read_by_threads(void)
{
	pthread_t threads[READERS];
	long sums[READERS] = {0}, sum = 0;

	lseek(descriptor, 0, SEEK_SET);
	for (int i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_pieces, &sums[i]);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		sum += sums[i];
	}
	return sum;
}

static long read_by_processes(void)
{
	long *sums = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long sum = 0;

	lseek(descriptor, 0, SEEK_SET);
	for (int i = 0; i < READERS; i++) {
		if (fork() == 0) {
			read_pieces(&sums[i]);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < READERS; i++)
		sum += sums[i];
	munmap(sums, PAGE);
	return sum;
}

int main(void)
{
	long alone;

	descriptor = open("/proc/self/exe", O_RDONLY);
	check(descriptor >= 0, "open");
	alone = read_alone();
	for (int round = 0; round < 3; round++) {
		check(read_by_threads() == alone, "threads read each byte once");
		check(read_by_processes() == alone, "processes read each byte once");
	}
	return tap_end();
}
