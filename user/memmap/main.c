// SPDX-License-Identifier: MIT
//
// memmap [PID|NAME]: physical memory, one mark a frame, by owner (memmap --help for more)
#include "user/lib/screen.h"
#include "user/memmap/live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: memmap [OPTION]... [PID|NAME]\n"
	"       memmap [OPTION]... --run PROGRAM [ARG]...\n"
	"  shows what kind of owner each frame of physical memory has, and each page of a "
	"process\n"
	"  as text, unless --draw, --live or --dump says otherwise\n"
	"  --draw          on the screen (boot with: tools/run --picture)\n"
	"  --live          again ten times a second, until ended; without a screen: as text\n"
	"  --dump          for tools/picture, which makes an SVG or PNG of it\n"
	"  --run PROGRAM   on the screen while PROGRAM runs, with its children beside it; with\n"
	"                  --dump or --text: one each time that PROGRAM asks for it\n"
	"  --pause S       stands still for S seconds where PROGRAM asks for a picture\n"
	"  --scale N       as text: N frames a letter; 1: every frame (else as many as fit)\n"
	"  --caption TEXT  stands over the picture\n";

struct asked {
	struct output output;
	struct choice choice;
	const char *caption;
	char **program;
	bool live;
};

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(2);
}

// An option of one word; false when it is none.
static bool take_word(struct asked *asked, const char *word)
{
	if (strcmp(word, "--dump") == 0)
		asked->output.dump = true;
	else if (strcmp(word, "--draw") == 0)
		asked->output.screen = true;
	else if (strcmp(word, "--text") == 0)
		asked->output.text = true;
	else if (strcmp(word, "--live") == 0)
		asked->live = true;
	else
		return false;
	return true;
}

static struct asked parse(char **at)
{
	struct asked asked = {0};

	for (at++; *at && !asked.program; at++) {
		if (strcmp(*at, "--help") == 0) {
			fputs(usage, stdout);
			exit(0);
		}
		if (take_word(&asked, *at))
			continue;
		if (strcmp(*at, "--scale") == 0 && at[1])
			asked.output.scale = strtoul(*++at, NULL, 10);
		else if (strcmp(*at, "--pause") == 0 && at[1])
			asked.output.pause = atoi(*++at);
		else if (strcmp(*at, "--caption") == 0 && at[1])
			asked.caption = *++at;
		else if (strcmp(*at, "--run") == 0 && at[1])
			asked.program = at + 1;
		else if (**at == '-' || asked.choice.process)
			refuse();
		else
			asked.choice.process = *at;
	}
	return asked;
}

static bool has_screen(void)
{
	FILE *file = fopen("/dev/fb0", "r");

	if (file)
		fclose(file);
	return file != NULL;
}

// What was not said follows from what there is.
static void complete(struct asked *asked)
{
	struct output *output = &asked->output;

	if (output->screen || output->dump || output->text)
		return;
	output->screen = (asked->live || asked->program) && has_screen();
	output->text = !output->screen && (!asked->program || asked->live);
}

static int show_once(struct view *view, const struct asked *asked)
{
	view_look(view, &asked->choice);
	if (!live_once(view, &asked->output))
		return -1;
	if (!asked->choice.process || view->spaces)
		return 0;
	fprintf(stderr, "memmap: there is no process %s\n", asked->choice.process);
	return 1;
}

int main(int argc, char **argv)
{
	struct asked asked = parse(argv);
	static char buffer[BUFSIZ];
	static struct view view;
	int status;

	(void)argc;
	screen_start();
	complete(&asked);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (!view_start(&view, &asked.choice)) {
		perror("memmap");
		return 2;
	}
	view.caption = asked.caption;
	if (asked.program)
		status = live_run(&view, asked.program, &asked.output);
	else if (asked.live)
		status = live_watch(&view, &asked.choice, &asked.output);
	else
		status = show_once(&view, &asked);
	if (status >= 0)
		return status;
	perror("memmap: the screen");
	return 2;
}
