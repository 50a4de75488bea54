// SPDX-License-Identifier: MIT
//
// After a fork parent and child have the same bytes and nothing else in common: whoever writes
// writes to its own page, in every kind of memory a process has.
#include <fcntl.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define PAGES 64

static char in_data[2 * PAGE] = "data";
static char in_bss[2 * PAGE];
static char *heap, *mapping, *on_stack;

static void fill(char value)
{
	memset(in_data, value, sizeof(in_data));
	memset(in_bss, value, sizeof(in_bss));
	memset(heap, value, 2 * PAGE);
	memset(on_stack, value, 2 * PAGE);
	for (int i = 0; i < PAGES; i++)
		memset(mapping + i * PAGE, value + i, PAGE);
}

static bool holds(char value)
{
	for (long i = 0; i < 2 * PAGE; i++)
		if (in_data[i] != value || in_bss[i] != value || heap[i] != value ||
		    on_stack[i] != value)
			return false;
	for (int i = 0; i < PAGES; i++)
		for (int at = 0; at < PAGE; at++)
			if (mapping[i * PAGE + at] != (char)(value + i))
				return false;
	return true;
}

static int child_writes(void)
{
	if (!holds(1))
		return 1;
	fill(2);
	return holds(2) ? 0 : 2;
}

static int grandchild(void)
{
	fill(3);
	if (in_child(child_writes) == 0) // which expects 1 and must not find it
		return 1;
	return holds(3) ? 0 : 2;
}

static void parent_writes_first(void)
{
	int go[2], status;
	char byte = 0;
	pid_t child;

	if (pipe(go) < 0)
		return;
	fill(1);
	child = fork();
	if (child == 0) {
		if (read(go[0], &byte, 1) != 1)
			_exit(3);
		_exit(holds(1) ? 0 : 1);
	}
	fill(9);
	check(write(go[1], &byte, 1) == 1, "the parent writes first");
	waitpid(child, &status, 0);
	check(status == 0, "the child still sees what was at the fork");
	check(holds(9), "the parent sees what it wrote");
}

// Never touched before the fork: each gets its own zero page.
static void untouched(void)
{
	char *fresh =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	check(fresh[0] == 0, "read before the fork: zero");
	child = fork();
	if (child == 0) {
		fresh[0] = fresh[PAGE] = 5;
		_exit(fresh[0] + fresh[PAGE]);
	}
	waitpid(child, &status, 0);
	check(WEXITSTATUS(status) == 10, "the child writes to both pages");
	check(fresh[0] == 0 && fresh[PAGE] == 0, "the parent's are still zero");
}

static void shared(void)
{
	char *both = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	if (both == MAP_FAILED)
		return;
	both[0] = 1;
	child = fork();
	if (child == 0) {
		both[1] = both[0] + 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	check(both[1] == 2, "a shared mapping is written for both");
}

// The kernel writes to the caller's memory as the caller would: through copy-on-write.
static void written_by_the_kernel(void)
{
	int ends[2], status = -1;
	pid_t child;

	fill(1);
	if (pipe(ends) < 0 || write(ends[1], "kernel", 6) != 6)
		return;
	child = fork();
	if (child == 0)
		_exit(read(ends[0], mapping + PAGE - 3, 6) == 6 &&
				      memcmp(mapping + PAGE - 3, "kernel", 6) == 0
			      ? 0
			      : 1);
	waitpid(child, &status, 0);
	check(status == 0, "a child reads into shared pages");
	check(holds(1), "the parent's bytes are untouched");
}

int main(void)
{
	char stack[2 * PAGE];

	on_stack = stack;
	heap = malloc(2 * PAGE);
	mapping = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	fill(1);
	check(in_child(child_writes) == 0,
	      "the child sees the parent's bytes and changes its own");
	check(holds(1), "the parent's stay");
	check(in_child(child_writes) == 0 && holds(1), "a second child finds them the same");
	check(in_child(grandchild) == 0, "and so for a child's child");
	check(holds(1), "the parent's stay");
	parent_writes_first();
	untouched();
	shared();
	written_by_the_kernel();
	return tap_end();
}
