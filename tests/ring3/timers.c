// SPDX-License-Identifier: MIT
//
// Clocks and timers: numbers and errors, interval timers by the three times of a process, timers
// of timer_create with their signals, values and overruns, and that CPU time is what was run.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define MILLION 1000000l
#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

struct event { // the kernel's struct sigevent
	union sigval value;
	int signal, notify, tid;
	char rest[64 - 20];
};

static volatile sig_atomic_t count;
static siginfo_t seen;

static void note(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	seen = *info;
	count++;
}

static void catch (int signal)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

	sigaction(signal, &action, NULL);
	count = 0;
}

static int64_t now(clockid_t clock)
{
	struct timespec time = {0};

	clock_gettime(clock, &time);
	return time.tv_sec * 1000 * MILLION + time.tv_nsec;
}

// Runs in ring 3 until `clock` has gone on for so long.
static void burn(clockid_t clock, int64_t nanoseconds)
{
	int64_t end = now(clock) + nanoseconds;

	while (now(clock) < end)
		for (volatile int i = 0; i < 20000; i++)
			continue;
}

// ---- clocks ----
static void clocks(void)
{
	static const int numbers[] = {CLOCK_REALTIME,
				      CLOCK_MONOTONIC,
				      CLOCK_PROCESS_CPUTIME_ID,
				      CLOCK_THREAD_CPUTIME_ID,
				      CLOCK_MONOTONIC_RAW,
				      CLOCK_REALTIME_COARSE,
				      CLOCK_MONOTONIC_COARSE,
				      CLOCK_BOOTTIME,
				      CLOCK_TAI,
				      10,
				      100,
				      -1,
				      -2,
				      -3,
				      -4,
				      -5,
				      -6,
				      -7,
				      -8};
	struct timespec time = {.tv_nsec = 1}, wrong = {.tv_nsec = -1};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int number = numbers[i];

		printf("# clock %d\n", number);
		show("clock_gettime", syscall(SYS_clock_gettime, number, &time));
		show("clock_getres", syscall(SYS_clock_getres, number, NULL));
		time = (struct timespec){.tv_nsec = 1};
		if (number != CLOCK_PROCESS_CPUTIME_ID && number > -6)
			show("clock_nanosleep",
			     syscall(SYS_clock_nanosleep, number, 0, &time, NULL));
		show("of a wrong time", syscall(SYS_clock_nanosleep, number, 0, &wrong, NULL));
	}
	show("clock_gettime to nowhere", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
	show("clock_settime of another", syscall(SYS_clock_settime, CLOCK_MONOTONIC, &time));
	show("of none", syscall(SYS_clock_settime, 100, &time));
	show("from nowhere", syscall(SYS_clock_settime, CLOCK_REALTIME, 8));
	clock_getres(CLOCK_MONOTONIC, &time);
	check(time.tv_sec == 0 && time.tv_nsec == 1, "the monotonic clock counts nanoseconds");
}

