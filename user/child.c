// SPDX-License-Identifier: MIT
//
// child PATH NAME [ARG...]: runs a program as somebody's child
//
// Test suites take a parent with the number 1 for a sign that theirs has ended, and the first
// program of a machine has no parent at all. tools/run --child puts this program before them. It
// collects who loses his parents, and ends as the program did.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t child, ended;
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: child PATH NAME [ARG...]\n");
		return 2;
	}
	child = fork();
	if (child == 0) {
		execv(argv[1], argv + 2);
		perror(argv[1]);
		_exit(127);
	}
	if (child < 0) {
		perror("child: fork");
		return 126;
	}
	do
		ended = waitpid(-1, &status, 0);
	while (ended != child && (ended > 0 || errno == EINTR));
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	kill(getpid(), WTERMSIG(status));
	return 128 + WTERMSIG(status);
}
