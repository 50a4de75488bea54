// SPDX-License-Identifier: MIT
//
// Truncation, holes and writes against mappings of the same file in several threads and processes:
// nobody sees what is not the file's, and whatever lies beyond the end is a signal, not a page
// that somebody else has by now.
//
// Every byte of the file is 0 or FILE_BYTE. A page that is freed too early, or that stays mapped
// too long, soon has another process's bytes in it: the polluters fill theirs with other ones.
// run: --cpus 2 --timeout 120
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "tests/ring3/workplace.h"

#define PAGES 16
#ifndef ROUNDS
#define ROUNDS 1000
#endif
#define FILE_BYTE 0x5a

static int fd;
static char *map, *copy;
static volatile int ending, wrong;
static __thread sigjmp_buf come_back;

static void handler(int number)
{
	siglongjmp(come_back, number);
}

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

// Reads and writes wherever there is a file.
static void *toucher(void *argument)
{
	static __thread unsigned seed; // outlives the jumps

	seed = (unsigned)(long)argument;
	while (!ending) {
		volatile char *from = (next(&seed) & 1 ? map : copy) + next(&seed) % PAGES * PAGE;

		if (sigsetjmp(come_back, 1))
			continue;
		for (int i = 0; i < 32; i++) {
			char byte = from[next(&seed) % PAGE];

			if (byte != 0 && byte != FILE_BYTE)
				wrong++;
		}
		map[next(&seed) % (PAGES * PAGE)] = FILE_BYTE;
	}
	return NULL;
}

// Has pages of its own all the time, with other bytes in them.
static void *polluter(void *argument)
{
	while (!ending) {
		char *own = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(own, 0x33, 8 * PAGE);
		munmap(own, 8 * PAGE);
	}
	return argument;
}

// A process with mappings of its own, which comes and goes.
static void *forker(void *argument)
{
	int status;

	while (!ending) {
		if (fork() == 0) {
			if (sigsetjmp(come_back, 1) == 0)
				for (int i = 0; i < PAGES; i++)
					if (map[i * PAGE] != 0 && map[i * PAGE] != FILE_BYTE)
						_exit(1);
			_exit(0);
		}
		wait(&status);
		if (status != 0)
			wrong++;
	}
	return argument;
}

static void change(void)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	static char block[PAGE * 4];
	unsigned seed = 7;

	memset(block, FILE_BYTE, sizeof(block));
	for (int i = 0; i < ROUNDS; i++) {
		switch (next(&seed) % 4) {
		case 0:
			ftruncate(fd, next(&seed) % (PAGES * PAGE));
			break;
		case 1:
			ftruncate(fd, PAGES * PAGE);
			break;
		case 2:
			fallocate(fd, punch, next(&seed) % (PAGES * PAGE),
				  1 + next(&seed) % (8 * PAGE));
			break;
		default:
			pwrite(fd, block, sizeof(block), next(&seed) % ((PAGES - 4) * PAGE));
		}
	}
}

int main(void)
{
	pthread_t threads[5];

	signal(SIGBUS, handler);
	enter_workplace();
	fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0600);
	ftruncate(fd, PAGES * PAGE);
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	copy = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(map != MAP_FAILED && copy != MAP_FAILED, "mapped twice");
	pthread_create(&threads[0], NULL, toucher, (void *)1);
	pthread_create(&threads[1], NULL, toucher, (void *)2);
	pthread_create(&threads[2], NULL, toucher, (void *)3);
	pthread_create(&threads[3], NULL, polluter, NULL);
	pthread_create(&threads[4], NULL, forker, NULL);
	change();
	ending = 1;
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	show("wrong bytes", wrong);
	close(fd);
	leave_workplace();
	return tap_end();
}
