// SPDX-License-Identifier: MIT
//
// Mutexes with priority inheritance: the C library's, plain and robust and between processes, and
// the futex operations below them with what they refuse; futex_waitv.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define THREADS 4
#define ROUNDS  500
#define MILLI   1000000l

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *time)
{
	return syscall(SYS_futex, word, operation, value, time, NULL, 0);
}

static uint32_t tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static void nap(void)
{
	const struct timespec time = {.tv_nsec = 20 * MILLI};

	nanosleep(&time, NULL);
}

static struct timespec soon(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += 30 * MILLI;
	if (time.tv_nsec >= 1000 * MILLI) {
		time.tv_nsec -= 1000 * MILLI;
		time.tv_sec++;
	}
	return time;
}

static void mutex_create(pthread_mutex_t *mutex, int type, int robust, int shared)
{
	pthread_mutexattr_t attributes;
	int error;

	pthread_mutexattr_init(&attributes);
	error = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_settype(&attributes, type);
	pthread_mutexattr_setrobust(&attributes, robust);
	pthread_mutexattr_setpshared(&attributes, shared);
	check(!error && !pthread_mutex_init(mutex, &attributes), "a mutex with inheritance");
}

// ---- the C library's ----
static pthread_mutex_t mutex;
static volatile int counter;

