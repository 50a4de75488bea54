// SPDX-License-Identifier: MIT
//
// Forks 200 deep and 200 wide, everybody writing everywhere and leaving in an order of chance.
// Each process checks that it sees its own writes and nobody else's. Usage: fork_storm [SEED
// [COUNT]].

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES 24
#define WORDS (PAGES * 512)

static uint64_t memory[WORDS] __attribute__((aligned(4096)));
static uint64_t state;

static uint64_t chance(uint64_t below)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (state >> 33) % below;
}

// Marks some pages as `who`'s and remembers which.
static uint64_t write_some(uint64_t who, uint64_t *owners)
{
	uint64_t wrong = 0;

	for (unsigned page = 0; page < PAGES; page++) {
		wrong += memory[page * 512 + 7] != owners[page];
		if (chance(3))
			continue;
		memory[page * 512 + 7] = who;
		owners[page] = who;
	}
	return wrong;
}

static void nap(void)
{
	struct timespec time = {0, (long)chance(3000000)};

	nanosleep(&time, NULL);
}

// One process; it and its descendants give the number of wrong pages, up to 1, as exit status.
static int deep(unsigned depth, uint64_t *owners)
{
	uint64_t wrong = write_some(depth, owners);
	int status = 0;
	pid_t child;

	if (depth > 1) {
		child = fork();
		if (child < 0)
			return 2;
		if (child == 0)
			_exit(deep(depth - 1, owners));
		if (chance(2))
			wrong += write_some(depth, owners);
		if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
			return 3;
	}
	wrong += write_some(depth, owners);
	return wrong ? 1 : WEXITSTATUS(status);
}

static int wide(unsigned count, uint64_t *owners)
{
	unsigned started = 0, bad = 0;
	int status;

	for (unsigned i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			return 2;
		state += i;
		if (child == 0) {
			uint64_t wrong = write_some(1000 + i, owners);

			nap();
			wrong += write_some(1000 + i, owners);
			_exit(wrong != 0);
		}
		started++;
		if (chance(4) == 0)
			bad += write_some(i, owners) != 0;
	}
	while (started-- > 0) {
		if (wait(&status) < 0 || !WIFEXITED(status))
			return 3;
		bad += WEXITSTATUS(status) != 0;
	}
	return bad != 0;
}

int main(int argc, char **argv)
{
	static uint64_t owners[PAGES];
	unsigned count = argc > 2 ? strtoul(argv[2], NULL, 0) : 200;
	int result;

	state = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	printf("1..2\n# repeat with: fork_storm %lu %u\n", (unsigned long)state, count);
	fflush(stdout);
	result = deep(count, owners);
	printf("%s 1 - %u processes deep see their own writes (%d)\n", result ? "not ok" : "ok",
	       count, result);
	fflush(stdout);
	result = wide(count, owners);
	printf("%s 2 - %u processes side by side see their own writes (%d)\n",
	       result ? "not ok" : "ok", count, result);
	return 0;
}
