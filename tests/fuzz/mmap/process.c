// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: looking at everything, and children.

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

static void look(void)
{
	say(" %016lx", look_at_contents());
}

// The child changes things, each in its own way; what of that its parent sees is in the next look.
static void forked(void)
{
	unsigned steps = 1 + chance(8);
	static bool in_child;
	int status = 0;
	pid_t child;

	if (in_child) {
		say(" not again");
		return;
	}
	say("\n");
	say_flush();
	child = fork();
	if (child == 0) {
		in_child = true;
		if (chance(2))
			say("  child %016lx\n", look_at_contents());
		for (unsigned i = 0; i < steps; i++) {
			say("  child ");
			random_step(-1ul);
		}
		say("  child %016lx\n", look_at_contents());
		say_flush();
		_exit(chance(100));
	}
	waitpid(child, &status, 0);
	say("  parent status %d", status);
	if (chance(2))
		say(" %016lx", look_at_contents());
}

const struct operation process_operations[] = {
	{"look", look, 15},
	{"fork", forked, 25},
	{},
};
