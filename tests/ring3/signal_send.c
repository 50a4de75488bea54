// SPDX-License-Identifier: MIT
//
// Sending signals: who can be named and in which order mistakes are reported, what the handler or
// the waiter learns, values and limits of sigqueue, what a user's processes may have pending
// together, and that a process of another user is left alone.
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

static volatile sig_atomic_t count;
static siginfo_t seen[64];

static void note(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	if (count < 64)
		seen[count] = *info;
	count++;
}

static void catch (int signal, int flags)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
	count = 0;
}

static int sleeps(void)
{
	pause();
	return 0;
}

static pid_t start(int (*function)(void))
{
	pid_t child = fork();

	if (child == 0)
		_exit(function());
	return child;
}

static int end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return status;
}

static void naming(void)
{
	pid_t child = start(sleeps), gone = fork();

	if (!gone)
		_exit(0);
	show("nobody, with a wrong signal", kill(999999, 65));
	show("somebody, with a wrong signal", kill(child, 65));
	show("a negative signal", kill(child, -1));
	show("INT_MIN", kill(INT_MIN, SIGTERM));
	show("a group that is not there", kill(-999999, SIGTERM));
	show("the same with a wrong signal", kill(-999999, 99));
	show("tgkill of group 0", syscall(SYS_tgkill, 0, child, 0));
	show("tgkill of thread -1", syscall(SYS_tgkill, child, -1, 0));
	show("tgkill of another's thread", syscall(SYS_tgkill, getpid(), child, 0));
	show("tgkill of nobody, wrong signal", syscall(SYS_tgkill, 999999, 999999, 65));
	show("tgkill with a wrong signal", syscall(SYS_tgkill, child, child, 65));
	show("tkill of 0", syscall(SYS_tkill, 0, SIGTERM));
	show("tkill of nobody", syscall(SYS_tkill, 999999, 65));
	waitid(P_PID, (id_t)gone, NULL, WEXITED | WNOWAIT);
	show("a zombie", kill(gone, SIGTERM));
	show("a zombie, wrong signal", kill(gone, 77));
	show("a zombie's thread", syscall(SYS_tkill, gone, SIGTERM));
	waitpid(gone, NULL, 0);
	show("gone", kill(gone, 0));
	end(child);
}

static int queue(pid_t pid, int signal, int code, int value)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = code;
	info.si_pid = 77;
	info.si_uid = 88;
	info.si_value.sival_int = value;
	return (int)syscall(SYS_rt_sigqueueinfo, pid, signal, &info);
}

static void details(void)
{
	catch (SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	check(count == 1 && seen[0].si_code == SI_USER && seen[0].si_pid == getpid() &&
		      seen[0].si_uid == getuid() && seen[0].si_signo == SIGUSR1,
	      "kill says who");
	syscall(SYS_tkill, getpid(), SIGUSR1);
	check(count == 2 && seen[1].si_code == SI_TKILL && seen[1].si_pid == getpid(),
	      "tkill says that it was one");
	check(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1234}) == 0, "sigqueue");
	check(count == 3 && seen[2].si_code == SI_QUEUE && seen[2].si_value.sival_int == 1234 &&
		      seen[2].si_pid == getpid(),
	      "brings a value");
	show("a code of the sender's own", queue(getpid(), SIGUSR1, -60, 5));
	check(count == 4 && seen[3].si_code == -60 && seen[3].si_pid == 77 && seen[3].si_uid == 88,
	      "comes as it was sent");
	show("to itself as the kernel", queue(getpid(), SIGUSR1, SI_KERNEL, 5));
	check(count == 5 && seen[4].si_code == SI_KERNEL, "comes too");
}

static void pretending(void)
{
	pid_t child = start(sleeps);
	siginfo_t info = {.si_code = SI_QUEUE};
	int status;

	show("to another as the kernel", queue(child, SIGUSR1, SI_KERNEL, 5));
	show("to another as kill", queue(child, SIGUSR1, SI_USER, 5));
	show("to another as tkill", queue(child, SIGUSR1, SI_TKILL, 5));
	show("as what it is, only asking", queue(child, 0, SI_QUEUE, 5));
	show("a wrong signal", queue(child, 65, SI_QUEUE, 5));
	show("to nobody", queue(999999, SIGUSR1, SI_QUEUE, 5));
	show("to a group", queue(-getpgrp(), SIGUSR1, SI_QUEUE, 5));
	show("to 0", queue(0, SIGUSR1, SI_QUEUE, 5));
	show("from nowhere", syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, 8));
	show("the thread of a group -1", syscall(SYS_rt_tgsigqueueinfo, -1, child, 0, &info));
	show("thread -1", syscall(SYS_rt_tgsigqueueinfo, child, -1, 0, &info));
	show("of another group", syscall(SYS_rt_tgsigqueueinfo, getpid(), child, 0, &info));
	show("right", syscall(SYS_rt_tgsigqueueinfo, child, child, SIGUSR2, &info));
	waitpid(child, &status, 0);
	show_status("SIGUSR2 has ended it", status);
}

