// SPDX-License-Identifier: MIT
//
// What signals must not change: a parent's handler when a child's one-shot handler has run, the
// mask after a wait with another one, a process group whose members fork while it is killed.
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

static volatile sig_atomic_t count;

static void handler(int signal)
{
	(void)signal;
	count++;
}

// Parent and child share the table of actions until one of them calls sigaction.
static int raise_once(void)
{
	raise(SIGUSR1);
	return count != 1;
}

static void one_shot(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND}, now;

	sigaction(SIGUSR1, &action, NULL);
	show_status("a child's one-shot handler", in_child(raise_once));
	sigaction(SIGUSR1, NULL, &now);
	check(now.sa_handler == handler, "leaves the parent's alone");
	raise(SIGUSR1);
	check(count == 1, "which runs once");
	sigaction(SIGUSR1, NULL, &now);
	check(now.sa_handler == SIG_DFL && now.sa_flags & SA_RESETHAND, "and is gone then");
}

static void mask_of_a_wait(void)
{
	const struct timespec soon = {.tv_nsec = 30000000};
	sigset_t all, none, now;

	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	show("ppoll that times out", ppoll(NULL, 0, &soon, &all));
	sigprocmask(SIG_SETMASK, NULL, &now);
	check(!sigismember(&now, SIGUSR1), "puts the mask back");
}

// Forks until it is killed, and so does every child.
static void fork_for_ever(int *left)
{
	while (__atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) > 0)
		if (fork() < 0)
			break;
	for (;;)
		pause();
}

// Killing a group reaches every member, those that are being forked meanwhile as well: afterwards
// nobody holds the pipe's other end.
static void group_that_forks(int round)
{
	int *left = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2], status;
	pid_t leader;
	char byte;

	*left = 40;
	if (pipe(ends) < 0)
		return;
	leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		close(ends[0]);
		if (write(ends[1], "x", 1) == 1)
			fork_for_ever(left);
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		return;
	for (int i = 0; i < round * 50; i++)
		getppid();
	kill(-leader, SIGKILL);
	waitpid(leader, &status, 0);
	if (read(ends[0], &byte, 1) != 0 || !WIFSIGNALED(status))
		check(false, "a member is left");
	close(ends[0]);
	munmap(left, PAGE);
}

int main(void)
{
	one_shot();
	mask_of_a_wait();
	for (int round = 0; round < 40; round++)
		group_that_forks(round);
	check(true, "groups that fork were killed");
	return tap_end();
}
