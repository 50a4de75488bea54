// SPDX-License-Identifier: MIT
//
// bugs [BUG [WAY]]: the eight classic mistakes with memory, and what catches each
//
// Each is a program of its own, user/bugs/BUG.c, and runs as it is and with MALLOC_DEBUG in its
// environment. From what it says on standard error this program reads who noticed what, and at
// which line: those of the mistake's own source, not of the library that it called.
#include "user/lib/screen.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE  "/bugs/"
#define PREFIX "user/bugs/" // of their sources
#define TYPED  "42\n"       // what the programs find on their standard input

static const struct bug {
	const char *name, *program, *argument, *what;
} bugs[] = {
	{"returned_address", "returned_address", NULL, "address of a variable that has ended"},
	{"pointer_arithmetic", "pointer_arithmetic", NULL, "pointer += sizeof(int)"},
	{"bad_pointer_code", "bad_pointer", "code", "scanf(\"%ld\", number), to code"},
	{"bad_pointer_stack", "bad_pointer", "stack", "the same, to another function's variable"},
	{"bad_pointer_heap", "bad_pointer", "heap", "the same, to a block on the heap"},
	{"uninitialised", "uninitialised", NULL, "memory that was never written"},
	{"use_after_free", "use_after_free", NULL, "a block after it was freed"},
	{"heap_overrun", "heap_overrun", NULL, "writing behind a block"},
	{"stack_buffer", "stack_buffer", NULL, "writing behind a buffer on the stack"},
	{"stack_recursion", "stack_recursion", NULL, "recursion without end"},
	{"leak", "leak", NULL, "blocks that nobody frees"},
};
#define BUGS (sizeof(bugs) / sizeof(*bugs))

static const struct way {
	const char *name, *words, *what;
} ways[] = {
	{"bare", NULL, "nothing but the kernel and malloc's own checks"},
	{"debug", "MALLOC_DEBUG=all", "red zones, fill, quarantine, leaks"},
	{"guard", "MALLOC_DEBUG=guard,align=1,quarantine", "each block ends at a guard page"},
	{"watch", "MALLOC_DEBUG=watch", "every instruction is looked at"},
	{"protector", NULL, "built with -fstack-protector"},
};
#define WAYS (sizeof(ways) / sizeof(*ways))

// By words of the report, the most telling first.
static const struct {
	const char *words, *who;
} catchers[] = {
	{"stack smashing", "the stack protector"},
	{"beyond the stack's end", "the page below the stack"},
	{"when the block was freed", "a red zone, when the block was freed"},
	{"into a freed block", "the quarantine"},
	{"at the program's end", "a red zone, at the end"},
	{"guard page", "a guard page"},
	{"of a freed block", "the freed block's pages"},
	{"used as an address", "what memory is filled with"},
	{"bad pointer", "the page's protection"},
	{" lost\n", "the leak report"},
	{"malloc: block", "malloc's own check"},
};

// -- running

struct outcome {
	char *report; // standard error
	int status;
};

static _Noreturn void become(const struct bug *bug, const struct way *way, const int *input,
			     const int *errors)
{
	char path[64], environment[64], *words[2] = {NULL, NULL};
	char *arguments[3] = {path, (char *)bug->argument, NULL};

	snprintf(path, sizeof(path), PLACE "%s%s", bug->program,
		 strcmp(way->name, "protector") == 0 ? ".protected" : "");
	if (way->words) {
		snprintf(environment, sizeof(environment), "%s", way->words);
		words[0] = environment;
	}
	dup2(input[0], STDIN_FILENO);
	dup2(errors[1], STDERR_FILENO);
	for (int i = 0; i < 2; i++) {
		close(input[i]);
		close(errors[i]);
	}
	execve(path, arguments, words);
	perror(path);
	_exit(127);
}

