// SPDX-License-Identifier: MIT
//
// Several CPUs and processes: storms of fork, exec and wait; signals to whoever runs on another
// CPU, in ring 3 or not; processes of several threads that end, execute and are killed at the same
// time. Nothing may be lost: each child is found once, each queued signal arrives.
// run: --cpus 2

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

static char *no_environment[] = {NULL};

// ---- fork, exec, wait ----
#define PARENTS  3
#define CHILDREN 30

static int have_children(void)
{
	char *arguments[] = {"cpus_processes", "7", NULL};
	int sum = 0, status;

	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		if (child == 0) {
			if (i % 2)
				execve("/proc/self/exe", arguments, no_environment);
			_exit(i % 2 ? 99 : 5);
		}
		if (child > 0 && i % 4 == 3 && waitpid(-1, &status, 0) > 0)
			sum += WEXITSTATUS(status);
	}
	while (waitpid(-1, &status, 0) > 0)
		sum += WEXITSTATUS(status);
	return sum == CHILDREN / 2 * (5 + 7) ? 3 : 1;
}

static void families(void)
{
	int sum = 0, status;

	for (int i = 0; i < PARENTS; i++)
		if (fork() == 0)
			_exit(have_children());
	while (waitpid(-1, &status, 0) > 0)
		sum += WEXITSTATUS(status);
	show("parents who found all of their children", sum / 3);
}

// ---- signals ----
static volatile sig_atomic_t caught;

static void catch (int signal)
{
	(void)signal;
	caught++;
}

// Runs in ring 3 all the time: nothing but the signal itself brings it into the kernel.
static int spin_until_signal(int *ready)
{
	signal(SIGUSR1, catch);
	__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
	while (!caught)
		;
	return 9;
}

static int milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - start->tv_sec) * 1000 +
		     (now.tv_nsec - start->tv_nsec) / 1000000);
}

static void to_one_that_runs(int *ready)
{
	int status, sum = 0;

	for (int i = 0; i < 50; i++) {
		pid_t child;

		*ready = 0;
		child = fork();
		if (child == 0)
			_exit(spin_until_signal(ready));
		while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE))
			sched_yield();
		kill(child, i % 2 ? SIGUSR1 : SIGKILL);
		waitpid(child, &status, 0);
		sum += WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	}
	show("ends of children that ran", sum);
}

#define QUEUED 1000

static volatile int received;

static void count_queued(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	received += info->si_value.sival_int == received;
}

// Each answers the other's signal, as in ping-pong.
static int answer(pid_t parent, int rounds)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	for (int i = 0; i < rounds; i++) {
		if (sigwaitinfo(&set, NULL) != SIGUSR2)
			return 1;
		kill(parent, SIGUSR2);
	}
	return 0;
}

static void back_and_forth(void)
{
	sigset_t set, old;
	int status;
	pid_t child, parent = getpid();

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child == 0)
		_exit(answer(parent, 500));
	for (int i = 0; i < 500; i++) {
		kill(child, SIGUSR2);
		if (sigwaitinfo(&set, NULL) != SIGUSR2)
			break;
	}
	waitpid(child, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	show_status("signals back and forth", status);
}

// Queued signals come in order and none is lost, even if the receiver runs all the while.
static void queued(void)
{
	struct sigaction action = {.sa_sigaction = count_queued, .sa_flags = SA_SIGINFO};
	struct timespec start;
	pid_t child, parent = getpid();

	sigaction(SIGRTMIN + 1, &action, NULL);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < QUEUED; i++)
			while (sigqueue(parent, SIGRTMIN + 1, (union sigval){.sival_int = i}))
				sched_yield();
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (received < QUEUED && milliseconds_since(&start) < 30000)
		;
	waitpid(child, NULL, 0);
	show("queued signals that came in order", received);
}

// ---- stops ----
static int count_by_threads(long *counters);

// Once the parent has been told of the stop, no thread goes on.
static void stops(long *counters)
{
	long before[3], moved = 0;
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(count_by_threads(counters));
	for (int i = 0; i < 20; i++) {
		while (!counters[0] || !counters[1] || !counters[2])
			sched_yield();
		kill(child, SIGSTOP);
		if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
			break;
		memcpy(before, counters, sizeof(before));
		for (int turn = 0; turn < 50; turn++)
			sched_yield();
		moved += memcmp(before, counters, sizeof(before)) != 0;
		memset(counters, 0, sizeof(before));
		kill(child, SIGCONT);
		waitpid(child, &status, WCONTINUED);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	show("threads that went on after a stop", moved);
	show_status("the child", status);
}

// ---- threads that end in each other's way ----
static void *count(void *counter)
{
	for (;;)
		++*(volatile long *)counter;
	return counter;
}

static int count_by_threads(long *counters)
{
	pthread_t thread;

	pthread_create(&thread, NULL, count, &counters[0]);
	pthread_create(&thread, NULL, count, &counters[1]);
	count(&counters[2]);
	return 0;
}

static void *spin(void *unused)
{
	for (;;)
		getppid();
	return unused;
}

static void *execute(void *unused)
{
	char *arguments[] = {"cpus_processes", "7", NULL};

	execve("/proc/self/exe", arguments, no_environment);
	return unused;
}

static void *leave(void *unused)
{
	(void)unused;
	syscall(SYS_exit_group, 7);
	return NULL;
}

// All of these at once; the process ends by exec's program or exit_group, with 7 both times, or by
// the signal.
static int end_in_many_ways(int variant)
{
	static void *(*const ways[])(void *) = {spin, execute, leave, execute, spin};
	pthread_t thread;

	for (int i = 0; i < 5; i++)
		if (variant >> i & 1)
			pthread_create(&thread, NULL, ways[i], NULL);
	for (;;)
		sched_yield();
}

static void ends(void)
{
	int status, ended = 0;

	for (int i = 0; i < 64; i++) {
		pid_t child = fork();

		if (child == 0)
			end_in_many_ways(i);
		if (i & 1 || !(i & 14)) // else it ends by itself
			kill(child, SIGKILL);
		waitpid(child, &status, 0);
		ended += WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
					     : WEXITSTATUS(status) == 7;
	}
	show("processes that ended as they may", ended);
	show("and nobody is left", waitpid(-1, NULL, WNOHANG));
}

int main(int argc, char **argv)
{
	int *ready = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (argc > 1)
		return atoi(argv[1]);
	alarm(100); // better an end than a hang
	families();
	to_one_that_runs(ready);
	back_and_forth();
	queued();
	stops((long *)ready + 8);
	ends();
	return tap_end();
}
