// SPDX-License-Identifier: MIT
//
// Several processes of several threads each, all of which take memory and give some of it back
// until there is none: each must end by SIGKILL, round after round, and the machine go on.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS    3
#define PROCESSES 3
#define PIECE     (1l << 20)

static void *take(void *unused)
{
	for (unsigned turn = 0;; turn++) {
		char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (piece == MAP_FAILED)
			continue;
		memset(piece, 1, PIECE);
		if (turn % 3 == 0)
			munmap(piece, PIECE);
	}
	return unused;
}

static void take_all(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, take, NULL))
		_exit(1);
	take(NULL);
}

int main(void)
{
	bool all = true;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PROCESSES; i++)
			if (fork() == 0)
				take_all();
		for (int i = 0, status; i < PROCESSES; i++) {
			wait(&status);
			all &= WIFSIGNALED(status) && WTERMSIG(status) == 9;
		}
	}
	puts(all ? "all were killed" : "not all were killed");
	return !all;
}
