// SPDX-License-Identifier: MIT
//
// Bug 1: a function returns the address of a variable that ends with it. The old value may still
// be there at first; the next function's variables take its place.
#include <stdio.h>

static int *largest(const int *numbers, int count)
{
	int found = numbers[0];
	int *result = &found;

	for (int i = 1; i < count; i++)
		if (numbers[i] > found)
			found = numbers[i];
	return result; // the bug
}

static int average(int a, int b, int c)
{
	int sum = a + b + c, count = 3;

	return sum / count;
}

int main(void)
{
	int numbers[] = {30, 90, 60}, before, after;
	int *best;

	setbuf(stdout, NULL);
	best = largest(numbers, 3);
	before = *best;
	average(3, 4, 5);
	after = *best;
	printf("the largest of 30 90 60: %d\n", before);
	printf("the same variable after another call: %d\n", after);
	return 0;
}
