// SPDX-License-Identifier: MIT
//
// Descriptors for events: counters (eventfd), timers (timerfd), pending signals (signalfd): what
// can be read when, what poll says, what is refused.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define NOWHERE ((void *)8)

static void show_events(const char *name, int descriptor)
{
	struct pollfd request = {.fd = descriptor, .events = POLLIN | POLLOUT};

	poll(&request, 1, 0);
	printf("# %s: %s%s\n", name, request.revents & POLLIN ? "readable " : "",
	       request.revents & POLLOUT ? "writable" : "");
	fflush(stdout);
}

static long take(int descriptor)
{
	uint64_t value = 0;
	ssize_t got = read(descriptor, &value, sizeof(value));

	return got == sizeof(value) ? (long)value : got;
}

static long put(int descriptor, uint64_t value)
{
	return write(descriptor, &value, sizeof(value));
}

// ---- counters ----
static void counters(void)
{
	int event = eventfd(3, EFD_NONBLOCK);
	char link[64] = {0};
	char name[64];

	show("unknown flags", eventfd(0, 0x100));
	show("its flags", fcntl(event, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", event);
	if (readlink(name, link, sizeof(link) - 1) > 0)
		printf("# %s\n", link);
	show_events("with 3 in it", event);
	show("all of it", take(event));
	show_events("empty", event);
	show("nothing", take(event));
	show("adding 5", put(event, 5));
	show("adding 7", put(event, 7));
	show("both", take(event));
	show("as much as there can be", put(event, UINT64_MAX - 1));
	show_events("full", event);
	show("one more", put(event, 1));
	show("more than there can be", put(event, UINT64_MAX));
	show("too few bytes to write", write(event, link, 7));
	show("too few bytes to read", read(event, link, 7));
	show("to nowhere", read(event, NOWHERE, 8));
	show("from nowhere", write(event, NOWHERE, 8));
	close(event);
}

static void semaphore(void)
{
	int event = eventfd(2, EFD_SEMAPHORE | EFD_CLOEXEC), status;
	pid_t child;

	show("closed by exec", fcntl(event, F_GETFD));
	show("one", take(event));
	show("and another", take(event));
	child = fork();
	if (child == 0)
		_exit(take(event) == 1 ? 5 : 6);
	usleep(20000);
	put(event, 1);
	waitpid(child, &status, 0);
	show_status("who waited got it", status);
	close(event);
}

// ---- timers ----
static int set(int timer, long first, long then, int flags)
{
	struct itimerspec setting = {.it_value = {.tv_nsec = first * 1000000},
				     .it_interval = {.tv_nsec = then * 1000000}};

	return timerfd_settime(timer, flags, &setting, NULL);
}

static void timers(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec now, wrong = {.it_value = {.tv_nsec = -1}};
	struct pollfd request = {.fd = timer, .events = POLLIN};
	long fired;

	show("a clock of CPU time", timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	show("unknown flags", timerfd_create(CLOCK_MONOTONIC, 1));
	show("of no descriptor", timerfd_gettime(-1, &now));
	show("of another kind", timerfd_gettime(0, &now));
	show("a wrong time", timerfd_settime(timer, 0, &wrong, NULL));
	show("unknown flags", set(timer, 10, 0, 16));
	show("from nowhere", timerfd_settime(timer, 0, NOWHERE, NULL));
	show_events("not set", timer);
	show("writing", put(timer, 1));
	show("set", set(timer, 10, 0, 0));
	show("once", take(timer));
	show("set to go on", set(timer, 10, 10, 0));
	show("what is left", timerfd_gettime(timer, &now));
	check(now.it_interval.tv_nsec == 10000000 && now.it_value.tv_nsec <= 10000000, "of it");
	usleep(45000);
	fired = take(timer);
	check(fired >= 4, "times that were missed are counted");
	show("poll until the next", poll(&request, 1, 10000));
	show("a time in the past", set(timer, 1, 0, TFD_TIMER_ABSTIME));
	show("fires at once", take(timer));
	show("off", set(timer, 0, 0, 0));
	fcntl(timer, F_SETFL, O_NONBLOCK);
	show("and nothing to read", take(timer));
	close(timer);
}

// ---- signals ----
static void print_signal(const char *name, int descriptor)
{
	struct signalfd_siginfo info;
	ssize_t got = read(descriptor, &info, sizeof(info));

	if (got != sizeof(info)) {
		show(name, got);
		return;
	}
	printf("# %s: signal %u, code %d, value %d, from %s\n", name, info.ssi_signo,
	       info.ssi_code, info.ssi_int, (pid_t)info.ssi_pid == getpid() ? "us" : "another");
	fflush(stdout);
}

static void signals(void)
{
	struct signalfd_siginfo several[4];
	sigset_t set;
	pid_t child;
	int descriptor;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	descriptor = signalfd(-1, &set, SFD_NONBLOCK);
	show("unknown flags", signalfd(-1, &set, 1));
	show("another size", syscall(SYS_signalfd4, -1, &set, 4, 0));
	show("from nowhere", syscall(SYS_signalfd4, -1, NOWHERE, 8, 0));
	show("no descriptor", signalfd(99, &set, 0));
	show("another kind", signalfd(0, &set, 0));
	print_signal("nothing", descriptor);
	show_events("nothing", descriptor);
	kill(getpid(), SIGUSR2);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
	show_events("two", descriptor);
	show("two at once", read(descriptor, several, sizeof(several)) / (long)sizeof(several[0]));
	printf("# %u %u\n", several[0].ssi_signo, several[1].ssi_signo);
	raise(SIGUSR1);
	print_signal("by tkill", descriptor);
	show("too short", read(descriptor, several, 10));
	fcntl(descriptor, F_SETFL, 0);
	child = fork();
	if (child == 0) {
		usleep(20000);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	print_signal("one that is waited for", descriptor);
	waitpid(child, NULL, 0);
	child = fork();
	if (child == 0) {
		usleep(20000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	show("poll", poll(&(struct pollfd){.fd = descriptor, .events = POLLIN}, 1, 10000));
	print_signal("which says it is there", descriptor);
	waitpid(child, NULL, 0);
	sigdelset(&set, SIGUSR1);
	check(signalfd(descriptor, &set, 0) == descriptor, "another mask");
	raise(SIGUSR1);
	show_events("for which it is not", descriptor);
	signal(SIGUSR1, SIG_IGN);
	close(descriptor);
}

int main(void)
{
	counters();
	semaphore();
	timers();
	signals();
	return tap_end();
}
