// SPDX-License-Identifier: MIT
//
// again N SECONDS PROGRAM [ARG...]: runs a program N times, one after the other, as long as it
// ends well. Its output goes to a file and is shown only if it does not; one that has not ended
// after SECONDS is hung. What it says is read by tests/soak/soak.py.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT "/tmp/again"

static void run(char **command)
{
	int output = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	close(output);
	execv(command[0], command);
	_exit(127);
}

static void show_output(void)
{
	char bytes[4096];
	ssize_t length;
	int output = open(OUTPUT, O_RDONLY);

	while ((length = read(output, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)length, stdout);
}

// Its status; -1 when it hangs: then it stays, to be looked at. As process 1 (tools/run --init)
// this is also the parent of orphans, who may end before it.
static int status_of(pid_t child, const sigset_t *ended, unsigned seconds)
{
	const struct timespec limit = {.tv_sec = seconds};
	int status;
	pid_t found;

	while (sigtimedwait(ended, NULL, &limit) > 0) {
		while ((found = waitpid(-1, &status, WNOHANG)) > 0) {
			if (found == child)
				return status;
		}
	}
	return -1;
}

static int once(char **command, unsigned seconds)
{
	sigset_t ended;
	pid_t child;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_UNBLOCK, &ended, NULL);
		run(command);
	}
	return child < 0 ? -1 : status_of(child, &ended, seconds);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	for (int i = 0; i < atoi(argv[1]); i++) {
		int status = once(argv + 3, (unsigned)atoi(argv[2]));

		if (status) {
			printf("again: status %#x\n", (unsigned)status);
			show_output();
			return 1;
		}
		printf("again: %d\n", i + 1);
		fflush(stdout);
	}
	return 0;
}
