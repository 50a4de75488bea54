// SPDX-License-Identifier: MIT
//
// What C libraries build from the calls: timers that run functions, named semaphores and shared
// memory, programs started by posix_spawn, cancellation wherever a thread may wait, handlers of
// fork, attributes of threads from outside.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define MILLION 1000000l

static sem_t ticks;
static volatile int sum;

static void tick(union sigval value)
{
	__atomic_add_fetch(&sum, value.sival_int, __ATOMIC_SEQ_CST); // by several threads
	sem_post(&ticks);
}

static void functions_by_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD,
				 .sigev_notify_function = tick,
				 .sigev_value = {.sival_int = 7}};
	const struct itimerspec often = {.it_interval = {.tv_nsec = 5 * MILLION},
					 .it_value = {.tv_nsec = 5 * MILLION}};
	timer_t timer;

	sem_init(&ticks, 0, 0);
	check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "SIGEV_THREAD");
	timer_settime(timer, 0, &often, NULL);
	for (int i = 0; i < 3; i++)
		sem_wait(&ticks);
	check(timer_delete(timer) == 0 && sum >= 21, "its function has run three times");
}

static struct timespec soon(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_nsec += 5 * MILLION;
	if (time.tv_nsec >= 1000 * MILLION) {
		time.tv_nsec -= 1000 * MILLION;
		time.tv_sec++;
	}
	return time;
}

static void named(void)
{
	struct timespec time = soon();
	char name[32];
	sem_t *semaphore;
	char *bytes, byte;
	int memory;

	snprintf(name, sizeof(name), "/faultline-%d", getpid());
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	check(semaphore != SEM_FAILED, "a semaphore with a name");
	show("the name once more", sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	show("wait", sem_wait(semaphore));
	show("wait until a time", sem_timedwait(semaphore, &time));
	sem_close(semaphore);
	show("unlink", sem_unlink(name));
	memory = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
	check(memory >= 0 && ftruncate(memory, 2 * PAGE) == 0, "memory with a name");
	bytes = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (bytes != MAP_FAILED)
		bytes[PAGE] = 5;
	show("what was written there", pread(memory, &byte, 1, PAGE) == 1 ? byte : -1);
	show("unlink", shm_unlink(name));
}

static void spawned(char *name)
{
	char *arguments[] = {name, "child", NULL};
	int status = -1;
	pid_t child;

	show("posix_spawn", posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ));
	waitpid(child, &status, 0);
	show_status("what it started", status);
	show("of nothing", posix_spawn(&child, "/no/such/file", NULL, NULL, arguments, environ));
}

// ---- cancellation ----
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ends[2];

static void give_back(void *unused)
{
	(void)unused;
	pthread_mutex_unlock(&mutex);
}

static void *in_semaphore(void *unused)
{
	static sem_t never;

	sem_init(&never, 0, 0);
	sem_wait(&never);
	return unused;
}

static void *in_condition(void *unused)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(give_back, NULL);
	pthread_cond_wait(&condition, &mutex);
	pthread_cleanup_pop(1);
	return unused;
}

static void *in_sleep(void *unused)
{
	const struct timespec long_time = {.tv_sec = 1000};

	nanosleep(&long_time, NULL);
	return unused;
}

static void *in_read(void *unused)
{
	char byte;

	return read(ends[0], &byte, 1) == 1 ? &ends : unused;
}

static void *in_sigwait(void *unused)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signal);
	return unused;
}

static void *in_a_loop(void *unused)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (volatile long i = 0; i >= 0; i++)
		continue;
	return unused;
}

static void cancelled(const char *name, void *(*function)(void *))
{
	pthread_t thread;
	void *result = NULL;

	pthread_create(&thread, NULL, function, NULL);
	usleep(3000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	check(result == PTHREAD_CANCELED, name);
}

static void cancellation(void)
{
	check(pipe(ends) == 0, "a pipe");
	cancelled("cancelled in sem_wait", in_semaphore);
	cancelled("in pthread_cond_wait", in_condition);
	cancelled("in nanosleep", in_sleep);
	cancelled("in read", in_read);
	cancelled("in sigwait", in_sigwait);
	cancelled("in a loop", in_a_loop);
	check(pthread_mutex_trylock(&mutex) == 0, "the mutex was given back");
	pthread_mutex_unlock(&mutex);
}

// ---- fork, attributes ----
static volatile int seen;

static void before(void)
{
	seen = seen * 10 + 1;
}

static void in_parent(void)
{
	seen = seen * 10 + 2;
}

static void in_the_child(void)
{
	seen = seen * 10 + 3;
}

static int what_was_seen(void)
{
	return seen;
}

static void fork_handlers(void)
{
	pthread_atfork(before, in_parent, in_the_child);
	show_status("handlers of fork in the child", in_child(what_was_seen));
	show("and in the parent", seen);
}

static void attributes(void)
{
	struct sched_param parameters = {0};
	struct timespec time;
	pthread_t thread;
	clockid_t clock;
	cpu_set_t set;
	char name[16] = {0};
	int policy = -1;

	pthread_create(&thread, NULL, in_sleep, NULL);
	show("its clock", pthread_getcpuclockid(thread, &clock));
	show("read", clock_gettime(clock, &time));
	show("its policy", pthread_getschedparam(thread, &policy, &parameters));
	show("is", policy);
	show("its CPUs", pthread_getaffinity_np(thread, sizeof(set), &set));
	check(CPU_COUNT(&set) > 0, "are some");
	show("the same again", pthread_setaffinity_np(thread, sizeof(set), &set));
	show("a name", pthread_setname_np(thread, "sleeper"));
	show("read", pthread_getname_np(thread, name, sizeof(name)));
	printf("# %s\n", name);
	show("pthread_kill with 0", pthread_kill(thread, 0));
	show("users are set for all threads", setuid(getuid()));
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

int main(int count, char **arguments)
{
	if (count > 1)
		return 42;
	functions_by_timer();
	named();
	spawned(arguments[0]);
	cancellation();
	fork_handlers();
	attributes();
	return tap_end();
}
