// SPDX-License-Identifier: MIT
//
// Nothing is wrong here, and MALLOC_DEBUG=watch has to say so: numbers with the x87, vectors,
// variable arguments, structures copied with their gaps, longjmp, a buffer beside its canary.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gaps {
	char first;
	long second;
	char third;
};

static jmp_buf place;

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void jump(int depth)
{
	char buffer[32];

	snprintf(buffer, sizeof(buffer), "%d", depth);
	if (depth == 0)
		longjmp(place, 1);
	jump(depth - 1);
	puts(buffer);
}

int main(void)
{
	long double precise = strtod("1.25", NULL);
	int numbers[] = {5, 3, 9, 1, 7};
	struct gaps a = {'a', 2, 'c'}, b = a, *heap = malloc(sizeof(*heap));
	char text[64], *copy;

	*heap = b;
	qsort(numbers, 5, sizeof(*numbers), compare);
	if (setjmp(place) == 0)
		jump(5);
	snprintf(text, sizeof(text), "%Lg %ld %d %c %ld", precise * 2, strtol("0x1f", NULL, 0),
		 numbers[2], heap->third, heap->second);
	copy = strdup(text);
	printf("%s %zu\n", copy, strlen(copy));
	free(copy);
	free(heap);
	return 0;
}
