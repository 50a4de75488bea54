// SPDX-License-Identifier: MIT
//
// Shows what it was given and ends as its first argument says: `exit N`, `signal N`, `env NAME`,
// `stderr TEXT`, `loop`, `touch ADDRESS`, `terminal`, `window`,
// `line`, `sleeper`, `crowd N` (N processes at a time), `group`.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int print_all(char **argv)
{
	for (; *argv; argv++)
		printf("[%s]\n", *argv);
	return 0;
}

static int describe_terminal(void)
{
	struct winsize size = {0};
	int result = ioctl(1, TIOCGWINSZ, &size);

	printf("input %d output %d size %d: %dx%d\n", isatty(0), isatty(1), result, size.ws_row,
	       size.ws_col);
	return 0;
}

// Until the window has but one row.
static int watch_window(void)
{
	struct winsize size = {0};
	sigset_t change;
	int signal;

	sigemptyset(&change);
	sigaddset(&change, SIGWINCH);
	sigprocmask(SIG_BLOCK, &change, NULL);
	do {
		ioctl(0, TIOCGWINSZ, &size);
		printf("window %dx%d\n", size.ws_row, size.ws_col);
		fflush(stdout);
	} while (size.ws_row != 1 && sigwait(&change, &signal) == 0);
	return size.ws_col;
}

static int echo_line(void)
{
	char line[100];

	if (!fgets(line, sizeof(line), stdin))
		return puts("no line") < 0;
	printf("got %zu: %s", strlen(line), line);
	return 0;
}

static void begun(int signal)
{
	(void)signal;
	write(STDOUT_FILENO, "begun\n", 6);
}

static int sleeper(void)
{
	signal(SIGCONT, begun);
	begun(0);
	while (pause() < 0)
		;
	return 0;
}

static pid_t sleeping_child(pid_t group)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	setpgid(child, group);
	return child;
}

// A group keeps its number, and may have the terminal, when its leader has ended.
static int give_terminal(void)
{
	pid_t leader = sleeping_child(0), member = sleeping_child(leader);
	int given;

	signal(SIGTTOU, SIG_IGN);
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	given = tcsetpgrp(0, leader) == 0 && tcgetpgrp(0) == leader;
	tcsetpgrp(0, getpgrp());
	kill(member, SIGKILL);
	waitpid(member, NULL, 0);
	printf("terminal %s, then %d\n", given ? "given" : "refused", tcsetpgrp(0, leader));
	return 0;
}

// None ends before all are there.
static int crowd(int count)
{
	int ends[2], born = 0;
	char byte;

	if (pipe(ends) < 0)
		return 1;
	while (born < count) {
		pid_t child = fork();

		if (child < 0)
			break;
		if (child == 0) {
			close(ends[1]);
			_exit(read(ends[0], &byte, 1) != 0);
		}
		born++;
	}
	close(ends[1]);
	while (wait(NULL) > 0)
		;
	return born < count;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const char *what = argc > 2 ? argv[2] : "";

	if (!strcmp(how, "exit"))
		return atoi(what);
	if (!strcmp(how, "signal"))
		return kill(getpid(), atoi(what));
	if (!strcmp(how, "env"))
		return printf("%s\n", getenv(what) ? getenv(what) : "(unset)") < 0;
	if (!strcmp(how, "stderr"))
		return fprintf(stderr, "%s\n", what) < 0;
	if (!strcmp(how, "touch"))
		return *(volatile char *)strtoul(what, NULL, 0);
	if (!strcmp(how, "terminal"))
		return describe_terminal();
	if (!strcmp(how, "window"))
		return watch_window();
	if (!strcmp(how, "line"))
		return echo_line();
	if (!strcmp(how, "sleeper"))
		return sleeper();
	if (!strcmp(how, "crowd"))
		return crowd(atoi(what));
	if (!strcmp(how, "group"))
		return give_terminal();
	if (!strcmp(how, "cpus"))
		return (int)sysconf(_SC_NPROCESSORS_ONLN);
	while (!strcmp(how, "loop"))
		;
	return print_all(argv + 1);
}
