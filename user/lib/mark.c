// SPDX-License-Identifier: MIT
//
// The program's end of the marks: see mark.h. Two pipes: captions out, a byte for each back.
#include "user/lib/mark.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE  "MEMMAP_MARKS"
#define WORDS_MAX 256

bool mark(const char *caption)
{
	const char *value = getenv(VARIABLE);
	char line[128], byte, *comma;
	int to, from;
	int length = snprintf(line, sizeof(line), "%s\n", caption);

	if (!value)
		return false;
	to = (int)strtol(value, &comma, 10);
	from = *comma ? atoi(comma + 1) : -1;
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	return write(to, line, (size_t)length) == length && read(from, &byte, 1) == 1;
}

// As a shell finds it, but for the places: /bin is all there is.
void mark_execute(char **program, const char *descriptors)
{
	static char variable[64], path[256];
	static char *environment[WORDS_MAX + 2];
	size_t count = 0;

	snprintf(variable, sizeof(variable), VARIABLE "=%s", descriptors);
	environment[count++] = variable;
	for (char **at = environ; *at && count <= WORDS_MAX; at++)
		environment[count++] = *at;
	environment[count] = NULL;
	snprintf(path, sizeof(path), "%s%s", strchr(program[0], '/') ? "" : "/bin/", program[0]);
	execve(path, program, environment);
}
