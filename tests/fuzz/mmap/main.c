// SPDX-License-Identifier: MIT
//
// The mmap fuzzer: see fuzz.h.
//   mmap [-v] SEED[-LAST] STEPS [LIST]   one seed or several; LIST, as 3,7-9, are the steps to do
//   mmap [-v] @FILE                      lines of these
// -v also prints the window's mappings after each step.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

char *window;
unsigned window_pages;
int file, writable_file;
int unmappable[4];
bool verbose;

static uint64_t random_state;

static const struct operation *const tables[] = {
	map_operations,  change_operations, remap_operations,   advise_operations,
	lock_operations, access_operations, process_operations,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
uint64_t chance_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned chance(unsigned below)
{
	return chance_bits() % below;
}

void reseed(uint64_t seed, uint64_t step)
{
	random_state = seed * 0xd1342543de82ef95 + step * 0x2545f4914f6cdd1d;
	chance_bits();
}

static const struct operation *choose(unsigned first, unsigned last)
{
	unsigned total = 0, at;

	for (unsigned i = first; i < last; i++)
		for (const struct operation *op = tables[i]; op->name; op++)
			total += op->weight;
	at = chance(total);
	for (unsigned i = first; i < last; i++) {
		for (const struct operation *op = tables[i]; op->name; op++) {
			if (at < op->weight)
				return op;
			at -= op->weight;
		}
	}
	return NULL;
}

// The first steps only map, so that the others find something.
void random_step(unsigned long step)
{
	const struct operation *operation = choose(0, step < 6 ? 1 : TABLES);

	say("%s", operation->name);
	operation->run();
	say(" | %016lx\n", look_at_mappings());
}

static bool listed(const char *list, unsigned long step)
{
	while (list && *list) {
		char *rest;
		unsigned long first = strtoul(list, &rest, 10), last = first;

		if (*rest == '-')
			last = strtoul(rest + 1, &rest, 10);
		if (first <= step && step <= last)
			return true;
		list = *rest == ',' ? rest + 1 : rest;
	}
	return !list;
}

// The writable one is new for each seed, and gone when it ends.
static void open_files(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/mmap-fuzz-%d", getpid());
	mkdir("/tmp", 0777);
	file = open("/proc/self/exe", O_RDONLY);
	writable_file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink(name);
	unmappable[2] = open("/", O_RDONLY | O_DIRECTORY);
	unmappable[3] = open("/proc/self/status", O_RDONLY);
	if (file < 0 || ftruncate(writable_file, 12 * PAGE + PAGE / 2) || pipe(unmappable))
		abort();
}

static void run_seed(unsigned long seed, unsigned long steps, const char *list)
{
	// Borders of tables of each level.
	static const unsigned long borders[] = {0x200200000, 0x240000000, 0x8000000000};

	window_pages = seed % 5 == 4 ? MOST_PAGES : 64;
	window = (char *)borders[seed % 3] - window_pages / 2 * PAGE;
	catch_faults();
	open_files();
	for (unsigned long step = 0; step < steps; step++) {
		if (!listed(list, step))
			continue;
		reseed(seed, step);
		say("%lu ", step);
		random_step(step);
	}
	say("end %016lx\n", look_at_contents());
	say_flush();
	_exit(0);
}

// Each seed has a process of its own, so that it does not matter which came before.
static int run_job(char *seeds, unsigned long steps, const char *list)
{
	unsigned long seed = strtoul(seeds, &seeds, 10), last = seed;
	int status = 0, failed = 0;

	if (*seeds == '-')
		last = strtoul(seeds + 1, NULL, 10);
	for (; seed <= last; seed++) {
		pid_t child;

		printf("== seed %lu steps %lu%s%s\n", seed, steps, list ? " " : "",
		       list ? list : "");
		fflush(stdout);
		child = fork();
		if (child == 0)
			run_seed(seed, steps, list);
		waitpid(child, &status, 0);
		failed |= status;
		printf("== status %d\n", status);
		fflush(stdout);
	}
	return failed;
}

static int run_file(const char *path)
{
	static char line[1 << 16];
	FILE *jobs = fopen(path, "r");
	int failed = !jobs;

	while (jobs && fgets(line, sizeof(line), jobs)) {
		char *seeds = strtok(line, " \n"), *steps = strtok(NULL, " \n");

		if (steps)
			failed |= run_job(seeds, strtoul(steps, NULL, 10), strtok(NULL, " \n"));
	}
	return failed;
}

int main(int argc, char **argv)
{
	int at = 1;

	if (argc > at && !strcmp(argv[at], "-v")) {
		verbose = true;
		at++;
	}
	if (argc <= at)
		return 2;
	if (argv[at][0] == '@')
		return run_file(argv[at] + 1) != 0;
	return run_job(argv[at], argc > at + 1 ? strtoul(argv[at + 1], NULL, 10) : 80,
		       argc > at + 2 ? argv[at + 2] : NULL) != 0;
}
