// SPDX-License-Identifier: MIT
//
// Bug 8: blocks are allocated and forgotten. Nothing goes wrong, but the process grows, in a
// program that runs for long until there is no memory left.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long all = 0, resident = 0;

	if (file && fscanf(file, "%ld %ld", &all, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident;
}

static char *copy_of(const char *text)
{
	char *copy = malloc(1000); // never freed

	if (!copy)
		exit(1);
	strcpy(copy, text);
	return copy;
}

static int words(const char *line)
{
	char *copy = copy_of(line), *rest = copy; // the bug: nobody frees the copy
	int count = 0;

	while (strtok_r(rest, " ", &rest))
		count++;
	return count;
}

int main(void)
{
	long before = resident_pages(), after;
	int count = 0;

	setbuf(stdout, NULL);
	for (int i = 0; i < 1000; i++)
		count += words("a line of five words");
	after = resident_pages();
	printf("%d words counted; the process has grown by %s\n", count,
	       after - before > 200 ? "a megabyte" : "little");
	return 0;
}
