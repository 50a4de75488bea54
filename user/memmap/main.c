// SPDX-License-Identifier: MIT
//
// memmap [PID|NAME]: physical memory, one mark a frame, by owner (memmap --help for more)
#include "user/lib/screen.h"
#include "user/memmap/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: memmap [--scale N] [--dump] [--caption TEXT] [PID|NAME]\n"
	"  shows what kind of owner each frame of physical memory has, and each page of a "
	"process\n"
	"  --scale N       N frames a letter; 1: every frame (else as many as fit on the screen)\n"
	"  --dump          for tools/picture, which makes an SVG or PNG of it\n"
	"  --caption TEXT  stands over the picture\n";

struct asked {
	size_t scale;
	bool dump;
	const char *caption, *process;
};

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(2);
}

static struct asked parse(char **at)
{
	struct asked asked = {0};

	for (at++; *at; at++) {
		if (strcmp(*at, "--help") == 0) {
			fputs(usage, stdout);
			exit(0);
		}
		if (strcmp(*at, "--dump") == 0)
			asked.dump = true;
		else if (strcmp(*at, "--scale") == 0 && at[1])
			asked.scale = strtoul(*++at, NULL, 10);
		else if (strcmp(*at, "--caption") == 0 && at[1])
			asked.caption = *++at;
		else if (**at == '-' || asked.process)
			refuse();
		else
			asked.process = *at;
	}
	return asked;
}

#define PROCESSES_SHOWN 2

// All that is looked at, at one moment.
struct view {
	struct memory memory;
	bool right; // the kernel counts the same
	struct space space[PROCESSES_SHOWN];
	size_t spaces;
};

static void start(struct view *view)
{
	bool room = true;

	for (size_t i = 0; i < PROCESSES_SHOWN; i++)
		room = room && space_start(&view->space[i]);
	if (!room || !memory_start(&view->memory)) {
		perror("memmap");
		exit(2);
	}
}

static void look(struct view *view, const char *process)
{
	pid_t pids[PROCESSES_SHOWN];
	size_t found = process ? space_find(process, pids, PROCESSES_SHOWN) : 0;

	view->spaces = 0;
	view->right = memory_read(&view->memory) && memory_check(&view->memory);
	for (size_t i = 0; i < found; i++)
		if (space_read(&view->space[view->spaces], pids[i], &view->memory))
			view->spaces++;
}

static void show_text(const struct view *view, const struct asked *asked)
{
	text_memory(&view->memory, asked->scale);
	text_legend(&view->memory);
	if (!view->right)
		puts("  The kernel counts otherwise: something has changed meanwhile.");
	for (size_t i = 0; i < view->spaces; i++)
		text_space(&view->space[i]);
}

static void show_dump(const struct view *view, const struct asked *asked)
{
	dump_memory(&view->memory, asked->caption);
	for (size_t i = 0; i < view->spaces; i++)
		dump_space(&view->space[i]);
	puts("end");
}

int main(int argc, char **argv)
{
	struct asked asked = parse(argv);
	static char buffer[BUFSIZ];
	static struct view view;

	(void)argc;
	screen_start();
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	start(&view);
	look(&view, asked.process); // once to have what it takes
	look(&view, asked.process);
	if (asked.dump)
		show_dump(&view, &asked);
	else
		show_text(&view, &asked);
	fflush(stdout);
	if (!asked.process || view.spaces)
		return 0;
	fprintf(stderr, "memmap: there is no process %s\n", asked.process);
	return 1;
}
