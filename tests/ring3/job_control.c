// SPDX-License-Identifier: MIT
//
// Stopping and continuing, process groups and sessions, waitid, and the less common ways to wait
// for a signal. Compared with Linux.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "tests/ring3/tap.h"

static volatile sig_atomic_t seen, seen_code, seen_status;
static volatile pid_t seen_pid;
static volatile long seen_stack;

static void remember(int signal, siginfo_t *info, void *context)
{
	int here;

	(void)context;
	seen = signal;
	seen_code = info->si_code;
	seen_pid = info->si_pid;
	seen_status = info->si_status;
	seen_stack = (long)&here;
}

static void catch (int signal, int flags)
{
	struct sigaction action = {.sa_sigaction = remember, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
	seen = seen_code = 0;
}

static void millisleep(int count)
{
	struct timespec time = {0, count * 1000000l};

	nanosleep(&time, NULL);
}

static pid_t start(void (*function)(void))
{
	pid_t child = fork();

	if (child == 0) {
		function();
		_exit(0);
	}
	return child;
}

static void sleep_for_long(void)
{
	for (int i = 0; i < 60; i++)
		millisleep(999);
}

static void show_wait(const char *name, pid_t child, int options)
{
	int status = 0;
	pid_t result = waitpid(child, &status, options);

	printf("# %s: %s, status %#x%s%s%s\n", name, result == child ? "the child" : "nobody",
	       status, WIFSTOPPED(status) ? " stopped" : "",
	       WIFCONTINUED(status) ? " continued" : "", WIFSIGNALED(status) ? " killed" : "");
	fflush(stdout);
}

static void stop_and_continue(void)
{
	pid_t child = start(sleep_for_long);

	show_wait("running", child, WNOHANG | WUNTRACED | WCONTINUED);
	kill(child, SIGSTOP);
	show_wait("SIGSTOP", child, WUNTRACED);
	show_wait("told once", child, WUNTRACED | WNOHANG);
	kill(child, SIGTERM); // waits until it goes on
	millisleep(30);
	show_wait("SIGTERM while stopped", child, WNOHANG);
	kill(child, SIGCONT);
	show_wait("SIGCONT", child, 0);

	child = start(sleep_for_long);
	kill(child, SIGSTOP);
	show_wait("stopped again", child, WUNTRACED);
	kill(child, SIGCONT);
	show_wait("continued", child, WCONTINUED);
	kill(child, SIGSTOP);
	show_wait("and stopped", child, WUNTRACED);
	kill(child, SIGKILL);
	show_wait("SIGKILL while stopped", child, 0);
}

static void stop_itself(void)
{
	raise(SIGSTOP);
	_exit(42);
}

static void stop_notices(void)
{
	pid_t child;

	catch (SIGCHLD, SA_RESTART);
	child = start(stop_itself);
	show_wait("stops itself", child, WUNTRACED);
	while (!seen) // Linux lets the stop be seen a little before
		millisleep(1);
	printf("# SIGCHLD: code %d, status %d, %s\n", seen_code, seen_status,
	       seen_pid == child ? "the child's" : "somebody's");
	kill(child, SIGCONT);
	show_wait("goes on", child, 0);
	// The second signal is lost when the first is still pending, so either may be the last.
	check(seen_code == CLD_CONTINUED || seen_code == CLD_EXITED, "SIGCHLD of going on");
	catch (SIGCHLD, SA_NOCLDSTOP | SA_RESTART);
	child = start(stop_itself);
	show_wait("stops itself, not told", child, WUNTRACED);
	printf("# SIGCHLD: %s\n", seen ? "sent" : "not sent");
	kill(child, SIGCONT);
	show_wait("goes on", child, 0);
	signal(SIGCHLD, SIG_DFL);
}

static void exit_seven(void)
{
	_exit(7);
}

static void show_waitid(const char *name, idtype_t type, id_t id, int options)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (waitid(type, id, &info, options) < 0)
		printf("# waitid, %s: %s\n", name, strerror(errno));
	else
		printf("# waitid, %s: signal %d, code %d, status %d, pid %s\n", name,
		       info.si_signo, info.si_code, info.si_status, info.si_pid ? "given" : "0");
	fflush(stdout);
}

