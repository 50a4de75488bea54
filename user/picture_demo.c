// SPDX-License-Identifier: MIT
//
// picture_demo: reserve, write, fork, write, exit, with a picture of memory at each step
//
// Run it with tools/run --picture, or as memmap --run picture_demo: pictures are drawn at its
// marks (user/lib/mark.h). Elsewhere it only says what it does.
#include "user/lib/figures.h"
#include "user/lib/mark.h"
#include "user/lib/screen.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES  512
#define STRIPE 32 // pages that the child writes one after the other, and then leaves out

static char *memory;
static int orders[2], reports[2]; // pipes to the child and back

static void step(const char *caption)
{
	say("%s", caption);
	fflush(stdout);
	mark(caption);
}

static void write_page(int page)
{
	*(volatile char *)(memory + page * (long)page_size()) = 1;
}

// The child writes every second stripe when it is told to, and ends at the end of its orders.
static _Noreturn void be_child(void)
{
	char byte;

	close(orders[1]);
	while (read(orders[0], &byte, 1) == 1) {
		for (int page = 0; page < PAGES; page++)
			if (page / STRIPE % 2 == 0)
				write_page(page);
		if (write(reports[1], &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static pid_t fork_child(void)
{
	pid_t child;

	if (pipe(orders) < 0 || pipe(reports) < 0)
		return -1;
	child = fork();
	if (child == 0)
		be_child();
	close(orders[0]);
	return child;
}

static void let_child_write(void)
{
	char byte = 0;

	if (write(orders[1], &byte, 1) != 1 || read(reports[0], &byte, 1) != 1)
		perror("picture_demo: the child");
}

int main(void)
{
	pid_t child;

	screen_start();
	memory = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("picture_demo: mmap");
		return 2;
	}
	step("1. Reserved: 512 pages of addresses, and not one frame.");
	for (int page = 0; page < PAGES; page++)
		write_page(page);
	step("2. Written: each page has a frame of its own.");
	child = fork_child();
	if (child < 0) {
		perror("picture_demo: fork");
		return 2;
	}
	step("3. After fork: nothing was copied, both processes share every frame.");
	let_child_write();
	step("4. The child has written every second stripe: those were copied, one by one.");
	for (int page = 0; page < PAGES / 2; page++)
		write_page(page);
	step("5. The parent has written its upper half: what it shared there was copied.");
	close(orders[1]);
	waitpid(child, NULL, 0);
	step("6. The child has ended: its frames are free, the others have one owner again.");
	return 0;
}
