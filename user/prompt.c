// SPDX-License-Identifier: MIT
//
// prompt: runs the programs whose names are typed
//
// Not a shell: no pipes, no variables, no quotes. Lines are edited by the terminal's own line
// mode. What `help` lists is made when the system is built, from the third line of each program's
// source.
#include "user/lib/screen.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32
#define PROGRAMS  "/etc/programs"

static void help(void)
{
	char line[200];
	FILE *list = fopen(PROGRAMS, "r");

	if (!list)
		perror("prompt: " PROGRAMS);
	while (list && fgets(line, sizeof(line), list)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		printf("  %s%-28s%s%s", style(STYLE_BOLD), line, style(STYLE_PLAIN), colon + 1);
	}
	if (list)
		fclose(list);
	printf("  %s%-28s%s the machine is switched off\n", style(STYLE_BOLD), "exit",
	       style(STYLE_PLAIN));
}

// A name with a slash is a path; any other is looked for in /bin.
static _Noreturn void become(char **words)
{
	char path[256];

	signal(SIGINT, SIG_DFL);
	if (strchr(words[0], '/'))
		snprintf(path, sizeof(path), "%s", words[0]);
	else
		snprintf(path, sizeof(path), "/bin/%s", words[0]);
	execv(path, words);
	if (errno == ENOENT)
		fprintf(stderr, "prompt: there is no program %s; help lists them\n", words[0]);
	else
		perror(words[0]);
	_exit(127);
}

// A program that was ended may have left the terminal without line editing or echo.
static void run(char **words)
{
	struct termios modes;
	bool kept = ioctl(STDIN_FILENO, TCGETS, &modes) == 0;
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0)
		become(words);
	if (child < 0) {
		perror("prompt: fork");
		return;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (kept)
		ioctl(STDIN_FILENO, TCSETS, &modes);
	if (WIFSIGNALED(status))
		printf("[ended by signal %d: %s]\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && WEXITSTATUS(status) != 127)
		printf("[exit status %d]\n", WEXITSTATUS(status));
}

// Cuts a line into words; the last one is followed by NULL.
static int split(char *line, char **words)
{
	char *state, *word = strtok_r(line, " \t\r\n", &state);
	int count = 0;

	while (word && count < WORDS_MAX - 1) {
		words[count++] = word;
		word = strtok_r(NULL, " \t\r\n", &state);
	}
	words[count] = NULL;
	return count;
}

// False: the reader wants to leave.
static bool obey(char **words)
{
	if (strcmp(words[0], "exit") == 0)
		return false;
	if (strcmp(words[0], "help") == 0)
		help();
	else
		run(words);
	return true;
}

int main(void)
{
	char line[1024], *words[WORDS_MAX];

	screen_start();
	signal(SIGINT, SIG_IGN);
	printf("Type a program's name to run it; help lists them, exit switches the machine "
	       "off.\n");
	for (;;) {
		printf("%sfaultline>%s ", style(STYLE_BOLD), style(STYLE_PLAIN));
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (split(line, words) > 0 && !obey(words))
			return 0;
	}
	putchar('\n');
	return 0;
}
