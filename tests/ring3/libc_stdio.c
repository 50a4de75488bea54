// SPDX-License-Identifier: MIT
//
// Streams and formatted output, as three C libraries have them.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void formatted(void)
{
	const char *volatile long_text = "longer than the buffer";
	char text[16];

	printf("%d %5d|%-5d|%05d|%+d|% d|%.3d\n", 1, -2, 3, -4, 5, 6, 7);
	printf("%u %x %X %#x %o %#o\n", 4000000000u, 255u, 255u, 255u, 8u, 8u);
	printf("%ld %lld %zu %hhd %hd\n", -1l, 1ll << 40, sizeof(text), (char)200, (short)70000);
	printf("[%s] [%8s] [%-8s] [%.2s] [%*s]\n", "abc", "abc", "abc", "abc", 5, "x");
	printf("%c%c%% %p\n", 'o', 'k', (void *)0x1234);
	printf("%d\n", snprintf(text, sizeof(text), "%s", long_text));
	printf("%s\n", text);
	printf("%d\n", printf("counted\n"));
}

static void characters(void)
{
	for (int c = 'a'; c < 'g'; c++)
		putchar(c);
	putchar('\n');
	fputs("fputs ", stdout);
	fputc('!', stdout);
	fwrite(" fwrite\n", 1, 8, stdout);
	puts("puts");
	printf("%d\n", dprintf(99, "nowhere"));
	fflush(stdout);
	dprintf(STDOUT_FILENO, "directly: %d\n", 42);
}

// More than any buffer: nothing is lost at the edges.
static void much(void)
{
	for (int i = 0; i < 1500; i++)
		printf("%d%c", i * 7919, i % 10 == 9 ? '\n' : ' ');
}

static void lines(int reading)
{
	FILE *file = fdopen(reading, "r");
	char line[8], *whole = NULL;
	size_t size = 0;

	while (fgets(line, sizeof(line), file) && strcmp(line, "end\n") != 0)
		printf("<%s>", line);
	printf("\n%d\n", fgetc(file));
	printf("%zd ", getline(&whole, &size, file));
	printf("%s", whole);
	printf("%zd ", getline(&whole, &size, file));
	printf("%s", whole);
	printf("\n%zu\n", fread(line, 2, 3, file));
	printf("%.6s %d\n", line, feof(file));
	printf("%d ", fgetc(file));
	printf("%d\n", feof(file) != 0);
	free(whole);
	fclose(file);
}

static void input(void)
{
	static const char text[] =
		"one\ntwo is longer than it\n\nend\nXgetline\n"
		"a line that is a good deal longer than those before it\nsixsix";
	int ends[2];

	if (pipe(ends) < 0 || write(ends[1], text, sizeof(text) - 1) < 0)
		return;
	close(ends[1]);
	lines(ends[0]);
	printf("%d ", fgetc(stdin));
	printf("%d\n", feof(stdin) != 0);
}

static void errors(void)
{
	FILE *file = fopen("/nothing-here", "r");

	printf("%d %d\n", file != NULL, errno == ENOENT);
	file = fopen("/proc/self/exe", "r");
	printf("%d\n", fgetc(file));
	printf("%c\n", fgetc(file));
	printf("%d\n", ungetc('z', file));
	printf("%c\n", fgetc(file));
	printf("%d\n", fputc('x', file) == EOF || fflush(file) == EOF);
	printf("%d\n", ferror(file) != 0);
	fclose(file);
}

int main(void)
{
	formatted();
	characters();
	much();
	input();
	errors();
	printf("and what is left is written at the end");
	return 0;
}
