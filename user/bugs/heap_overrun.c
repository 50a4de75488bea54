// SPDX-License-Identifier: MIT
//
// Bug 6: a block is initialised beyond its end: room for 12 bytes was asked for where 12 numbers
// were meant. The block behind it changes, and what malloc keeps between the two.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 12

static void clear(int *numbers, int count)
{
	for (int i = 0; i < count; i++)
		numbers[i] = 0; // the bug shows
}

int main(void)
{
	int *numbers = malloc(COUNT); // the bug: COUNT * sizeof(int)
	char *neighbour = malloc(12);

	setbuf(stdout, NULL);
	if (!numbers || !neighbour)
		return 1;
	strcpy(neighbour, "neighbour");
	printf("before: \"%s\"\n", neighbour);
	clear(numbers, COUNT);
	printf("after:  \"%s\"\n", neighbour);
	free(neighbour);
	free(numbers);
	return 0;
}
