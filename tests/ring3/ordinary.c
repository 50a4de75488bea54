// SPDX-License-Identifier: MIT
//
// The program asked for is a process like others: it has a parent, it leads nothing until it wants
// to, and orphans are not its business.
#include "tests/ring3/tap.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// What a child says in its exit status.
static int status_of(int (*tell)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(tell());
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int parent_is_one(void)
{
	return getppid() == 1;
}

static int is_alone(void)
{
	return setpgid(0, 0) == 0 && getpgrp() == getpid() && setsid() == -1 && errno == EPERM;
}

static void test_family(void)
{
	check(getpid() > 1, "it is not process 1");
	check(getppid() > 0 && getppid() != getpid(), "it has a parent");
	check(kill(getppid(), 0) == 0, "who is alive");
	check(getpgid(getppid()) == getpgrp(), "whose group it is in");
	check(getsid(getppid()) == getsid(0), "whose session it is in");
	check(getpgrp() != getpid() && getsid(0) != getpid(), "and it leads neither");
	check(status_of(parent_is_one) == 0, "its children's parent is not process 1");
	check(status_of(is_alone) == 1, "a child can lead a group");
}

// The child's child outlives it, and tells by its end of the pipe whose it has become.
static void test_orphans(void)
{
	int ends[2], told[2], status;
	pid_t child, parent = 0;
	char byte;

	check(pipe(ends) == 0 && pipe(told) == 0, "pipes");
	child = fork();
	if (child == 0) {
		pid_t before = getpid();

		if (fork() == 0) {
			alarm(30); // whatever happens, it does not stay
			close(ends[1]);
			(void)!read(ends[0], &byte, 1); // until both have closed theirs
			while ((parent = getppid()) == before)
				;
			(void)!write(told[1], &parent, sizeof(parent));
			_exit(0);
		}
		_exit(7);
	}
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "a child leaves");
	close(ends[1]);
	check(read(told[0], &parent, sizeof(parent)) == sizeof(parent), "its child lives on");
	check(parent != getpid() && parent != child && parent > 0, "somebody else's");
	errno = 0;
	check(wait(&status) == -1 && errno == ECHILD, "and nobody's to wait for here");
}

static void test_subreaper(void)
{
	int status;
	pid_t child;

	check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "it asks for orphans");
	child = fork();
	if (child == 0)
		_exit(fork() == 0 ? 0 : 8);
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 8, "a child leaves");
	check(wait(&status) > 0 && status == 0, "its child is this one's now");
	check(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0, "no more");
}

static void test_session(void)
{
	check(setsid() == getpid(), "it can lead a session");
	check(getpgrp() == getpid() && getsid(0) == getpid(), "and a group with it");
	errno = 0;
	check(setpgid(0, getppid()) == -1 && errno == EPERM, "which it can not leave");
}

int main(void)
{
	test_family();
	test_orphans();
	test_subreaper();
	test_session();
	return tap_end();
}