// Signals from 32 on come in the order of their numbers, and each as often as it was sent.
static void many(void)
{
	sigset_t set, old;

	catch (SIGRTMIN, 0);
	catch (SIGRTMIN + 1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i});
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	check(count == 6, "each of six comes");
	// Each frame is put on top of the one before, so that the last one runs first.
	for (int i = 0; i < 6; i++)
		printf("# signal RTMIN+%d with %d\n", seen[i].si_signo - SIGRTMIN,
		       seen[i].si_value.sival_int);
}

static int few_notes(void)
{
	struct rlimit limit = {0, 0}; // Linux counts all that root has pending
	sigset_t set, pending;
	struct timespec now = {0};
	siginfo_t info;
	int got = 0;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	show("queued with a limit of 0", sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
	show("a plain one as well", sigqueue(getpid(), SIGUSR1, (union sigval){0}));
	sigpending(&pending);
	show("it is pending", sigismember(&pending, SIGUSR1));
	show("kill with one from 32 on", kill(getpid(), SIGRTMIN + 2));
	show("tkill with one", (int)syscall(SYS_tkill, getpid(), SIGRTMIN + 3));
	while (sigtimedwait(&set, &info, &now) > 0) {
		printf("# got %d code %d value %d from %s\n", info.si_signo, info.si_code,
		       info.si_value.sival_int, info.si_pid ? "us" : "0");
		got++;
	}
	fflush(stdout);
	return got;
}

static void status_line(const char *name, pid_t pid)
{
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "SigQ:", 5) == 0)
			printf("# %s: %s", name, line);
	}
	if (file)
		fclose(file);
}

// A process with two details pending, which waits until it is killed.
static pid_t has_two(const sigset_t *all, int told)
{
	pid_t child = fork();

	if (child)
		return child;
	sigprocmask(SIG_SETMASK, all, NULL);
	for (int i = 0; i < 2; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
	write(told, "", 1);
	for (;;)
		pause();
}

// RLIMIT_SIGPENDING is for all that a user's processes have, and its timers. Each run has a user
// of its own: others of root's have details of theirs.
static int of_a_user(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct rlimit limit = {4, 4};
	int ends[2], timer, nothing;
	sigset_t all;
	pid_t child;

	pipe(ends);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	setuid(400000 + (uid_t)getpid());
	status_line("nothing yet", getpid());
	child = has_two(&all, ends[1]);
	read(ends[0], &nothing, 1);
	status_line("what a child has", getpid());
	show("a timer", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
	show("the fourth", sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
	show("the fifth", sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
	show("to the child", sigqueue(child, SIGRTMIN + 1, (union sigval){0}));
	show("another timer", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &nothing));
	show("of kill's there is one each", kill(getpid(), SIGUSR1));
	status_line("five of four", getpid());
	show("the timer ends", syscall(SYS_timer_delete, timer));
	show("it was one too many", sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	status_line("without the child", getpid());
	show("there is room", sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
	fflush(stdout);
	return 0;
}

static volatile pid_t victim;

static int is_nobody(void)
{
	setuid(65534);
	if (kill(victim, SIGTERM) != -1 || errno != EPERM)
		return 1;
	if (kill(victim, 0) != -1 || errno != EPERM)
		return 2;
	if (kill(victim, 65) != -1 || errno != EINVAL)
		return 3;
	if (kill(victim, SIGCONT)) // of the same session
		return 4;
	if (kill(0, 0)) // itself is in the group
		return 5;
	return 0;
}

static void other_users(void)
{
	victim = start(sleeps);
	check(getuid() || in_child(is_nobody) == 0, "nobody may not end what root has started");
	end(victim);
}

// The handler's process goes on with what its own parent had set.
static int takes_it_once(void)
{
	raise(SIGUSR2);
	return count == 1 ? 0 : 1;
}

static void once(void)
{
	struct sigaction action;

	catch (SIGUSR2, SA_RESETHAND);
	show_status("a child's SA_RESETHAND", in_child(takes_it_once));
	raise(SIGUSR2);
	check(count == 1, "leaves the parent's handler alone");
	sigaction(SIGUSR2, NULL, &action);
	check(action.sa_handler == SIG_DFL, "which then is reset");
	show("with its flags", action.sa_flags & (int)(SA_RESETHAND | SA_SIGINFO));
}

// SIGCHLD says how the child ended, also where nobody waits.
static void of_children(void)
{
	catch (SIGCHLD, 0);
	pid_t child = start(sleeps);
	int status;

	kill(child, SIGINT);
	waitpid(child, &status, 0);
	check(count == 1 && seen[0].si_code == CLD_KILLED && seen[0].si_status == SIGINT &&
		      seen[0].si_pid == child,
	      "SIGCHLD says by which signal");
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	naming();
	details();
	pretending();
	many();
	show_status("limit", in_child(few_notes));
	show_status("what a user has", in_child(of_a_user));
	other_users();
	once();
	of_children();
	return tap_end();
}
