// SPDX-License-Identifier: MIT
//
// Bug 3: scanf("%ld", number) without the &: the number is taken for the address to write to. What
// happens depends on what the variable holds: an address of code, of another function's variable
// on the stack, or of a block on the heap. Say which: bad_pointer code|stack|heap, and type a
// number.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What it has in its variable stays behind on the stack, where the next function has its own.
static void leave_behind(long something)
{
	long copy = something;

	(void)copy;
}

static void ask(void)
{
	long number;

	scanf("%ld", number); // the bug: &number is meant
}

int main(int argc, char **argv)
{
	const char *target = argc > 1 ? argv[1] : "heap";
	long account = 1000;
	long *savings = malloc(sizeof(long));

	setbuf(stdout, NULL);
	if (!savings)
		return 1;
	*savings = 5000;
	if (strcmp(target, "code") == 0)
		leave_behind((long)main);
	else if (strcmp(target, "stack") == 0)
		leave_behind((long)&account);
	else
		leave_behind((long)savings);
	ask();
	printf("account, on main's stack, was 1000 and is %ld\n", account);
	printf("savings, on the heap, were 5000 and are %ld\n", *savings);
	free(savings);
	return 0;
}
