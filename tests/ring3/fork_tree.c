// SPDX-License-Identifier: MIT
//
// A tree of two hundred processes of any shape: each makes some children, gives each a part of
// those still to be made, writes here and there meanwhile, and at its end finds its own bytes as
// it left them. A parent learns from exit statuses whether all below it did. Its argument is
// the seed.
// arguments: 20240101
#include <sched.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define PROCESSES 200
#define PAGES     48

static unsigned int seed;
static unsigned char *area;
static unsigned char in_data[3 * PAGE] = {1};

static unsigned int next_random(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 16;
}

static void scribble(unsigned char value)
{
	for (int i = 0; i < PAGES; i++)
		if (next_random() % 3)
			area[i * PAGE + next_random() % PAGE] = value;
	in_data[next_random() % sizeof(in_data)] = value;
	memset(area, value, 16);
}

static int node(int processes, int number);

// Shares `processes` among some children, deep ones and wide ones; the sum of what they
// made, or -1.
static int grow(int processes, int number)
{
	int made = 0, status, wrong = 0;

	while (processes > 0) {
		int part = next_random() % 4 ? 1 + (int)next_random() % processes : processes;
		pid_t child = fork();

		if (child == 0) {
			seed += (unsigned int)part * 7919;
			_exit(node(part - 1, number + made + 1));
		}
		if (child < 0)
			return -1;
		processes -= part;
		made += part;
		scribble((unsigned char)number);
		if (next_random() % 5 == 0)
			wrong += wait(&status) > 0 && status != 0;
	}
	while (wait(&status) > 0)
		wrong += status != 0;
	return wrong ? -1 : made;
}

// The process `number`: everything it wrote must be there after all below it have written.
static int node(int processes, int number)
{
	unsigned char value = (unsigned char)number, own[2 * PAGE];
	volatile unsigned char *heap = malloc(5 * PAGE);

	memset(own, value, sizeof(own));
	heap[3 * PAGE] = value;
	scribble(value);
	if (grow(processes, number) != processes)
		return 1;
	for (unsigned int i = next_random() % 8; i > 0; i--)
		sched_yield();
	for (size_t i = 0; i < sizeof(own); i++)
		if (own[i] != value)
			return 2;
	for (int i = 0; i < 16; i++)
		if (area[i] != value)
			return 3;
	return heap[3 * PAGE] == value ? 0 : 4;
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	for (int i = 0; i < PAGES; i++)
		area[i * PAGE] = 1;
	show("processes", node(PROCESSES, 1) == 0 ? PROCESSES : -1);
	check(wait(NULL) == -1 && errno == ECHILD, "none is left");
	return tap_end();
}