static void waitid_forms(void)
{
	pid_t child = start(exit_seven);

	show_waitid("look only", P_PID, child, WEXITED | WNOWAIT);
	show_waitid("take", P_PID, child, WEXITED);
	show_waitid("gone", P_PID, child, WEXITED);
	child = start(sleep_for_long);
	show_waitid("not yet", P_ALL, 0, WEXITED | WNOHANG);
	kill(child, SIGSTOP);
	show_waitid("stopped", P_PID, child, WSTOPPED);
	kill(child, SIGCONT);
	show_waitid("continued", P_PID, child, WCONTINUED);
	kill(child, SIGUSR1);
	show_waitid("killed", P_PGID, getpgrp(), WEXITED);
	show_waitid("nothing asked", P_ALL, 0, WNOHANG);
	show_waitid("bad type", (idtype_t)9, 0, WEXITED);
}

static int in_new_session(void)
{
	int failures = 0;

	failures += setsid() != getpid();
	failures += getsid(0) != getpid() || getpgrp() != getpid();
	show("a second session", setsid());
	show("a leader changes its group", setpgid(0, 0));
	return failures;
}

static void groups(void)
{
	pid_t first = start(sleep_for_long), second = start(sleep_for_long);

	check(setpgid(first, first) == 0, "a child into its own group");
	check(setpgid(second, first) == 0, "another one joins");
	check(getpgid(second) == first && getpgrp() != first, "as told");
	show("a group that is not there", setpgid(second, 1 << 20));
	show("negative", setpgid(second, -1));
	show("not a child", setpgid(1 << 20, 0));
	show("group of nobody", getpgid(1 << 20));
	show("session of nobody", getsid(1 << 20));
	check(kill(-first, SIGTERM) == 0, "a signal to the group");
	show_wait("first", first, 0);
	show_wait("second", second, 0);
	show("to a group that is gone", kill(-first, 0));
	show_status("in a session of its own", in_child(in_new_session));
}

static void signal_parent(void)
{
	millisleep(20);
	kill(getppid(), SIGUSR1);
}

// The first may come before it is waited for.
static void signal_parent_often(void)
{
	for (;;)
		signal_parent();
}

static void wait_for_signals(void)
{
	sigset_t set, old;
	siginfo_t info;
	struct timespec time = {0, 10000000}, rest;
	pid_t child;

	catch (SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	child = start(signal_parent);
	show("sigsuspend", sigsuspend(&old));
	check(seen == SIGUSR1 && seen_code == SI_USER && seen_pid == child, "who sent it");
	sigprocmask(SIG_BLOCK, NULL, &old);
	check(sigismember(&old, SIGUSR1), "the mask is back");
	waitpid(child, NULL, 0);
	show("sigtimedwait for nothing", sigtimedwait(&set, NULL, &time));
	child = start(signal_parent);
	show("sigwaitinfo", sigwaitinfo(&set, &info));
	check(info.si_signo == SIGUSR1 && info.si_pid == child, "who sent that");
	waitpid(child, NULL, 0);
	signal(SIGUSR1, SIG_DFL);
	child = start(signal_parent);
	show("sigwaitinfo for what would be fatal", sigwaitinfo(&set, &info));
	waitpid(child, NULL, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	child = start(exit_seven);
	show("sigwaitinfo for what would be ignored", sigwaitinfo(&set, &info));
	check(info.si_code == CLD_EXITED && info.si_status == 7, "with its details");
	waitpid(child, NULL, 0);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	catch (SIGUSR1, 0);
	child = start(signal_parent_often);
	show("pause", pause());
	check(seen == SIGUSR1, "the handler ran");
	time = (struct timespec){100, 0};
	show("nanosleep", nanosleep(&time, &rest));
	check(rest.tv_sec >= 50 && rest.tv_sec < 100, "the rest is known");
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) != child)
		continue;
}

