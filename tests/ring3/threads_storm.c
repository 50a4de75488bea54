// SPDX-License-Identifier: MIT
//
// Processes full of busy threads that end at some moment, in every way there is: whatever the
// threads are in the midst of, locking, mapping, forking, opening, making more threads, taking
// signals, the process ends with the status meant and nothing is left behind.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define ROUNDS  48
#define THREADS 12

enum { BY_EXIT, BY_SIGNAL, BY_EXEC, BY_FAULT, BY_LAST_THREAD, WAYS };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static volatile int enough;

static void nothing(int signal)
{
	(void)signal;
}

static void lock_and_wait(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec = now.tv_nsec / 2 + 1000000;
	pthread_mutex_lock(&mutex);
	pthread_cond_broadcast(&changed);
	pthread_cond_timedwait(&changed, &mutex, &now);
	pthread_mutex_unlock(&mutex);
}

static void map_and_touch(void)
{
	char *map =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return;
	for (int i = 0; i < 16; i++)
		map[i * PAGE] = 1;
	munmap(map, 16 * PAGE);
}

static void fork_and_wait(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void open_and_close(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	char text[64];

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text)) < 0)
		sched_yield();
	close(fd);
}

static void *pass(void *argument)
{
	sched_yield();
	return argument;
}

static void make_another(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, pass, NULL))
		pthread_join(thread, NULL);
}

static void signal_itself(void)
{
	pthread_kill(pthread_self(), SIGURG);
	kill(getpid(), SIGURG);
}

static void *be_busy(void *number)
{
	static void (*const things[])(void) = {
		lock_and_wait,  map_and_touch, fork_and_wait,
		open_and_close, make_another,  signal_itself,
	};

	for (unsigned i = (unsigned)(long)number; !enough; i++)
		things[i % 6]();
	return NULL;
}

static void *end(void *way)
{
	char *arguments[] = {"storm", "executed", NULL};

	usleep(15000);
	switch ((long)way) {
	case BY_EXIT:
		_exit(11);
	case BY_SIGNAL:
		kill(getpid(), SIGKILL);
		break;
	case BY_EXEC:
		execv("/proc/thread-self/exe", arguments);
		break;
	case BY_FAULT:
		raise(SIGABRT);
		break;
	default:
		enough = 1;
	}
	return NULL;
}

// Odd rounds are ended by a thread, even ones by the first.
static void live_and_end(long round)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	pthread_t threads[THREADS], ender;
	void *way = (void *)(round % WAYS);

	sigaction(SIGURG, &action, NULL);
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, be_busy, (void *)(i + round)))
			_exit(99);
	if (round % 2)
		pthread_create(&ender, NULL, end, way);
	else
		end(way);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(13);
}

int main(int count, char **arguments)
{
	int statuses[WAYS] = {0}, status;

	(void)arguments;
	if (count > 1)
		return 12;
	for (long round = 0; round < ROUNDS; round++) {
		pid_t child = fork();

		if (child == 0)
			live_and_end(round);
		waitpid(child, &status, 0);
		statuses[round % WAYS] +=
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	}
	for (int way = 0; way < WAYS; way++)
		show("sum of statuses", statuses[way]);
	return tap_end();
}
