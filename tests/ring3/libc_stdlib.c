// SPDX-License-Identifier: MIT
//
// Numbers, strings, sorting, the environment and the end of a process, as three C libraries
// have them.
// status: 7
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void numbers(void)
{
	static const char *const texts[] = {"0",
					    "42",
					    "-42",
					    "  +7x",
					    "0x1fg",
					    "0x",
					    "077",
					    "08",
					    "",
					    "-",
					    "abc",
					    "9223372036854775807",
					    "9223372036854775808",
					    "-9223372036854775808",
					    "-9223372036854775809",
					    "18446744073709551615",
					    "18446744073709551616",
					    "zz"};
	static const int bases[] = {0, 10, 16, 36};
	char *end;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (size_t j = 0; j < sizeof(bases) / sizeof(*bases); j++) {
			errno = 0;
			printf("%ld ", strtol(texts[i], &end, bases[j]));
			printf("%d %d ", (int)(end - texts[i]), errno == ERANGE);
			errno = 0;
			printf("%lu ", strtoul(texts[i], &end, bases[j]));
			printf("%d %d\n", (int)(end - texts[i]), errno == ERANGE);
		}
	}
	printf("%d %ld %d %ld\n", atoi("12x"), atol("-9"), abs(-3), labs(-4));
	printf("%d %lu %d\n", INT_MAX, ULONG_MAX, CHAR_BIT);
}

static void strings(void)
{
	char text[64] = "one,two;;three", *state, *copy;

	for (char *at = strtok_r(text, ",;", &state); at; at = strtok_r(NULL, ",;", &state))
		printf("[%s]", at);
	printf("\n%zu %zu\n", strspn("aabc", "ab"), strcspn("hello, world", ", "));
	printf("%s %d\n", strpbrk("hello", "lo"), strpbrk("hello", "xyz") == NULL);
	strcpy(text, "copy");
	strcat(text, " and more");
	printf("%s|%.3s\n", text, strncpy(text + 32, "ab", 8));
	copy = strdup("duplicate");
	printf("%s %s\n", copy, strrchr(copy, 'i'));
	free(copy);
	copy = strndup("duplicate", 3);
	printf("%s %zu\n", copy, strlen(copy));
	free(copy);
	printf("%d %d %d\n", strcmp("a", "b") < 0, strncmp("abc", "abd", 2),
	       memcmp("b", "a", 1) > 0);
	printf("%s\n", strstr("a needle here", "needle"));
	printf("%s|%s|%s\n", strerror(ENOENT), strerror(EINVAL), strerror(EACCES));
}

static void characters(void)
{
	for (int c = 0; c < 128; c++)
		printf("%d%d%d%d%d%d%d%d%c", !!isalpha(c), !!isdigit(c), !!isspace(c),
		       !!isprint(c), !!ispunct(c), !!isxdigit(c), toupper(c), tolower(c),
		       c % 8 == 7 ? '\n' : ' ');
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void sorting(void)
{
	int values[500], wanted = 250, *found, wrong = 0;
	unsigned int state = 1;

	for (int i = 0; i < 500; i++) {
		state = state * 1103515245 + 12345;
		values[i] = (int)(state >> 16) % 500;
	}
	values[17] = wanted;
	qsort(values, 500, sizeof(int), ascending);
	for (int i = 1; i < 500; i++)
		wrong += values[i - 1] > values[i];
	found = bsearch(&wanted, values, 500, sizeof(int), ascending);
	printf("%d %d\n", wrong, found && *found == wanted);
	wanted = 1000;
	printf("%d\n", bsearch(&wanted, values, 500, sizeof(int), ascending) == NULL);
}

static jmp_buf place;

static __attribute__((noinline)) void jump(void)
{
	longjmp(place, 5);
}

static void jumping(void)
{
	volatile int passes = 0;
	int value = setjmp(place);

	printf("%d %d\n", value, passes++);
	if (value == 0)
		jump();
	if (value == 5)
		longjmp(place, 0);
}

static void first_registered(void)
{
	puts("runs last");
}

static void last_registered(void)
{
	puts("runs first");
}

int main(void)
{
	numbers();
	strings();
	characters();
	sorting();
	jumping();
	printf("%d\n", getenv("SURELY_NOT_THERE") == NULL);
	atexit(first_registered);
	atexit(last_registered);
	exit(7);
}
