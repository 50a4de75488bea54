// SPDX-License-Identifier: MIT
//
// What the ring-3 tests share. Their output is compared with what the same program prints on
// Linux, so it must not depend on addresses, process numbers or time. check() is for what is known
// beforehand; show() prints a result and leaves the judgement to the comparison.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096l

static int tap_count, tap_failed;

// Flushed at once: what is still in a buffer at a fork comes out twice.
static inline bool check(bool passed, const char *name)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_count, name);
	fflush(stdout);
	tap_failed += !passed;
	return passed;
}

// A system call's result: a number, or what errno says.
static inline void show(const char *name, long result)
{
	if (result == -1)
		printf("# %s: %s\n", name, strerror(errno));
	else
		printf("# %s: %ld\n", name, result);
	fflush(stdout);
}

// For calls whose good results are addresses.
static inline void show_pointer(const char *name, const void *result)
{
	show(name, result == (void *)-1 ? -1 : 0);
}

static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	fflush(stdout);
	return tap_failed != 0;
}

static inline void show_status(const char *name, int status)
{
	if (WIFEXITED(status))
		printf("# %s: exit status %d\n", name, WEXITSTATUS(status));
	else
		printf("# %s: signal %d\n", name, WTERMSIG(status));
	fflush(stdout);
}

// Runs a function in a child and returns the child's wait status; -1 when there is no child.
static inline int in_child(int (*function)(void))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(function());
	if (child > 0)
		waitpid(child, &status, 0);
	return status;
}
