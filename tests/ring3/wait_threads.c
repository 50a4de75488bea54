// SPDX-License-Identifier: MIT
//
// __WNOTHREAD: whose child it is, of the threads of one process; and waitid's answer to who has
// nothing to wait for.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

static pid_t mine, others;
static pthread_barrier_t barrier;

static pid_t make(int status)
{
	pid_t child = fork();

	if (!child)
		_exit(status);
	return child;
}

static void step(void)
{
	pthread_barrier_wait(&barrier);
}

static void wait_for(const char *name, pid_t child, int options)
{
	int status = 0;
	pid_t pid = wait4(child, &status, options, NULL);

	if (pid < 0)
		show(name, -1);
	else
		printf("# %s: %s, status %d\n", name,
		       !pid            ? "nobody"
		       : pid == others ? "other's"
				       : "own",
		       WEXITSTATUS(status));
	fflush(stdout);
}

static int sibling(void *unused)
{
	(void)unused;
	_exit(6);
}

static void *other(void *unused)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t child;

	(void)unused;
	wait_for("nothing of mine, in the thread", -1, __WNOTHREAD);
	others = make(5);
	step();
	step();
	wait_for("mine, in the thread", others, __WNOTHREAD);
	// Two that the thread leaves behind.
	others = make(7);
	child = clone(sibling, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	check(child > 0, "a child with the same memory");
	return unused;
}

static void threads(void)
{
	pthread_t thread;
	int status;

	pthread_barrier_init(&barrier, NULL, 2);
	mine = make(3);
	pthread_create(&thread, NULL, other, NULL);
	step();
	wait_for("the other's by name", others, __WNOTHREAD);
	wait_for("any of mine", -1, __WNOTHREAD);
	wait_for("any of mine again", -1, __WNOTHREAD);
	step();
	pthread_join(thread, NULL);
	wait_for("inherited", others, __WNOTHREAD);
	wait_for("and the other one", -1, __WNOTHREAD);
	show("none is left", waitpid(-1, &status, 0));
}

static void try_waitid(const char *name, int type, int options)
{
	siginfo_t info;

	memset(&info, 0xff, sizeof(info));
	show(name, waitid(type, 0, &info, options));
	printf("# signal %d, code %d, status %d\n", info.si_signo, info.si_code, info.si_status);
	show("to nowhere", syscall(SYS_waitid, type, 0, -1l, options, NULL));
	show("nothing to store", syscall(SYS_waitid, type, 0, NULL, options, NULL));
}

int main(void)
{
	try_waitid("without children", P_ALL, WEXITED);
	try_waitid("a type that is none", 99, WEXITED);
	try_waitid("no option", P_ALL, WNOHANG);
	threads();
	return tap_end();
}
