// SPDX-License-Identifier: MIT
//
// Calls that a signal or a stop cuts short: which start again, which go on with the time that was
// left, and which say EINTR.
#define _GNU_SOURCE // ppoll
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define MILLISECOND 1000000l

static volatile sig_atomic_t count;
static int *shared; // between parent and child

static void handler(int signal)
{
	(void)signal;
	count++;
}

static void catch (int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(SIGUSR1, &action, NULL);
	count = 0;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / MILLISECOND;
}

static void sleep_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MILLISECOND};

	nanosleep(&time, NULL);
}

// The child sleeps in a call of 200 ms; this one stops it for longer than that and lets it go on.
static void stop_and_go(pid_t child)
{
	siginfo_t info;

	sleep_ms(50);
	kill(child, SIGSTOP);
	// On a machine that is busy with other things it may have ended before that.
	waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED | WNOWAIT);
	sleep_ms(50);
	kill(child, SIGCONT);
}

static int naps(void)
{
	struct timespec time = {.tv_nsec = 200 * MILLISECOND}, left = {77, 77};
	long begin = now_ms();
	int result = nanosleep(&time, &left);
	long took = now_ms() - begin;

	return result ? 1 : took < 200 ? 2 : 0;
}

static int polls(void)
{
	long begin = now_ms();
	int result = poll(NULL, 0, 200);
	long took = now_ms() - begin;

	return result ? 1 : took < 200 ? 2 : 0;
}

static int selects(void)
{
	struct timeval time = {.tv_usec = 200000};
	long begin = now_ms();
	int result = select(0, NULL, NULL, NULL, &time);
	long took = now_ms() - begin;

	return result ? 1 : took < 200 ? 2 : 0;
}

static int waits(void)
{
	struct timespec time = {.tv_nsec = 200 * MILLISECOND};
	long begin = now_ms();
	long result = syscall(SYS_futex, shared, FUTEX_WAIT, *shared, &time, NULL, 0);
	long took = now_ms() - begin;

	return result != -1 || errno != ETIMEDOUT ? 1 : took < 200 ? 2 : 0;
}

static int reads(void)
{
	int pipes[2];
	char byte;

	if (pipe(pipes))
		return 1;
	if (fork() == 0) {
		sleep_ms(200);
		_exit(write(pipes[1], "x", 1) != 1);
	}
	return read(pipes[0], &byte, 1) == 1 ? 0 : 2;
}

static void stopped(const char *name, int (*function)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(function());
	stop_and_go(child);
	waitpid(child, &status, 0);
	show_status(name, status);
}

static volatile pid_t sender;

static int wait_for_child(void)
{
	return waitpid(sender, NULL, 0) > 0 ? 0 : errno == EINTR ? 10 : 1;
}

// A child sends SIGUSR1 every 20 ms, as often as said.
static pid_t begin_sending(int times)
{
	pid_t parent = getpid(), child = fork();

	sender = child;
	if (child)
		return child;
	for (int i = 0; i < times; i++) {
		sleep_ms(20);
		kill(parent, SIGUSR1);
	}
	_exit(0);
}

// Calls that do not start again are sent signals until they end, however late they begin.
static int interrupted(int flags, int (*function)(void))
{
	int result;
	pid_t child;

	catch (flags);
	child = begin_sending(flags && function == wait_for_child ? 2 : 1000);
	errno = 0;
	result = function();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return result;
}

static int nap_left(void)
{
	struct timespec time = {.tv_sec = 100}, left = {0};

	if (nanosleep(&time, &left) != -1 || errno != EINTR)
		return 1;
	return left.tv_sec > 0 && left.tv_sec < 100 ? 0 : 2;
}

static int nap_until(void)
{
	struct timespec time, left = {77, 77};

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += 100;
	if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left) != EINTR)
		return 1;
	return left.tv_sec == 77 ? 0 : 2;
}

static int futex_interrupted(void)
{
	struct timespec time = {.tv_sec = 100};

	syscall(SYS_futex, shared, FUTEX_WAIT, *shared, &time, NULL, 0);
	return errno == EINTR ? 0 : 1;
}

// Woken only by the child's end, some time after the two signals, when restarted.
static int futex_for_ever(void)
{
	long result = syscall(SYS_futex, shared, FUTEX_WAIT, *shared, NULL, NULL, 0);

	return result == 0 ? 0 : errno == EINTR ? 10 : 1;
}

static int poll_interrupted(void)
{
	return poll(NULL, 0, 10000) == -1 && errno == EINTR ? 0 : 1;
}

static int pause_interrupted(void)
{
	return pause() == -1 && errno == EINTR ? 0 : 1;
}

static int waiting(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	// musl would call again.
	return syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 8) == -1 && errno == EINTR ? 0 : 1;
}

static void by_handlers(int flags)
{
	printf("# %s SA_RESTART\n", flags ? "with" : "without");
	show("nanosleep", interrupted(flags, nap_left));
	show("clock_nanosleep to a time", interrupted(flags, nap_until));
	show("futex with a timeout", interrupted(flags, futex_interrupted));
	show("poll", interrupted(flags, poll_interrupted));
	show("pause", interrupted(flags, pause_interrupted));
	show("sigwaitinfo", interrupted(flags, waiting));
	show("waitpid", interrupted(flags, wait_for_child));
	check(count > 0, "signals were handled");
}

static void futexes(int flags)
{
	pid_t parent = getpid(), child;

	catch (flags);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < (flags ? 2 : 1000); i++) {
			sleep_ms(20);
			kill(parent, SIGUSR1);
		}
		while (!syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0))
			sleep_ms(1);
		_exit(0);
	}
	show("futex without a timeout", futex_for_ever());
	if (!flags)
		kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

// restart_syscall by itself has nothing to go on with.
static void by_hand(void)
{
	show("restart_syscall", syscall(SYS_restart_syscall));
}

// A signal that is pending and let through just for the call runs its handler only if the call has
// no result of its own.
static void masks(void)
{
	sigset_t none, usr1;
	struct timespec zero = {0};
	int pipes[2];
	struct pollfd readable;

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	catch (0);
	if (pipe(pipes) || write(pipes[1], "x", 1) != 1)
		return;
	readable = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	raise(SIGUSR1);
	show("ppoll with a result", ppoll(&readable, 1, &zero, &none));
	show("handlers run", count);
	show("ppoll without", ppoll(NULL, 0, NULL, &none));
	show("handlers run", count);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
}

// What a program has in rax when a handler runs is no call's result, whatever the number.
static void no_calls(void)
{
	struct sigaction action = {.sa_handler = handler};
	unsigned wrong = 0;

	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (long number = -520; number < -505; number++) {
		long rax = number;

		__asm__ volatile("int3" : "+a"(rax) : : "memory");
		wrong += rax != number;
		wrong += kill(getpid(), SIGUSR1) != 0;
	}
	check(!wrong, "numbers like those of calls that begin anew are left alone");
}

int main(void)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	by_hand();
	stopped("nanosleep across a stop", naps);
	stopped("poll across a stop", polls);
	stopped("select across a stop", selects);
	stopped("futex across a stop", waits);
	stopped("read across a stop", reads);
	by_handlers(0);
	by_handlers(SA_RESTART);
	futexes(0);
	futexes(SA_RESTART);
	masks();
	no_calls();
	return tap_end();
}
