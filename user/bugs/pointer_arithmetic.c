// SPDX-License-Identifier: MIT
//
// Bug 2: who adds sizeof(int) to a pointer to int goes four elements on, not one: the size is in
// the type already. Three of four elements are never written, and what is, soon lies outside.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 6

static void squares(int *at)
{
	for (int i = 0; i < COUNT; i++) {
		*at = i * i;
		at += sizeof(int); // the bug: at++ is meant
	}
}

int main(void)
{
	int *numbers = calloc(COUNT, sizeof(int));
	char *neighbour = malloc(40);

	setbuf(stdout, NULL);
	if (!numbers || !neighbour)
		return 1;
	memset(neighbour, '-', 39);
	neighbour[39] = '\0';
	printf("the neighbour before: %s\n", neighbour);
	squares(numbers);
	printf("the squares:          ");
	for (int i = 0; i < COUNT; i++)
		printf("%d ", numbers[i]);
	printf("\nthe neighbour after:  ");
	for (int i = 0; i < 39; i++)
		putchar(neighbour[i] < ' ' ? '?' : neighbour[i]);
	printf("\n");
	free(neighbour);
	free(numbers);
	return 0;
}
