// SPDX-License-Identifier: MIT
//
// The same source with three C libraries: the project's own, musl and glibc. Only what all three
// have; the output must be the same, on Linux and on the kernel.
// arguments: one two
// status: 3
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *copy = malloc(64);

	if (!copy)
		return 1;
	snprintf(copy, 64, "%s-%s", argv[1], argv[2]);
	printf("hello, %d arguments: %s, %zu bytes\n", argc - 1, copy, strlen(copy));
	free(copy);
	return 3;
}