static void *counts(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		int now = counter;

		if (i % 8 == 0)
			sched_yield();
		counter = now + 1;
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static void counting(void)
{
	pthread_t threads[THREADS];

	mutex_create(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, counts, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check(counter == THREADS * ROUNDS, "nobody's addition is lost");
}

static void *tries(void *argument)
{
	struct timespec time = soon(CLOCK_REALTIME);

	(void)argument;
	show("trylock of another's", pthread_mutex_trylock(&mutex));
	show("timedlock of another's", pthread_mutex_timedlock(&mutex, &time));
	return NULL;
}

static void trying(void)
{
	pthread_t thread;

	mutex_create(&mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED,
		     PTHREAD_PROCESS_PRIVATE);
	pthread_mutex_lock(&mutex);
	show("lock of its own", pthread_mutex_lock(&mutex));
	pthread_create(&thread, NULL, tries, NULL);
	pthread_join(thread, NULL);
	show("unlock", pthread_mutex_unlock(&mutex));
	show("unlock once more", pthread_mutex_unlock(&mutex));
}

// A mutex and whether the one that will die with it has it by now.
struct inherited {
	pthread_mutex_t mutex;
	volatile int taken;
};

static void take(struct inherited *inherited)
{
	pthread_mutex_lock(&inherited->mutex);
	inherited->taken = 1;
	nap();
}

static void wait_taken(struct inherited *inherited)
{
	while (!inherited->taken)
		usleep(1000);
}

static void *dies_with_it(void *argument)
{
	take(argument);
	return NULL;
}

static void robust(void)
{
	static struct inherited inherited;
	pthread_mutex_t *mutex = &inherited.mutex;
	pthread_t thread;

	mutex_create(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
	pthread_create(&thread, NULL, dies_with_it, &inherited);
	pthread_join(thread, NULL);
	show("lock after the owner's end", pthread_mutex_lock(mutex));
	show("made consistent", pthread_mutex_consistent(mutex));
	show("unlock", pthread_mutex_unlock(mutex));
	inherited.taken = 0;
	pthread_create(&thread, NULL, dies_with_it, &inherited);
	wait_taken(&inherited);
	show("lock while the owner ends", pthread_mutex_lock(mutex));
	show("unlock without making it consistent", pthread_mutex_unlock(mutex));
	show("is the end of it", pthread_mutex_lock(mutex));
	pthread_join(thread, NULL);
}

static void between_processes(void)
{
	struct inherited *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	mutex_create(&shared->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST,
		     PTHREAD_PROCESS_SHARED);
	child = fork();
	if (child == 0) {
		take(shared);
		kill(getpid(), SIGKILL);
	}
	wait_taken(shared);
	show("lock while the owner's process is killed", pthread_mutex_lock(&shared->mutex));
	waitpid(child, &status, 0);
	munmap(shared, PAGE);
}

// ---- the operations themselves ----
static uint32_t word, other_word;

static void refusals(void)
{
	const struct timespec wrong = {.tv_nsec = -1};
	uint32_t *nowhere = (uint32_t *)8;

	word = 0;
	show("unlock of a free one", futex(&word, FUTEX_UNLOCK_PI, 0, NULL));
	show("lock", futex(&word, FUTEX_LOCK_PI, 0, NULL));
	check(word == tid(), "the word is the thread's number");
	show("lock once more", futex(&word, FUTEX_LOCK_PI, 0, NULL));
	show("trylock of its own", futex(&word, FUTEX_TRYLOCK_PI, 0, NULL));
	show("unlock", futex(&word, FUTEX_UNLOCK_PI, 0, NULL));
	show("leaves", (long)word);
	word = 99999999;
	show("lock of nobody's", futex(&word, FUTEX_LOCK_PI, 0, NULL));
	show("trylock of nobody's", futex(&word, FUTEX_TRYLOCK_PI, 0, NULL));
	show("unlock of another's", futex(&word, FUTEX_UNLOCK_PI, 0, NULL));
	word = FUTEX_OWNER_DIED;
	show("lock of a dead one's", futex(&word, FUTEX_LOCK_PI, 0, NULL));
	check(word == (tid() | FUTEX_OWNER_DIED), "keeps saying so");
	show("nowhere", futex(nowhere, FUTEX_LOCK_PI, 0, NULL));
	show("nowhere, try", futex(nowhere, FUTEX_TRYLOCK_PI, 0, NULL));
	show("nowhere, unlock", futex(nowhere, FUTEX_UNLOCK_PI, 0, NULL));
	show("unaligned", futex((uint32_t *)(uintptr_t)2, FUTEX_LOCK_PI, 0, NULL));
	show("a wrong time", futex(&word, FUTEX_LOCK_PI, 0, &wrong));
	show("FUTEX_CLOCK_REALTIME with FUTEX_LOCK_PI",
	     futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL));
}

static volatile int stage;

static void *owns(void *argument)
{
	(void)argument;
	futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL);
	stage = 1;
	while (stage < 2)
		usleep(1000);
	if (stage == 3) {
		// Not before the other one waits: who comes second is the one that is told.
		while (!(__atomic_load_n(&word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
			usleep(1000);
		show("the other way round", futex(&other_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
		futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL);
		return NULL;
	}
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL);
	return NULL;
}

static void waiting(void)
{
	struct timespec time;
	pthread_t thread;

	word = stage = 0;
	pthread_create(&thread, NULL, owns, NULL);
	while (!stage)
		usleep(1000);
	show("trylock of another's", futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL));
	time = soon(CLOCK_REALTIME);
	show("FUTEX_LOCK_PI until a time", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &time));
	time = soon(CLOCK_MONOTONIC);
	show("FUTEX_LOCK_PI2 until a time",
	     futex(&word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &time));
	check(word & FUTEX_WAITERS, "the word says that somebody waited");
	stage = 2;
	show("then it is given back", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
	show("and back", futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL));
	show("to nobody", (long)word);
	pthread_join(thread, NULL);
}

// The second of two that would wait for each other is told.
static void embrace(void)
{
	pthread_t thread;

	word = other_word = stage = 0;
	futex(&other_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL);
	pthread_create(&thread, NULL, owns, NULL);
	while (!stage)
		usleep(1000);
	stage = 3;
	show("one waits for the other", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
	pthread_join(thread, NULL);
}

static void handler(int signal)
{
	(void)signal;
	stage = 2;
}

// A signal's handler runs, and the wait goes on.
static void interrupted(void)
{
	struct sigaction action = {.sa_handler = handler};
	pthread_t thread;
	pid_t child, self = (pid_t)tid();

	sigaction(SIGUSR1, &action, NULL);
	word = stage = 0;
	pthread_create(&thread, NULL, owns, NULL);
	while (!stage)
		usleep(1000);
	child = fork();
	if (child == 0) {
		nap();
		syscall(SYS_tkill, self, SIGUSR1);
		_exit(0);
	}
	show("a lock interrupted by a signal", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL);
	pthread_join(thread, NULL);
	waitpid(child, NULL, 0);
}

// ---- futex_waitv ----
static struct futex_waitv words[FUTEX_WAITV_MAX + 1];
static uint32_t values[FUTEX_WAITV_MAX + 1];

static long wait_several(unsigned count, unsigned flags, const struct timespec *time, int clock)
{
	return syscall(SYS_futex_waitv, words, count, flags, time, clock);
}

static void prepare(void)
{
	for (unsigned i = 0; i <= FUTEX_WAITV_MAX; i++)
		words[i] = (struct futex_waitv){.val = 0,
						.uaddr = (uintptr_t)&values[i],
						.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
	memset(values, 0, sizeof(values));
}

static void waitv_refusals(void)
{
	struct timespec past = {.tv_sec = 1}, wrong = {.tv_nsec = -1};

	prepare();
	show("no words", wait_several(0, 0, NULL, CLOCK_MONOTONIC));
	show("129 words", wait_several(FUTEX_WAITV_MAX + 1, 0, NULL, CLOCK_MONOTONIC));
	show("flags", wait_several(1, 1, NULL, CLOCK_MONOTONIC));
	show("another clock", wait_several(1, 0, &past, CLOCK_BOOTTIME));
	show("a wrong time", wait_several(1, 0, &wrong, CLOCK_MONOTONIC));
	show("a time from nowhere", wait_several(1, 0, (void *)8, CLOCK_MONOTONIC));
	show("words from nowhere", syscall(SYS_futex_waitv, 8, 1, 0, NULL, CLOCK_MONOTONIC));
	show("no list", syscall(SYS_futex_waitv, NULL, 1, 0, NULL, CLOCK_MONOTONIC));
	show("a time in the past", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	words[1].flags = FUTEX_PRIVATE_FLAG;
	show("a word of no size", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	words[1].flags = FUTEX_32 | 0x1000;
	show("an unknown flag", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	prepare();
	words[1].__reserved = 1;
	show("something reserved", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	prepare();
	words[1].uaddr++;
	show("unaligned", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	words[1].uaddr = 8;
	show("a word nowhere", wait_several(2, 0, &past, CLOCK_MONOTONIC));
	prepare();
	values[1] = 5;
	show("another value", wait_several(2, 0, &past, CLOCK_MONOTONIC));
}

static void *wakes(void *argument)
{
	uint32_t *which = argument;

	while (futex(which, FUTEX_WAKE_PRIVATE, 1, NULL) == 0)
		usleep(1000);
	return NULL;
}

static void waitv_woken(void)
{
	struct timespec time = soon(CLOCK_REALTIME);
	pthread_t thread;

	prepare();
	show("until a time", wait_several(3, 0, &time, CLOCK_REALTIME));
	pthread_create(&thread, NULL, wakes, &values[2]);
	show("the third of four is woken", wait_several(4, 0, NULL, CLOCK_MONOTONIC));
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, wakes, &values[127]);
	show("the last of 128", wait_several(FUTEX_WAITV_MAX, 0, NULL, CLOCK_MONOTONIC));
	pthread_join(thread, NULL);
	for (int i = 0; i < 4; i++)
		show("nobody is left", futex(&values[i], FUTEX_WAKE_PRIVATE, 1, NULL));
}

int main(void)
{
	counting();
	trying();
	robust();
	between_processes();
	refusals();
	waiting();
	embrace();
	interrupted();
	waitv_refusals();
	waitv_woken();
	return tap_end();
}
