// SPDX-License-Identifier: MIT
//
// Drawing while programs run: see live.h. A program that is run beneath memmap may ask for a
// picture by writing a line into a pipe; it waits until a byte comes back through another.
#include "user/memmap/live.h"
#include "user/lib/file_text.h"
#include "user/lib/framebuffer.h"
#include "user/lib/kernel_files.h"
#include "user/lib/mark.h"
#include "user/memmap/text.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFRESH 100 // milliseconds from one picture to the next
#define FIRST   5   // and to the first one, then twice as long each time

static struct framebuffer screen;
static struct picture picture;

// ---- one picture ----
static bool open_screen(const struct view *view)
{
	return framebuffer_open(&screen) && picture_start(&picture, &view->memory);
}

static void put(const struct view *view, const struct output *output)
{
	if (output->screen) {
		picture_draw(&picture, view);
		framebuffer_show(&screen, &picture.canvas);
	}
	if (output->dump)
		dump_view(view);
	if (output->text)
		text_view(view, output->scale);
}

bool live_once(struct view *view, const struct output *output)
{
	if (output->screen && !open_screen(view))
		return false;
	put(view, output);
	return true;
}

// ---- again and again ----
// Over the text before; what is too long for a line of the terminal is cut, as it would push the
// rest down. Ctrl-C may come between two of them.
static void put_over(const struct view *view, const struct output *output)
{
	if (output->text)
		fputs("\033[?7l\033[H\033[J", stdout);
	put(view, output);
	if (output->text)
		fputs("\033[?7h", stdout);
	fflush(stdout);
}

int live_watch(struct view *view, const struct choice *choice, const struct output *output)
{
	if (output->screen && !open_screen(view))
		return -1;
	for (;;) {
		view_look(view, choice);
		put_over(view, output);
		poll(NULL, 0, REFRESH);
	}
}

// ---- beneath memmap ----
struct run {
	struct choice choice; // the program and its children
	int orders, answers;  // pipes: lines from it, bytes to it
	int status;           // of waitpid
	bool shown;           // something is on the screen
};

static _Noreturn void become(char **program, const int *orders, const int *answers)
{
	char value[32];

	close(orders[0]);
	close(answers[1]);
	signal(SIGINT, SIG_DFL);
	snprintf(value, sizeof(value), "%d,%d", orders[1], answers[0]);
	mark_execute(program, value);
	perror(program[0]);
	_exit(errno == ENOENT ? 127 : 126);
}

static bool start(struct run *run, char **program)
{
	int orders[2], answers[2];

	if (pipe(orders) < 0 || pipe(answers) < 0)
		return false;
	signal(SIGINT, SIG_IGN); // Ctrl-C is the program's
	signal(SIGPIPE, SIG_IGN);
	run->choice.head = fork();
	if (run->choice.head == 0)
		become(program, orders, answers);
	close(orders[1]);
	close(answers[0]);
	run->orders = orders[0];
	run->answers = answers[1];
	return run->choice.head > 0;
}

static void snapshot(const char *name)
{
	file_write(KERNEL_FILES "picture", name);
}

// A line of the program's: its picture, kept by whoever runs the machine.
static void obey(struct run *run, struct view *view, const struct output *output)
{
	static char caption[128];
	long length = read(run->orders, caption, sizeof(caption) - 1);

	if (length <= 0) {
		close(run->orders);
		run->orders = -1;
		return;
	}
	caption[length] = '\0';
	caption[strcspn(caption, "\n")] = '\0';
	view->caption = caption;
	view_look(view, &run->choice);
	put(view, output);
	run->shown = true;
	snapshot(caption);
	poll(NULL, 0, output->pause * 1000);
	write(run->answers, "", 1);
}

// Whether the program has ended; who lost their parents to it are collected on the way.
static bool ended(struct run *run)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != run->choice.head)
			continue;
		run->status = status;
		return true;
	}
	return false;
}

int live_run(struct view *view, char **program, const struct output *output)
{
	struct output marks = *output, always = {.screen = output->screen};
	struct run run = {0};
	int wait = FIRST;

	if (output->screen && !open_screen(view))
		return -1;
	if (!start(&run, program)) {
		perror("memmap: fork");
		return 126;
	}
	while (!ended(&run)) {
		struct pollfd order = {.fd = run.orders, .events = POLLIN};

		if (poll(&order, 1, wait) > 0) {
			obey(&run, view, &marks);
			continue;
		}
		wait = wait * 2 < REFRESH ? wait * 2 : REFRESH;
		if (!always.screen)
			continue;
		view_look(view, &run.choice);
		if (view->spaces) {
			put(view, &always);
			run.shown = true;
		}
	}
	if (always.screen && !run.shown) { // it was faster than the first picture
		view_look(view, &run.choice);
		put(view, &always);
	}
	snapshot("end");
	poll(NULL, 0, output->pause * 1000);
	return WIFSIGNALED(run.status) ? 128 + WTERMSIG(run.status) : WEXITSTATUS(run.status);
}
