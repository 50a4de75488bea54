// SPDX-License-Identifier: MIT
//
// Walks N from 1 until nothing fails any more: the Nth allocation inside one operation fails. Each
// try is in a process of its own; it may fail with ENOMEM, be ended by SIGKILL (a page fault has
// no other way to fail), or succeed (what failed was not needed). Anything else is wrong.
// tests/scenario/fail_nth.t reads the books afterwards.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 2000

// How a try ended, as exit status.
enum { NOT_REACHED, FAILED_CLEANLY, DID_WITHOUT, WRONG_ERROR, BROKEN };

static int control; // /proc/self/fail-nth, opened by the process it is about

static inline int open_control(void)
{
	control = open("/proc/self/fail-nth", O_RDWR);
	return control;
}

static inline void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(control, text, length, 0) != length)
		_exit(BROKEN);
}

// What is left to count; disarms.
static inline int left(void)
{
	char text[16] = "";

	if (pread(control, text, sizeof(text) - 1, 0) <= 0)
		_exit(BROKEN);
	arm(0);
	return atoi(text);
}

struct operation {
	const char *name;
	int (*run)(void); // 0 or an errno
};

static inline int verdict(int error)
{
	if (left())
		return error ? WRONG_ERROR : NOT_REACHED;
	if (!error)
		return DID_WITHOUT;
	return error == ENOMEM || error == EAGAIN || error == ENOBUFS ? FAILED_CLEANLY
								      : WRONG_ERROR;
}

static inline int one_try(const struct operation *operation, int nth)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return BROKEN;
	if (child == 0) {
		if (open_control() < 0)
			_exit(BROKEN);
		arm(nth);
		_exit(verdict(operation->run()));
	}
	if (waitpid(child, &status, 0) != child)
		return BROKEN;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGKILL ? FAILED_CLEANLY : BROKEN;
}

static inline int walk(int number, const struct operation *operation)
{
	int nth, result = NOT_REACHED, failures = 0;

	for (nth = 1; nth < LIMIT; nth++) {
		result = one_try(operation, nth);
		if (result == NOT_REACHED || result > DID_WITHOUT)
			break;
		failures += result == FAILED_CLEANLY;
	}
	printf("%sok %d - %s: %d of %d failures were reported, the others done without\n",
	       result == NOT_REACHED && nth > 1 ? "" : "not ", number, operation->name, failures,
	       nth - 1);
	if (result != NOT_REACHED)
		printf("# allocation %d: result %d\n", nth, result);
	fflush(stdout);
	return result == NOT_REACHED && nth > 1 ? 0 : 1;
}
