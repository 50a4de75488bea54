// SPDX-License-Identifier: MIT
//
// Timers with intervals that no machine can keep up with: they are told as they were set, how
// often they would have fired is counted exactly, and hundreds of them do not stop the machine.
#define _GNU_SOURCE
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define MANY        200
#define MILLISECOND 1000000l

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static int create(int signal)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
	int id;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) ? -1 : id;
}

static struct itimerspec setting(long first, long then)
{
	return (struct itimerspec){.it_value.tv_nsec = first, .it_interval.tv_nsec = then};
}

static bool between(double value, double low, double high)
{
	if (value >= low && value <= high)
		return true;
	fprintf(stderr, "%.0f is not in [%.0f, %.0f]\n", value, low, high);
	return false;
}

// One signal for everything that happened while it was blocked.
static void missed(const sigset_t *set)
{
	int id = create(SIGRTMIN);
	struct itimerspec is = setting(10 * MILLISECOND, 2);
	long before = now();
	siginfo_t info;

	show("set", syscall(SYS_timer_settime, id, 0, &is, NULL));
	syscall(SYS_timer_gettime, id, &is);
	show("its interval", is.it_interval.tv_nsec);
	usleep(30000);
	sigwaitinfo(set, &info);
	check(between(info.si_overrun, 10 * MILLISECOND, (double)(now() - before) / 2),
	      "what was missed in 20 ms");
	show("asked for, less what was told", syscall(SYS_timer_getoverrun, id) - info.si_overrun);
	syscall(SYS_timer_gettime, id, &is);
	check(is.it_value.tv_nsec == 1 || is.it_value.tv_nsec == 2, "the next is soon");
	syscall(SYS_timer_delete, id);
}

// Signals and what each says was missed add up to the time that went by.
static void counted(const sigset_t *set)
{
	int id = create(SIGRTMIN);
	long interval = 100000, count = 0, before = now(), last = before, after;
	struct itimerspec is = setting(interval, interval);
	siginfo_t info;

	syscall(SYS_timer_settime, id, 0, &is, NULL);
	after = now();
	for (int signals = 0; signals < 30 || last < after + 40 * MILLISECOND; signals++) {
		last = now();
		sigwaitinfo(set, &info);
		count += 1 + info.si_overrun;
	}
	check(between((double)count, (double)(last - after) / (double)interval - 1,
		      (double)(now() - before) / (double)interval + 1),
	      "signals and overruns add up");
	syscall(SYS_timer_delete, id);
}

// Due long ago, by the time of day and by a clock that began with the machine.
static void long_ago(const sigset_t *set, clockid_t clock, long behind)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec is = {.it_interval.tv_nsec = 1};
	siginfo_t info;
	int id;

	syscall(SYS_timer_create, clock, &event, &id);
	clock_gettime(clock, &is.it_value);
	is.it_value.tv_sec = is.it_value.tv_sec > behind ? is.it_value.tv_sec - behind : 0;
	is.it_value.tv_nsec |= 1;
	syscall(SYS_timer_settime, id, TIMER_ABSTIME, &is, NULL);
	sigwaitinfo(set, &info);
	syscall(SYS_timer_delete, id);
	check(info.si_overrun == INT_MAX || (clock == CLOCK_MONOTONIC && info.si_overrun > 0),
	      "what was missed since long ago");
}

static void alarms(void)
{
	struct itimerval is = {.it_interval.tv_usec = 1, .it_value.tv_usec = 1};

	show("an alarm", setitimer(ITIMER_REAL, &is, NULL));
	getitimer(ITIMER_REAL, &is);
	show("its interval", is.it_interval.tv_usec);
	usleep(5000);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void files(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec is = setting(1, 1);
	long before = now(), total = 0;
	uint64_t fired = 0;

	show("a timer of 1 ns", timerfd_settime(timer, 0, &is, NULL));
	timerfd_gettime(timer, &is);
	show("its interval", is.it_interval.tv_nsec);
	usleep(10000);
	for (int i = 0; i < 20; i++) {
		total += read(timer, &fired, sizeof(fired)) == sizeof(fired) ? (long)fired : -1;
		if (i == 10)
			timerfd_gettime(timer, &is); // counts, too
	}
	check(between((double)total, 10 * MILLISECOND, (double)(now() - before)), "its count");
	close(timer);
}

// Nobody reads them.
static void many_files(void)
{
	struct itimerspec is = setting(1000, 1000);
	struct pollfd request = {.events = POLLIN};
	int timers[MANY];
	uint64_t fired = 0;
	long before = now();

	for (int i = 0; i < MANY; i++) {
		timers[i] = timerfd_create(i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME, 0);
		timerfd_settime(timers[i], 0, &is, NULL);
	}
	for (int i = 0; i < MANY; i++) {
		request.fd = timers[i];
		if (poll(&request, 1, -1) != 1)
			check(false, "polled");
	}
	usleep(10000);
	show("reading", read(timers[0], &fired, sizeof(fired)));
	check(between((double)fired, 10000, (double)(now() - before) / 1000),
	      "each counts on, unread");
	for (int i = 0; i < MANY; i++)
		close(timers[i]);
}

// A timer's signal comes beside one of the same number that is pending already, which others of
// these numbers are not.
static void beside_another(void)
{
	const struct timespec now_or_never = {0};
	struct itimerspec is = setting(MILLISECOND, 0);
	int id = create(SIGUSR1);
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	syscall(SYS_timer_settime, id, 0, &is, NULL);
	do {
		usleep(1000);
		syscall(SYS_timer_gettime, id, &is);
	} while (is.it_value.tv_nsec);
	show("one of two sent", sigtimedwait(&set, &info, &now_or_never));
	show("its code", info.si_code);
	show("the timer's", sigtimedwait(&set, &info, &now_or_never));
	show("its code", info.si_code);
	show("no more", sigtimedwait(&set, &info, &now_or_never));
	syscall(SYS_timer_delete, id);
}

int main(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGALRM);
	missed(&set);
	counted(&set);
	long_ago(&set, CLOCK_REALTIME, 3);
	long_ago(&set, CLOCK_REALTIME, 1000000000);
	long_ago(&set, CLOCK_MONOTONIC, 1000000000);
	beside_another();
	alarms();
	files();
	many_files();
	return tap_end();
}
