// SPDX-License-Identifier: MIT
//
// pthreads as programs use them: create and join, mutexes, condition variables, barriers,
// read-write locks, semaphores, thread-local and thread-specific data, cancellation, detached
// threads.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define THREADS 8
#define ROUNDS  200

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread int own = 42;
static int counter;

static void run(pthread_t *threads, int count, void *(*function)(void *))
{
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, function, (void *)i))
			exit(2);
}

static long join(pthread_t *threads, int count)
{
	void *result;
	long sum = 0;

	for (int i = 0; i < count; i++) {
		if (pthread_join(threads[i], &result))
			exit(3);
		sum += (long)result;
	}
	return sum;
}

static void *count_locked(void *number)
{
	for (int i = 0; i < ROUNDS; i++) {
		int before;

		pthread_mutex_lock(&mutex);
		before = counter;
		if (i % 8 == 0)
			sched_yield();
		counter = before + 1;
		pthread_mutex_unlock(&mutex);
	}
	return number;
}

static void mutexes(void)
{
	pthread_t threads[THREADS];

	run(threads, THREADS, count_locked);
	show("sum of results", join(threads, THREADS));
	show("counted under a mutex", counter);
	pthread_mutex_lock(&mutex);
	show("trying a held mutex", pthread_mutex_trylock(&mutex) == EBUSY);
	pthread_mutex_unlock(&mutex);
}

static int turn;

static void *take_turns(void *number)
{
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % THREADS != (long)number)
			pthread_cond_wait(&changed, &mutex);
		turn++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void conditions(void)
{
	pthread_t threads[THREADS];
	struct timespec when;

	run(threads, THREADS, take_turns);
	join(threads, THREADS);
	show("turns taken", turn);
	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_nsec += 30000000;
	if (when.tv_nsec >= 1000000000) {
		when.tv_nsec -= 1000000000;
		when.tv_sec++;
	}
	pthread_mutex_lock(&mutex);
	check(pthread_cond_timedwait(&changed, &mutex, &when) == ETIMEDOUT, "nobody signals");
	pthread_mutex_unlock(&mutex);
}

static pthread_barrier_t barrier;
static int arrived;

static void *meet(void *unused)
{
	long serial = 0;

	(void)unused;
	for (int round = 1; round <= 10; round++) {
		__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		if (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < round * THREADS)
			return (void *)1000;
		pthread_barrier_wait(&barrier);
	}
	return (void *)serial;
}

static void barriers(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	run(threads, THREADS, meet);
	show("one in each round is the serial thread", join(threads, THREADS));
	pthread_barrier_destroy(&barrier);
}

static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST);
}

static void *own_data(void *number)
{
	long good = own == 42;

	own = (int)(long)number;
	pthread_setspecific(key, (void *)((long)number + 1));
	sched_yield();
	good &= own == (long)number;
	good &= pthread_getspecific(key) == (void *)((long)number + 1);
	return (void *)good;
}

static void own_variables(void)
{
	pthread_t threads[THREADS];

	pthread_key_create(&key, destroy);
	run(threads, THREADS, own_data);
	show("threads with variables of their own", join(threads, THREADS));
	show("destructors saw", destroyed);
	check(own == 42, "the first thread's is untouched");
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int pair[2];

static void *read_or_write(void *number)
{
	long good = 1;

	for (int i = 0; i < 50; i++) {
		if ((long)number % 4 == 0) {
			pthread_rwlock_wrlock(&rwlock);
			pair[0]++;
			sched_yield();
			pair[1]++;
			pthread_rwlock_unlock(&rwlock);
			continue;
		}
		pthread_rwlock_rdlock(&rwlock);
		good &= pair[0] == pair[1];
		sched_yield();
		good &= pair[0] == pair[1];
		pthread_rwlock_unlock(&rwlock);
	}
	return (void *)good;
}

static sem_t empty, full;
static int box;

static void *produce(void *unused)
{
	(void)unused;
	for (int i = 1; i <= 100; i++) {
		sem_wait(&empty);
		box = i;
		sem_post(&full);
	}
	return NULL;
}

static void rwlocks_and_semaphores(void)
{
	pthread_t threads[THREADS];
	int sum = 0;

	run(threads, THREADS, read_or_write);
	show("readers never saw half a write", join(threads, THREADS));
	show("writes", pair[0] + pair[1]);
	sem_init(&empty, 0, 1);
	sem_init(&full, 0, 0);
	run(threads, 1, produce);
	for (int i = 0; i < 100; i++) {
		sem_wait(&full);
		sum += box;
		sem_post(&empty);
	}
	join(threads, 1);
	show("through a box guarded by semaphores", sum);
}

static int cleaned;

static void clean(void *value)
{
	cleaned += (int)(long)value;
}

static void *wait_for_ever(void *how)
{
	int ends[2];
	char byte;

	pthread_cleanup_push(clean, (void *)7);
	pthread_mutex_lock(&mutex);
	counter = 1;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
	if (how == (void *)1) {
		if (pipe(ends) == 0 && read(ends[0], &byte, 1))
			return NULL;
	} else if (how == (void *)2) {
		sem_wait(&full);
	} else if (how == (void *)3) {
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
		for (;;)
			__asm__ volatile("" : : : "memory");
	} else {
		for (;;)
			pause();
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancellation(void)
{
	pthread_t thread;
	void *result;

	for (long how = 0; how < 4; how++) {
		counter = 0;
		pthread_create(&thread, NULL, wait_for_ever, (void *)how);
		pthread_mutex_lock(&mutex);
		while (!counter)
			pthread_cond_wait(&changed, &mutex);
		pthread_mutex_unlock(&mutex);
		if (how == 3)
			usleep(30000);
		else
			sched_yield();
		check(pthread_cancel(thread) == 0, "cancelled");
		pthread_join(thread, &result);
		check(result == PTHREAD_CANCELED, "and so it ended");
	}
	show("clean-up handlers", cleaned);
}

static void *end_detached(void *unused)
{
	(void)unused;
	sem_post(&full);
	return NULL;
}

static void detached(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 50; i++) {
		if (pthread_create(&thread, &attributes, end_detached, NULL))
			exit(4);
		sem_wait(&full);
	}
	check(true, "fifty detached threads came and went");
}

int main(void)
{
	mutexes();
	conditions();
	barriers();
	own_variables();
	rwlocks_and_semaphores();
	cancellation();
	detached();
	return tap_end();
}
