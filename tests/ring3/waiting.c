// SPDX-License-Identifier: MIT
//
// fork, exit and wait4: which child, which status, which error; orphans; vfork.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

static pid_t child_with(int status)
{
	pid_t child = fork();

	if (child == 0)
		_exit(status);
	return child;
}

static void statuses(void)
{
	static const int codes[] = {0, 1, 42, 127, 255, 256, 511, -1};
	int status;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		pid_t child = child_with(codes[i]);

		check(waitpid(child, &status, 0) == child, "the child waited for");
		printf("# exit(%d): status %#x\n", codes[i], (unsigned int)status);
	}
	fflush(stdout);
}

static void errors(void)
{
	int status = 1234;
	pid_t child;

	show("no children", waitpid(-1, &status, 0));
	show("no children, no waiting", waitpid(-1, &status, WNOHANG));
	show("not a child", waitpid(1, &status, 0));
	show("bad options", waitpid(-1, &status, 0x40));
	check(status == 1234, "an error leaves the status alone");
	child = child_with(3);
	show("status nowhere", syscall(SYS_wait4, child, (int *)8, 0, NULL));
	show("and the child is gone all the same", waitpid(child, &status, 0));
	child = child_with(3);
	check(waitpid(child, NULL, 0) == child, "no status wanted");
	check(syscall(SYS_wait4, -1, NULL, WNOHANG, NULL) == -1, "and then there is none");
}

static void choosing(void)
{
	pid_t first = child_with(1), second = child_with(2), third = child_with(3), got;
	int status, sum = 0;

	check(waitpid(second, &status, 0) == second && WEXITSTATUS(status) == 2, "by number");
	for (int i = 0; i < 2; i++) {
		got = wait(&status);
		check(got == first || got == third, "any");
		sum += WEXITSTATUS(status);
	}
	check(sum == 4, "each once");
	first = child_with(5);
	check(waitpid(0, &status, 0) == first && WEXITSTATUS(status) == 5, "of the same group");
}

static void not_waiting(void)
{
	int hold[2], status;
	char byte;
	pid_t child;

	if (pipe(hold) < 0)
		return;
	child = fork();
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) == 0 ? 6 : 7);
	}
	close(hold[0]);
	check(waitpid(child, &status, WNOHANG) == 0, "WNOHANG: it still runs");
	check(kill(child, 0) == 0, "and can be signalled");
	close(hold[1]);
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 6, "now it ended");
	show("signalling it afterwards", kill(child, 0));
}

static void killed(void)
{
	static const int signals[] = {SIGHUP,  SIGINT,  SIGKILL, SIGSEGV,
				      SIGTERM, SIGPIPE, SIGALRM, SIGUSR1};
	int status;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				sched_yield();
		check(kill(child, signals[i]) == 0, "a signal to a child that never ends");
		waitpid(child, &status, 0);
		printf("# signal %d: status %#x\n", signals[i], (unsigned int)status & ~0x80u);
	}
	fflush(stdout);
}

// A process whose parent ended goes to the first process, and not to its grandparent. Played in a
// child, so that it holds also where this program is that process (tools/run --init).
static int orphans(void)
{
	int ends[2], status, number = 0;
	pid_t child;

	if (pipe(ends) < 0)
		return 1;
	child = fork();
	if (child == 0) {
		if (fork() == 0) {
			while (getppid() != 1 && number++ < 100000)
				sched_yield();
			_exit(write(ends[1], "x", 1) != 1);
		}
		_exit(9);
	}
	close(ends[1]);
	if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 9)
		return 2;
	if (read(ends[0], &number, 1) != 1)
		return 3;
	return waitpid(-1, &status, 0) == -1 && errno == ECHILD ? 0 : 4;
}

static int shared_by_vfork;

// One that has ended will not stop: that is not waited for.
static void ended(void)
{
	pid_t child = child_with(6);
	siginfo_t info;

	show("its end, kept", waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
	show("its stop", waitid(P_PID, (id_t)child, &info, WSTOPPED));
	show("anybody's", waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED | WNOHANG));
	show("its end", waitid(P_PID, (id_t)child, &info, WEXITED));
}

static void vforking(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0) {
		shared_by_vfork = 77;
		_exit(4);
	}
	check(shared_by_vfork == 77, "vfork's child runs in its parent's memory, and first");
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4, "and ends");
}

static void numbers(void)
{
	pid_t self = getpid(), child = fork();
	int status;

	if (child == 0)
		_exit(getppid() == self && getpid() != self && syscall(SYS_gettid) == getpid()
			      ? 0
			      : 1);
	check(waitpid(child, &status, 0) == child && status == 0, "a child knows its parent");
	check(getpid() == self && syscall(SYS_gettid) == self, "a parent keeps its number");
}

static void show_info(const char *name, const siginfo_t *info, pid_t child)
{
	printf("# %s: signal %d, code %d, status %d, %s\n", name, info->si_signo, info->si_code,
	       info->si_status, info->si_pid == child ? "of the child" : "of somebody");
	fflush(stdout);
}

// What waitid tells of `child`, and the signal that came with it.
static void tell(const char *name, pid_t child, int options)
{
	const struct timespec soon = {3, 0}; // it may come a moment later
	siginfo_t info = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	show(name, waitid(P_PID, (id_t)child, &info, options));
	show_info("told by waitid", &info, child);
	memset(&info, 0, sizeof(info));
	show("a signal", sigtimedwait(&set, &info, &soon));
	show_info("told by it", &info, child);
}

static void details(void)
{
	sigset_t set, old;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	tell("ended", child_with(42), WEXITED);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	kill(child, SIGSTOP);
	tell("stopped", child, WSTOPPED);
	kill(child, SIGCONT);
	tell("goes on", child, WCONTINUED);
	kill(child, SIGKILL);
	tell("killed", child, WEXITED);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

// Who ignores SIGCHLD leaves no zombies: the wait ends when there is no child any more.
static int ignores_ends(void)
{
	signal(SIGCHLD, SIG_IGN);
	child_with(1);
	return waitpid(-1, NULL, 0) == -1 && errno == ECHILD ? 0 : 1;
}

static void groups(void)
{
	pid_t other = child_with(1), leader, got;
	siginfo_t info;

	waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT);
	leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		_exit(2);
	}
	setpgid(leader, leader);
	got = waitpid(-leader, NULL, 0);
	check(got == leader, "of another group");
	check(waitpid(0, NULL, 0) == other, "and of one's own");
}

static void usage_of_children(void)
{
	struct rusage before, after;
	pid_t child;

	getrusage(RUSAGE_CHILDREN, &before);
	child = fork();
	if (child == 0) {
		volatile char *pages = malloc(64 * PAGE);

		for (long i = 0; i < 64; i++)
			pages[i * PAGE] = 1;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	getrusage(RUSAGE_CHILDREN, &after);
	check(after.ru_minflt - before.ru_minflt >= 64, "a child's faults are its parent's then");
}

int main(void)
{
	statuses();
	errors();
	ended();
	details();
	groups();
	usage_of_children();
	show_status("no zombies", in_child(ignores_ends));
	choosing();
	not_waiting();
	killed();
	vforking();
	numbers();
	show_status("orphans", in_child(orphans));
	return tap_end();
}