// All that comes until the other end is closed, with a NUL.
static char *read_all(int fd)
{
	size_t size = 1 << 16, length = 0;
	char *text = malloc(size);
	ssize_t got = 1;

	while (text && got > 0 && length < size - 1) {
		got = read(fd, text + length, size - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (text)
		text[length] = '\0';
	return text;
}

static bool run(const struct bug *bug, const struct way *way, struct outcome *outcome)
{
	int input[2], errors[2];
	pid_t child;

	if (pipe(input) < 0 || pipe(errors) < 0)
		return false;
	fflush(stdout);
	child = fork();
	if (child == 0)
		become(bug, way, input, errors);
	close(input[0]);
	close(errors[1]);
	if (child > 0 && write(input[1], TYPED, strlen(TYPED)) < 0)
		perror("bugs: pipe");
	close(input[1]);
	outcome->report = child > 0 ? read_all(errors[0]) : NULL;
	close(errors[0]);
	while (child > 0 && waitpid(child, &outcome->status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && outcome->report;
}

// -- what came of it

// The first FILE:LINE of the mistake's own source behind `from`. False: none.
static bool find_line(const char *from, char *line, size_t size)
{
	const char *at = from ? strstr(from, PREFIX) : NULL;
	size_t length = at ? strcspn(at, "\n") : 0;

	snprintf(line, size, "%.*s", (int)length, at ? at : "");
	return at != NULL;
}

static void say_ending(int status)
{
	if (WIFSIGNALED(status))
		printf("ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		printf("ended with exit status %d\n", WEXITSTATUS(status));
}

static const char *catcher(const char *report, const struct way *way)
{
	if (strcmp(way->name, "watch") == 0 && strstr(report, "accessed in"))
		return "the look before each instruction";
	for (size_t i = 0; i < sizeof(catchers) / sizeof(*catchers); i++)
		if (strstr(report, catchers[i].words))
			return catchers[i].who;
	return NULL;
}

static void say_verdict(const struct outcome *outcome, const struct way *way)
{
	const char *report = outcome->report, *who = catcher(report, way);
	const char *where = strstr(report, "accessed in"),
		   *allocated = strstr(report, "allocated by");
	char line[160];

	if (!where)
		where = strstr(report, "noticed");

	printf("%s%s%s", style(STYLE_BOLD), who ? "caught by " : "not caught", who ? who : "");
	if (!who && WIFSIGNALED(outcome->status))
		printf(", but the kernel ended the program");
	if (find_line(where, line, sizeof(line)) &&
	    (!allocated || where > allocated || strstr(where, PREFIX) < allocated))
		printf(", at %s", line);
	if (find_line(allocated, line, sizeof(line)))
		printf(", allocated at %s", line);
	printf("%s; ", style(STYLE_PLAIN));
	say_ending(outcome->status);
}

static bool fits(const struct bug *bug, const struct way *way)
{
	if (strcmp(way->name, "protector") == 0)
		return strcmp(bug->name, "stack_buffer") == 0;
	// Nothing is to be seen in single instructions there, of which there are many.
	return strcmp(way->name, "watch") != 0 ||
	       (strcmp(bug->name, "stack_recursion") != 0 && strcmp(bug->name, "leak") != 0);
}

static bool demonstrate(const struct bug *bug, const struct way *way)
{
	struct outcome outcome = {NULL, 0};

	if (!fits(bug, way))
		return true;
	printf("\n--- %s, %s: %s\n", bug->name, way->name, way->words ? way->words : way->what);
	if (!run(bug, way, &outcome)) {
		perror("bugs: can not run it");
		return false;
	}
	fputs(outcome.report, stdout);
	say_verdict(&outcome, way);
	free(outcome.report);
	return true;
}

static int list(void)
{
	printf("bugs BUG [WAY] shows one of them:\n");
	for (size_t i = 0; i < BUGS; i++)
		printf("  %-20s%s\n", bugs[i].name, bugs[i].what);
	printf("in all ways that make a difference, or in one:\n");
	for (size_t i = 0; i < WAYS; i++)
		printf("  %-20s%s\n", ways[i].name, ways[i].what);
	return 0;
}

int main(int argc, char **argv)
{
	bool found = false, all = argc > 1 && strcmp(argv[1], "all") == 0;

	screen_start();
	if (argc < 2)
		return list();
	if (access(PLACE, F_OK) < 0) {
		fprintf(stderr, "bugs: the programs are not here: boot with build/system.cpio\n");
		return 1;
	}
	for (size_t i = 0; i < BUGS; i++) {
		// bad_pointer means all three of its targets.
		if (!all && strncmp(bugs[i].name, argv[1], strlen(argv[1])) != 0)
			continue;
		for (size_t way = 0; way < WAYS; way++) {
			if (argc > 2 && strcmp(ways[way].name, argv[2]) != 0)
				continue;
			found = true;
			if (!demonstrate(&bugs[i], &ways[way]))
				return 1;
		}
	}
	if (!found)
		fprintf(stderr, "bugs: there is no such bug or way; bugs alone lists them\n");
	return found ? 0 : 2;
}
