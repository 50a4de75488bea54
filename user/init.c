// SPDX-License-Identifier: MIT
//
// init [STATION...]: process 1 of `make run`: the tour, then a shell
//
// The shell is busybox where the initrd has it, /bin/prompt elsewhere.
// Without a terminal there is only the tour, whose exit status is init's: the kernel stops when
// process 1 ends, and tools/run ends with that status. Between times it collects the
// processes that lost their parents. Busybox's poweroff, halt and reboot ask it by their signals.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void switch_off(int signal)
{
	(void)signal;
	_exit(0);
}

// Exit status as a shell has it: 128 and the signal's number for an end by signal.
static int run(const char *path, char **argv)
{
	pid_t child = fork(), ended;
	int status = 0;

	if (child == 0) {
		signal(SIGINT, SIG_DFL);
		execv(path, argv);
		perror(path);
		_exit(127);
	}
	if (child < 0) {
		perror("init: fork");
		return 126;
	}
	do
		ended = waitpid(-1, &status, 0);
	while (ended != child && ended > 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	char *prompt[] = {"prompt", NULL}, *shell[] = {"-sh", NULL};
	int status;

	(void)argc;
	signal(SIGINT, SIG_IGN); // Ctrl-C ends what runs, not the system
	signal(SIGUSR1, switch_off);
	signal(SIGUSR2, switch_off);
	signal(SIGTERM, switch_off);
	argv[0] = "tour";
	status = run("/bin/tour", argv);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return status;
	if (access("/bin/busybox", X_OK) != 0)
		return run("/bin/prompt", prompt);
	printf("\nBusybox's shell. `programs` lists what else is here, `exit` switches off.\n");
	fflush(stdout);
	return run("/bin/busybox", shell);
}
