// SPDX-License-Identifier: MIT
//
// The stack grows by being touched, down to its limit and never into what lies below.
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "tests/ring3/tap.h"

static long depth_wanted;

// Each call takes about half a page.
__attribute__((noinline)) static long descend(long depth)
{
	volatile char room[2000];

	room[0] = (char)depth;
	room[sizeof(room) - 1] = 1;
	return depth == 0 ? 0 : descend(depth - 1) + room[sizeof(room) - 1];
}

static int deep(void)
{
	return descend(depth_wanted) == depth_wanted ? 0 : 1;
}

static int endless(void)
{
	return (int)descend(1l << 40);
}

static int far_below(void)
{
	volatile char *here = (char *)__builtin_frame_address(0) - (4l << 20);

	*here = 1; // far below what was touched, but inside the limit
	return *here == 1 ? 0 : 1;
}

static int below_the_limit(void)
{
	volatile char *here = (char *)__builtin_frame_address(0) - (64l << 20);

	*here = 1;
	return 0;
}

static int large_array(void)
{
	volatile char room[1 << 20];

	for (size_t i = 0; i < sizeof(room); i += PAGE)
		room[i] = 1;
	for (size_t i = 0; i < sizeof(room); i += PAGE)
		if (room[i] != 1)
			return 1;
	return 0;
}

static int zeroed(void)
{
	const char *below = (char *)__builtin_frame_address(0) - (1 << 20);

	for (int i = 0; i < 4096 * 16; i++)
		if (below[i])
			return 1;
	return 0;
}

static int child_of_deep(void)
{
	volatile char room[100 * PAGE];
	int status;

	memset((char *)room, 5, sizeof(room));
	status = in_child(large_array);
	for (size_t i = 0; i < sizeof(room); i++)
		if (room[i] != 5)
			return 1;
	return status;
}

// A lower limit set by the process itself holds at once.
static int lowered_limit(void)
{
	struct rlimit limit = {1 << 20, 8 << 20};

	if (setrlimit(RLIMIT_STACK, &limit) < 0)
		return 1;
	return (int)descend(2000); // 4 MB
}

// Something mapped inside the stack's reach: the gap before it is kept.
static int into_a_mapping(void)
{
	char *here = (char *)((unsigned long)__builtin_frame_address(0) & -(unsigned long)PAGE);
	char *wall = here - (2l << 20);

	if (mmap(wall, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != wall)
		return 1;
	return (int)descend(3000);
}

int main(void)
{
	struct rlimit limit = {8 << 20, 8 << 20};

	setrlimit(RLIMIT_STACK, &limit);
	depth_wanted = 100;
	show_status("100 calls", in_child(deep));
	depth_wanted = 3500;
	show_status("3500 calls, 7 MB", in_child(deep));
	show_status("calls without end", in_child(endless));
	show_status("4 MiB below", in_child(far_below));
	show_status("64 MiB below", in_child(below_the_limit));
	show_status("an array of 1 MiB", in_child(large_array));
	show_status("fresh stack is zero", in_child(zeroed));
	show_status("a child of a deep stack", in_child(child_of_deep));
	show_status("a lowered limit", in_child(lowered_limit));
	show_status("into a mapping", in_child(into_a_mapping));
	check(deep() == 1 || descend(100) == 100, "the parent's stack is as it was");
	return tap_end();
}
