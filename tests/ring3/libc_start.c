// SPDX-License-Identifier: MIT
//
// What is there before main: the arguments, constructors' work, thread-local variables with their
// first values, a stack that vector instructions may use.
// arguments: one two
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int constructed;
static __thread volatile int initialised = 42;
static __thread volatile char zero[100];
static __thread volatile long aligned __attribute__((aligned(64))) = 7;

__attribute__((constructor)) static void construct(void)
{
	constructed = initialised + 1;
}

__attribute__((noinline)) static volatile int *address_of_local(void)
{
	return &initialised;
}

int main(int argc, char **argv, char **environment)
{
	char on_stack[32] __attribute__((aligned(32)));
	int sum = 0;

	printf("%d %s %s %d\n", argc, argv[1], argv[2], argv[argc] == NULL);
	printf("%d\n", environment == environ);
	printf("%d\n", constructed);
	for (size_t i = 0; i < sizeof(zero); i++)
		sum += zero[i];
	printf("%d %d %ld %d\n", initialised, sum, aligned, (int)((unsigned long)&aligned % 64));
	*address_of_local() = 5;
	printf("%d\n", initialised);
	printf("%d\n", (int)((unsigned long)on_stack % 32));
	return 0;
}
