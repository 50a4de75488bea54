// SPDX-License-Identifier: MIT
//
// About process 1, for tests/scenario/run.t. `first immortal` is process 1 itself (--init): no
// signal without a handler does anything to it but that of its own fault, by which it ends.
// `first ordinary` has the kernel's own process 1 for its parent, tries to do it harm, sees that
// it collects orphans, and ends while one is left that nothing but the machine's end will stop.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void count(int signal)
{
	caught += signal == SIGTERM;
}

static void check(bool passed, const char *name)
{
	printf("%sok - %s\n", passed ? "" : "not ", name);
	fflush(stdout);
}

// Whose child the child of an ended child becomes.
static int make_orphan(void (*become)(void))
{
	int ends[2], orphan = 0, status;
	pid_t child;

	if (pipe(ends) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		orphan = fork();
		if (orphan == 0)
			become();
		_exit(write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan));
	}
	if (waitpid(child, &status, 0) != child || status ||
	    read(ends[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		return -1;
	close(ends[0]);
	close(ends[1]);
	return orphan;
}

static void leave(void)
{
	_exit(3);
}

static void stay(void)
{
	setsid();
	for (int signal = 1; signal <= 64; signal++)
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	for (int i = 0; i < 50; i++)
		if (fork() == 0)
			pause();
	for (;;)
		sched_yield();
}

static void blocked(void)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(1, SIGTERM);
	check(sigpending(&pending) == 0 && sigismember(&pending, SIGTERM), "blocked: it is kept");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	check(sigpending(&pending) == 0 && !sigismember(&pending, SIGTERM), "and then nothing");
}

static void timer(void)
{
	const struct itimerval soon = {.it_value.tv_usec = 1000};
	struct itimerval left;

	setitimer(ITIMER_REAL, &soon, NULL);
	do
		getitimer(ITIMER_REAL, &left);
	while (left.it_value.tv_usec || left.it_value.tv_sec);
	check(true, "a timer's neither");
}

static int immortal(void)
{
	const int signals[] = {SIGKILL, SIGSTOP, SIGTERM, SIGINT, SIGTSTP, SIGSEGV, SIGABRT, 40};
	int status, orphan;

	check(getpid() == 1 && getppid() == 0, "process 1");
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		check(kill(1, signals[i]) == 0, strsignal(signals[i]));
	if (fork() == 0)
		_exit(kill(1, SIGKILL) || kill(1, SIGSTOP));
	check(wait(&status) > 0 && status == 0, "nor does a child's");
	blocked();
	timer();
	signal(SIGTERM, count);
	check(kill(1, SIGTERM) == 0 && caught == 1, "a handler runs");
	orphan = make_orphan(leave);
	check(waitpid(orphan, &status, 0) == orphan && WEXITSTATUS(status) == 3,
	      "orphans are its");
	return *(volatile char *)16;
}

static int ordinary(void)
{
	char name[32];
	int orphan, status;
	pid_t child;

	check(getpid() == 2 && getppid() == 1, "a child of process 1");
	check(kill(1, SIGKILL) == 0 && kill(1, SIGSTOP) == 0 && kill(1, SIGTERM) == 0, "signals");
	check(kill(0, SIGCONT) == 0 && kill(1, 0) == 0 && getppid() == 1, "which it survives");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	check(kill(-1, SIGTERM) == 0 && waitpid(child, &status, 0) == child &&
		      WTERMSIG(status) == SIGTERM && kill(1, 0) == 0,
	      "everybody is not it");
	orphan = make_orphan(leave);
	snprintf(name, sizeof(name), "/proc/%d", orphan);
	while (orphan > 0 && access(name, F_OK) == 0)
		sched_yield();
	check(orphan > 0 && errno == ENOENT, "it collects orphans");
	check(wait(&status) == -1 && errno == ECHILD, "which are not this one's");
	check(make_orphan(stay) > 0, "one stays");
	return 42;
}

int main(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "immortal") ? immortal() : ordinary();
}