static void cpu_clocks(void)
{
	clockid_t child_clock, own;
	int64_t before, wall, spent;
	pid_t child;

	wall = now(CLOCK_MONOTONIC);
	before = now(CLOCK_PROCESS_CPUTIME_ID);
	burn(CLOCK_THREAD_CPUTIME_ID, 30 * MILLION);
	spent = now(CLOCK_PROCESS_CPUTIME_ID) - before;
	wall = now(CLOCK_MONOTONIC) - wall;
	check(spent >= 30 * MILLION && spent <= wall, "CPU time is time that was run");
	// A machine that does other things may run us for long: not every time.
	for (int i = 0; i < 20; i++) {
		before = now(CLOCK_PROCESS_CPUTIME_ID);
		usleep(50000);
		spent = now(CLOCK_PROCESS_CPUTIME_ID) - before;
		if (spent < 40 * MILLION)
			break;
	}
	check(spent < 40 * MILLION, "and not slept");
	check(clock_getcpuclockid(0, &own) == 0 && now(own) > 0, "by the process's own number");
	child = fork();
	if (child == 0) {
		burn(CLOCK_PROCESS_CPUTIME_ID, 20 * MILLION);
		pause();
	}
	check(clock_getcpuclockid(child, &child_clock) == 0, "another process's clock");
	while (now(child_clock) < 20 * MILLION)
		usleep(2000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	show("of one that is gone", syscall(SYS_clock_gettime, child_clock, 8));
}

static void usage(void)
{
	struct rusage before, after;
	struct tms times_before, times_after;
	int64_t user;

	getrusage(RUSAGE_SELF, &before);
	times(&times_before);
	burn(CLOCK_PROCESS_CPUTIME_ID, 60 * MILLION);
	getrusage(RUSAGE_SELF, &after);
	times(&times_after);
	user = (after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec -
		before.ru_stime.tv_sec) *
		       MILLION +
	       after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec -
	       before.ru_stime.tv_usec;
	check(user >= 59000, "getrusage counts it");
	check(times_after.tms_utime + times_after.tms_stime >=
		      times_before.tms_utime + times_before.tms_stime + 5,
	      "and times");
	show("getrusage of somebody", getrusage(5, &after));
	show("to nowhere", syscall(SYS_getrusage, RUSAGE_SELF, 8));
	show("times to nowhere", syscall(SYS_times, 8));
}

// ---- interval timers ----
static int set(int which, long value, long interval)
{
	struct itimerval setting = {.it_interval = {.tv_usec = interval},
				    .it_value = {.tv_usec = value}};

	return setitimer(which, &setting, NULL);
}

static void interval(const char *name, int which, int signal, clockid_t clock)
{
	struct itimerval setting, before;
	int64_t begin;

	catch (signal);
	setting = (struct itimerval){.it_interval = {.tv_sec = 5}, .it_value = {.tv_sec = 100}};
	show(name, setitimer(which, &setting, NULL));
	show("set again", setitimer(which, &setting, &before));
	show("interval", before.it_interval.tv_sec);
	check(before.it_value.tv_sec >= 50 && before.it_value.tv_sec <= 100, "what was left");
	set(which, 0, 0);
	getitimer(which, &setting);
	show("off", setting.it_value.tv_sec + setting.it_value.tv_usec);
	begin = now(clock);
	set(which, 40000, 20000);
	while (count < 3)
		burn(CLOCK_MONOTONIC, MILLION);
	set(which, 0, 0);
	check(now(clock) - begin >= 60 * MILLION, "three times, and not too early");
	check(seen.si_code == SI_KERNEL && seen.si_signo == signal, "from the kernel");
	begin = count;
	burn(CLOCK_PROCESS_CPUTIME_ID, 40 * MILLION);
	check(count == begin, "then no more");
}

_Noreturn static int ends_by_profile(void)
{
	signal(SIGPROF, SIG_DFL);
	set(ITIMER_PROF, 20000, 0);
	for (;;)
		continue;
}

static void interval_errors(void)
{
	struct itimerval wrong = {.it_value = {.tv_usec = MILLION}}, good = {{0, 0}, {0, 0}};

	show("setitimer 7", syscall(SYS_setitimer, 7, &good, NULL));
	show("getitimer -1", syscall(SYS_getitimer, -1, &good));
	show("a million microseconds", setitimer(ITIMER_VIRTUAL, &wrong, NULL));
	show("the same of timer 7", syscall(SYS_setitimer, 7, &wrong, NULL));
	show("from nowhere", syscall(SYS_setitimer, ITIMER_PROF, 8, NULL));
	show("to nowhere", syscall(SYS_setitimer, ITIMER_PROF, &good, 8));
	show("getitimer to nowhere", syscall(SYS_getitimer, ITIMER_PROF, 8));
	show_status("SIGPROF by default", in_child(ends_by_profile));
}

// ---- timers of timer_create ----
static int create(int clock, int notify, int signal, int value)
{
	struct event event = {.value = {.sival_int = value},
			      .signal = signal,
			      .notify = notify,
			      .tid = (int)syscall(SYS_gettid)};
	int id = -1;

	if (syscall(SYS_timer_create, clock, &event, &id))
		return -1;
	return id;
}

static int arm(int id, long first, long then)
{
	struct itimerspec setting = {.it_interval = {.tv_nsec = then * MILLION},
				     .it_value = {.tv_nsec = first * MILLION}};

	return (int)syscall(SYS_timer_settime, id, 0, &setting, NULL);
}

static void timer_errors(void)
{
	struct itimerspec setting = {.it_value = {.tv_nsec = -1}};
	struct event event = {.signal = SIGUSR1};
	int id = -1;

	show("no such clock", create(100, SIGEV_SIGNAL, SIGUSR1, 0));
	show("no clock for it", create(CLOCK_MONOTONIC_COARSE, SIGEV_SIGNAL, SIGUSR1, 0));
	show("signal 0", create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 0));
	show("signal 65", create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, 0));
	show("no way to be told", create(CLOCK_MONOTONIC, 77, SIGUSR1, 0));
	show("signal 65, of an alarm clock", create(CLOCK_REALTIME_ALARM, SIGEV_SIGNAL, 65, 0));
	show("setting CPU time", syscall(SYS_clock_settime, -6, &setting.it_value));
	show("from nowhere", syscall(SYS_clock_settime, -6, 8));
	show("setting no clock", syscall(SYS_clock_settime, -1, &setting.it_value));
	event.notify = SIGEV_THREAD_ID;
	event.tid = 999999;
	show("nobody's thread", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
	show("event from nowhere", syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &id));
	show("number to nowhere", syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 8));
	show("settime of none", arm(9999, 1, 0));
	show("gettime of none", syscall(SYS_timer_gettime, 9999, &setting));
	show("getoverrun of none", syscall(SYS_timer_getoverrun, 9999));
	show("delete of none", syscall(SYS_timer_delete, 9999));
	id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	show("a wrong time", syscall(SYS_timer_settime, id, 0, &setting, NULL));
	show("no time", syscall(SYS_timer_settime, id, 0, NULL, NULL));
	show("a time from nowhere", syscall(SYS_timer_settime, id, 0, 8, NULL));
	show("gettime to nowhere", syscall(SYS_timer_gettime, id, 8));
	show("delete", syscall(SYS_timer_delete, id));
	show("delete again", syscall(SYS_timer_delete, id));
}

