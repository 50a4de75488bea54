// SPDX-License-Identifier: MIT
//
// Walks N from 1 until nothing fails any more: the Nth allocation inside one system call fails.
// The call says ENOMEM or does without; the audit then finds nothing wrong.
#pragma once

#include <fcntl.h>
#include "tests/ring3/tap.h"

#define WALK_LIMIT 500

static int fail_nth; // /proc/self/fail-nth

static inline void open_fail_nth(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
}

// The next allocations: the Nth fails; 0: none. The calls between this and left() are the ones
// meant.
static inline void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (write(fail_nth, text, (size_t)length) != length)
		exit(1);
}

static inline int left(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 1)
		exit(1);
	return atoi(text);
}

// `clean` (or NULL): undoes what a try may have left, after each of them.
static inline void walk(const char *name, long (*call)(void), void (*clean)(void))
{
	int nth, remaining = 0;

	for (nth = 1; nth < WALK_LIMIT && remaining == 0; nth++) {
		long result;
		int error;

		errno = 0;
		arm(nth);
		result = call();
		error = errno;
		remaining = left();
		arm(0);
		if (clean)
			clean();
		if (result < 0 && (remaining != 0 || error != ENOMEM)) {
			printf("# %d%s: %s\n", nth, remaining ? ", where nothing failed" : "",
			       strerror(error));
			check(false, name);
			return;
		}
	}
	check(nth > 2 && nth < WALK_LIMIT, name); // each call allocates something
}

static inline void check_audit(void)
{
	char audit[200] = "";
	int fd = open("/sys/kernel/debug/faultline/audit", O_RDONLY);

	check(read(fd, audit, sizeof(audit) - 1) > 0 && strstr(audit, " 0 wrong\n"), "audit");
	printf("# %s", strstr(audit, " 0 wrong") ? "" : audit);
	close(fd);
}
