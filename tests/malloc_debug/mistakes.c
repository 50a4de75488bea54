// SPDX-License-Identifier: MIT
//
// One mistake with memory a run, by its name: what MALLOC_DEBUG has to say about each is in
// tests/scenario/malloc_debug.t. Comments mark the lines that it must name.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int malloc_describe(const void *address) __attribute__((weak));

static char *volatile block; // so that the compiler believes in it
static char *volatile other;

static __attribute__((noinline)) char *get(size_t size)
{
	block = malloc(size); // allocated
	return block;
}

static __attribute__((noinline)) void drop(void *memory)
{
	free(memory); // freed
}

static void double_free(void)
{
	other = get(20);
	drop(other);
	free(other); // noticed
}

static void interior(void)
{
	free(get(20) + 8); // noticed
}

static void foreign(void)
{
	int local[8] = {0};
	char *volatile memory = (char *)local;

	free(memory); // noticed
}

static void by_realloc(void)
{
	drop(get(20));
	block = realloc(block, 40); // noticed
}

static void next_of_freed(void)
{
	other = get(sizeof(char *));
	drop(other);
	free(*(char *volatile *)other); // noticed
}

// The frame of the function that left this address is gone, but close to rsp.
static char *volatile gone;

static __attribute__((noinline)) void leave_gone(void)
{
	char local[16] = {1};

	gone = local;
}

static void written_gone(void)
{
	leave_gone();
	*gone = 'x'; // accessed
}

static void overrun(void)
{
	other = get(13);
	other[13] = 'x'; // accessed
	free(other);     // noticed
}

static void underrun(void)
{
	other = get(16);
	other[-1] = 'x'; // accessed
	free(other);     // noticed
}

static void written_after(void)
{
	other = get(100);
	drop(other);
	other[40] = 'x'; // accessed
}

static void squeezed_out(void)
{
	other = get(100);
	drop(other);
	other[99] = 'x';
	for (int i = 0; i < 40; i++) {
		char *volatile more = malloc(100000);

		free(more);
	}
}

static void large(void)
{
	other = get(100000);
	other[100000] = 'x'; // accessed
}

static void large_freed(void)
{
	other = get(100000);
	drop(other);
	printf("%d\n", other[5]); // accessed
}

static void read_behind(void)
{
	int *volatile numbers = (int *)get(5 * sizeof(int));

	for (int i = 0; i < 5; i++)
		numbers[i] = i;
	printf("%d\n", numbers[5]); // accessed
}

static void aligned(void)
{
	other = memalign(256, 60);
	other[60] = 'x'; // accessed
	free(other);     // noticed
}

static void cleared(void)
{
	char *volatile zero = calloc(10, 10);
	int sum = 0;

	for (int i = 0; i < 100; i++)
		sum += zero[i];
	printf("sum %d\n", sum);
	fflush(stdout);
	zero[100] = 1; // accessed
	free(zero);    // noticed
}

static void leaks(void)
{
	static char *kept;

	for (int i = 0; i < 7; i++)
		get(100 + (size_t)i);
	block = NULL;
	kept = strdup("kept");           // kept
	*(char **)get(32) = malloc(500); // a chain
	block = NULL;
	free(malloc(9));
	printf("%s\n", kept);
}

static void described(void)
{
	other = get(40);
	if (!malloc_describe)
		return;
	printf("%d\n", malloc_describe(other + 3));
	drop(other);
	printf("%d\n", malloc_describe(other + 41));
	printf("%d\n", malloc_describe(&leaks));
}

static void exhausted(void)
{
	volatile size_t huge = PTRDIFF_MAX - 100;

	other = malloc(10);
	printf("%d %d %d\n", malloc(huge) == NULL, realloc(other, huge) == NULL,
	       calloc(huge / 2, 2) == NULL);
	printf("%zu\n", malloc_usable_size(other));
	free(other);
}

static void forked(void)
{
	int status = 0;
	pid_t child;

	other = get(10);
	child = fork();
	if (child == 0) {
		free(other);
		free(other); // noticed
	}
	waitpid(child, &status, 0);
	printf("child: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	free(other);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"double_free", double_free},
	{"interior", interior},
	{"foreign", foreign},
	{"by_realloc", by_realloc},
	{"next_of_freed", next_of_freed},
	{"written_gone", written_gone},
	{"overrun", overrun},
	{"underrun", underrun},
	{"large", large},
	{"written_after", written_after},
	{"large_freed", large_freed},
	{"aligned", aligned},
	{"squeezed_out", squeezed_out},
	{"read_behind", read_behind},
	{"cleared", cleared},
	{"leaks", leaks},
	{"described", described},
	{"exhausted", exhausted},
	{"forked", forked},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(*cases); i++)
		if (strcmp(cases[i].name, argv[1]) == 0)
			cases[i].run();
	return 0;
}