static void by_clock(const char *name, int clock)
{
	struct itimerspec left;
	int64_t begin = now(clock);
	int id = create(clock, SIGEV_SIGNAL, SIGUSR1, 42);

	catch (SIGUSR1);
	check(id >= 0 && arm(id, 30, 10) == 0, name);
	syscall(SYS_timer_gettime, id, &left);
	check(left.it_interval.tv_nsec == 10 * MILLION && left.it_value.tv_sec == 0 &&
		      left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 30 * MILLION,
	      "what is left");
	while (count < 3)
		burn(CLOCK_MONOTONIC, MILLION);
	check(now(clock) - begin >= 50 * MILLION, "three times, and not too early");
	check(seen.si_code == SI_TIMER && seen.si_value.sival_int == 42, "with its value");
	check(arm(id, 0, 0) == 0, "off");
	syscall(SYS_timer_delete, id);
}

static void absolute(void)
{
	struct itimerspec setting = {.it_value = {.tv_sec = 1}};
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0);

	catch (SIGUSR1);
	show("a time long ago", syscall(SYS_timer_settime, id, TIMER_ABSTIME, &setting, NULL));
	while (!count)
		burn(CLOCK_MONOTONIC, MILLION);
	setting.it_value.tv_sec = 4000000000;
	syscall(SYS_timer_settime, id, TIMER_ABSTIME, &setting, NULL);
	syscall(SYS_timer_settime, id, 0, &(struct itimerspec){0}, &setting);
	check(setting.it_value.tv_sec > 1000000, "a time to come: what was left of it");
	syscall(SYS_timer_gettime, id, &setting);
	show("and now", setting.it_value.tv_sec + setting.it_value.tv_nsec);
	syscall(SYS_timer_delete, id);
}

static void overruns(void)
{
	sigset_t set;
	siginfo_t info;
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 1);

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	arm(id, 10, 10);
	usleep(65000);
	sigwaitinfo(&set, &info);
	check(info.si_overrun >= 4, "times that were missed are counted");
	check(syscall(SYS_timer_getoverrun, id) == info.si_overrun, "and can be asked for");
	syscall(SYS_timer_delete, id);
	signal(SIGRTMIN, SIG_IGN); // one may be pending
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int has_none(void)
{
	return syscall(SYS_timer_delete, 0) == -1 && errno == EINVAL ? 0 : 1;
}

static void inheritance(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL | SIGEV_THREAD_ID, SIGUSR1, 7);

	catch (SIGUSR1);
	arm(id, 10, 0);
	while (!count)
		burn(CLOCK_MONOTONIC, MILLION);
	check(seen.si_value.sival_int == 7, "to a thread");
	show_status("a child has no timers", in_child(has_none));
}

int main(void)
{
	clocks();
	cpu_clocks();
	usage();
	interval("ITIMER_REAL", ITIMER_REAL, SIGALRM, CLOCK_MONOTONIC);
	interval("ITIMER_VIRTUAL", ITIMER_VIRTUAL, SIGVTALRM, CLOCK_MONOTONIC);
	interval("ITIMER_PROF", ITIMER_PROF, SIGPROF, CLOCK_MONOTONIC);
	interval_errors();
	timer_errors();
	by_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
	by_clock("CLOCK_REALTIME", CLOCK_REALTIME);
	by_clock("CLOCK_BOOTTIME", CLOCK_BOOTTIME);
	by_clock("CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID);
	by_clock("CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID);
	absolute();
	overruns();
	inheritance();
	return tap_end();
}
