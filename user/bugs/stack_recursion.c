// SPDX-License-Identifier: MIT
//
// Bug 7b: a function calls itself and never ends: a list that is a ring. The stack grows until it
// may not, and there the kernel ends the program.
#include <stdio.h>

struct node {
	long value;
	struct node *next;
};

static long sum(const struct node *node)
{
	char line[400]; // of a report, say

	line[0] = '\0';
	if (!node)
		return line[0];
	return node->value + sum(node->next); // the bug: no end in a ring
}

int main(void)
{
	struct node second = {2, NULL}, first = {1, &second};

	setbuf(stdout, NULL);
	printf("a list: %ld\n", sum(&first));
	second.next = &first;
	printf("a ring: %ld\n", sum(&first));
	return 0;
}