static void on_another_stack(void)
{
	static char space[65536];
	stack_t stack = {.ss_sp = space, .ss_size = sizeof(space)}, old;

	show("sigaltstack", sigaltstack(&stack, NULL));
	catch (SIGUSR2, SA_ONSTACK);
	raise(SIGUSR2);
	check(seen_stack >= (long)space && seen_stack < (long)space + 65536,
	      "the handler's stack");
	check(sigaltstack(NULL, &old) == 0 && old.ss_sp == space && old.ss_flags == 0, "as set");
	stack.ss_size = 100;
	show("too small", sigaltstack(&stack, NULL));
	stack.ss_flags = SS_DISABLE;
	show("disabled", sigaltstack(&stack, NULL));
	raise(SIGUSR2);
	check(seen_stack < (long)space || seen_stack >= (long)space + 65536, "the usual stack");
}

static volatile int depth, deepest;

static void nest(int signal)
{
	if (++depth > deepest)
		deepest = depth;
	if (signal == SIGUSR1)
		raise(SIGUSR2);
	depth--;
}

static void nesting(void)
{
	struct sigaction action = {.sa_handler = nest};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR1);
	check(deepest == 2, "a handler is interrupted by another");
	deepest = 0;
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(deepest == 1, "unless its mask says no");
	action.sa_flags = SA_RESETHAND;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &action);
	check(action.sa_handler == SIG_DFL, "SA_RESETHAND");
}

static void children_nobody_waits_for(void)
{
	pid_t child;

	signal(SIGCHLD, SIG_IGN);
	child = start(exit_seven);
	millisleep(50);
	show("ignored SIGCHLD leaves no zombie", kill(child, 0));
	show("nor anything to wait for", waitpid(child, NULL, 0));
	signal(SIGCHLD, SIG_DFL);
}

static void limits(void)
{
	struct rlimit limit;

	check(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > 0, "RLIMIT_STACK");
	limit.rlim_cur = 5;
	limit.rlim_max = 4;
	show("soft above hard", setrlimit(RLIMIT_NOFILE, &limit));
	show("no such limit", getrlimit((int)16, &limit));
	limit.rlim_cur = limit.rlim_max = 8;
	check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "eight descriptors");
	show("dup beyond", dup2(1, 8));
	show("fcntl beyond", fcntl(1, F_DUPFD, 8));
	check(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 8, "as set");
}

static void alarms(void)
{
	struct itimerval timer = {{0, 30000}, {0, 30000}}, before;

	catch (SIGALRM, 0);
	show("no alarm yet", alarm(100));
	show("its seconds, about", (alarm(50) + 5) / 10);
	show("a timer instead", setitimer(ITIMER_REAL, &timer, &before));
	check(before.it_value.tv_sec <= 50 && before.it_interval.tv_usec == 0, "what it replaced");
	pause();
	check(seen == SIGALRM && seen_code == SI_KERNEL, "SIGALRM");
	seen = 0;
	pause();
	check(seen == SIGALRM, "and again");
	check(getitimer(ITIMER_REAL, &before) == 0 && before.it_interval.tv_usec == 30000,
	      "as set");
	show("off", alarm(0));
	getitimer(ITIMER_REAL, &before);
	check(before.it_value.tv_sec == 0 && before.it_value.tv_usec == 0, "it is off");
	timer.it_value.tv_usec = 1000000;
	show("not a time", setitimer(ITIMER_REAL, &timer, NULL));
	show("no such timer", setitimer(9, &timer, NULL));
}

static int alarm_in_child(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(1);
	return pause();
}

static int limits_in_child(void)
{
	limits();
	return tap_failed;
}

int main(void)
{
	stop_and_continue();
	stop_notices();
	waitid_forms();
	groups();
	wait_for_signals();
	on_another_stack();
	nesting();
	children_nobody_waits_for();
	alarms();
	show_status("an alarm nobody catches", in_child(alarm_in_child));
	show_status("limits", in_child(limits_in_child));
	return tap_end();
}
