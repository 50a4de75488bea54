// SPDX-License-Identifier: MIT
//
// FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: sleepers on a word that get a mutex with
// priority inheritance, or queue up for it; what is refused, and what plain operations say to such
// sleepers and to such mutexes.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define MILLI 1000000l
#define MANY  4

static uint32_t condition, mutex, other;

static long futex(uint32_t *word, int operation, uint32_t value, uintptr_t time, uint32_t *word2,
		  uint32_t value3)
{
	return syscall(SYS_futex, word, operation, value, time, word2, value3);
}

static uint32_t tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static long wait_for(uint32_t *word, uint32_t value, const struct timespec *time, uint32_t *to)
{
	return futex(word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, value, (uintptr_t)time, to, 0);
}

static long requeue(uint32_t *word, uint32_t wake, uint32_t more, uint32_t *to, uint32_t value)
{
	return futex(word, FUTEX_CMP_REQUEUE_PI_PRIVATE, wake, more, to, value);
}

static long lock(uint32_t *word)
{
	return futex(word, FUTEX_LOCK_PI_PRIVATE, 0, 0, NULL, 0);
}

static long unlock(uint32_t *word)
{
	return futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, NULL, 0);
}

static long wake(uint32_t *word)
{
	return futex(word, FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0);
}

static void nap(void)
{
	const struct timespec time = {.tv_nsec = MILLI};

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

// ---- a thread that waits ----
struct sleeper {
	pthread_t thread;
	uint32_t *from, *to;
	const struct timespec *until;
	int tid;     // atomic
	long result; // or -errno
	uint32_t word;
	int over; // atomic
};

static void *sleeps(void *argument)
{
	struct sleeper *self = argument;

	__atomic_store_n(&self->tid, (int)tid(), __ATOMIC_SEQ_CST);
	self->result = wait_for(self->from, 0, self->until, self->to);
	if (self->result < 0)
		self->result = -errno;
	self->word = *self->to;
	if (!self->result)
		unlock(self->to);
	__atomic_store_n(&self->over, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int is_over(struct sleeper *sleeper)
{
	return __atomic_load_n(&sleeper->over, __ATOMIC_SEQ_CST);
}

// Returns when it sleeps: then, and only then, the word can not be woken. Its time may also have
// run out before anybody has looked.
static void start(struct sleeper *sleeper, uint32_t *from, uint32_t *to)
{
	*sleeper = (struct sleeper){.from = from, .to = to, .until = sleeper->until};
	pthread_create(&sleeper->thread, NULL, sleeps, sleeper);
	while (!__atomic_load_n(&sleeper->tid, __ATOMIC_SEQ_CST) ||
	       (wake(from) != -1 && !is_over(sleeper)))
		nap();
}

static void finish(struct sleeper *sleeper, const char *name)
{
	char line[64];

	pthread_join(sleeper->thread, NULL);
	snprintf(line, sizeof(line), "%s: waiting", name);
	errno = (int)-sleeper->result;
	show(line, sleeper->result < 0 ? -1 : sleeper->result);
}

// ---- what is refused ----
static void refused(void)
{
	const struct timespec wrong = {.tv_nsec = -1}, past = {.tv_sec = 1};
	uint32_t *nowhere = (uint32_t *)8, *unaligned = (uint32_t *)((char *)&other + 1);

	show("wait: one word", wait_for(&condition, 0, NULL, &condition));
	show("wait: another value", wait_for(&condition, 1, NULL, &mutex));
	show("wait: a wrong time", wait_for(&condition, 0, &wrong, &mutex));
	show("wait: until a past time", wait_for(&condition, 0, &past, &mutex));
	show("wait: nowhere", wait_for(nowhere, 0, NULL, &mutex));
	show("wait: unaligned", wait_for(unaligned, 0, NULL, &mutex));
	show("wait: unaligned mutex", wait_for(&condition, 0, NULL, unaligned));
	show("wait: mutex nowhere", wait_for(&condition, 0, &past, nowhere));
	show("requeue: one word", requeue(&condition, 1, 1, &condition, 0));
	show("requeue: wake nobody", requeue(&condition, 0, 1, &mutex, 0));
	show("requeue: wake two", requeue(&condition, 2, 1, &mutex, 0));
	show("requeue: less than nobody", requeue(&condition, 1, -1u, &mutex, 0));
	show("requeue: another value", requeue(&condition, 1, 1, &mutex, 5));
	show("requeue: nobody sleeps", requeue(&condition, 1, 1, &mutex, 0));
	show("requeue: nowhere", requeue(nowhere, 1, 1, &mutex, 0));
	show("requeue: mutex nowhere", requeue(&condition, 1, 1, nowhere, 0));
	show("requeue: unaligned", requeue(unaligned, 1, 1, &mutex, 0));
	show("requeue: unaligned mutex", requeue(&condition, 1, 1, unaligned, 0));
	show("the mutex is as it was", (long)mutex);
}

static void clocks(void)
{
	struct timespec time = soon(CLOCK_MONOTONIC);

	show("until a time", wait_for(&condition, 0, &time, &mutex));
	time = soon(CLOCK_REALTIME);
	show("until a time of the real-time clock",
	     futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0,
		   (uintptr_t)&time, &mutex, 0));
	show("moving by that clock",
	     futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 1, 0, &mutex,
		   0));
}

// ---- moving ----
static void free_mutex(void)
{
	struct sleeper one = {0};

	mutex = 0;
	start(&one, &condition, &mutex);
	show("free: moved", requeue(&condition, 1, 0, &mutex, 0));
	finish(&one, "free");
	check(one.word == (uint32_t)one.tid, "it has the mutex");
	show("and gives it back", (long)mutex);
	start(&one, &condition, &mutex);
	show("free, more might come: moved", requeue(&condition, 1, 1, &mutex, 0));
	finish(&one, "free, more might come");
	check(one.word == ((uint32_t)one.tid | FUTEX_WAITERS), "it has the mutex, with waiters");
	mutex = FUTEX_OWNER_DIED;
	start(&one, &condition, &mutex);
	show("whose owner died: moved", requeue(&condition, 1, 0, &mutex, 0));
	finish(&one, "whose owner died");
	check(one.word == ((uint32_t)one.tid | FUTEX_OWNER_DIED), "which still can be seen");
	mutex = 0;
}

static void held_mutex(void)
{
	struct sleeper one = {0};

	lock(&mutex);
	start(&one, &condition, &mutex);
	show("held: moved", requeue(&condition, 1, 0, &mutex, 0));
	check(mutex == (tid() | FUTEX_WAITERS), "the mutex is waited for");
	show("nobody sleeps on the word", wake(&condition));
	check(!is_over(&one), "it waits for the mutex");
	show("given to it", unlock(&mutex));
	finish(&one, "held");
	check(one.word == ((uint32_t)one.tid | FUTEX_WAITERS), "it has got it");
	show("and gives it back", (long)mutex);
}

static void many(uint32_t held)
{
	static struct sleeper all[MANY];
	int had = 0;

	if (held)
		lock(&mutex);
	for (int i = 0; i < MANY; i++)
		start(&all[i], &condition, &mutex);
	show(held ? "two of four" : "two of four, free", requeue(&condition, 1, 1, &mutex, 0));
	show("the others", requeue(&condition, 1, INT32_MAX, &mutex, 0));
	show("nobody is left", requeue(&condition, 1, INT32_MAX, &mutex, 0));
	if (held)
		unlock(&mutex);
	for (int i = 0; i < MANY; i++) {
		pthread_join(all[i].thread, NULL);
		had += all[i].result == 0 &&
		       (all[i].word & FUTEX_TID_MASK) == (uint32_t)all[i].tid;
	}
	check(had == MANY && !(mutex & FUTEX_TID_MASK), "each had it, one after the other");
	mutex = 0;
}

static int handled; // atomic

static void handler(int signal)
{
	(void)signal;
	__atomic_store_n(&handled, 1, __ATOMIC_SEQ_CST);
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = handler};
	struct sleeper one = {0};
	struct timespec time;

	sigaction(SIGUSR1, &action, NULL);
	lock(&mutex);
	start(&one, &condition, &mutex);
	pthread_kill(one.thread, SIGUSR1);
	while (!__atomic_load_n(&handled, __ATOMIC_SEQ_CST))
		nap();
	while (wake(&condition) != -1)
		nap(); // it sleeps again
	check(!is_over(&one), "a signal does not end the wait before it is moved");
	requeue(&condition, 1, 0, &mutex, 0);
	pthread_kill(one.thread, SIGUSR1);
	finish(&one, "a signal after it was moved");
	time = soon(CLOCK_MONOTONIC);
	one.until = &time;
	start(&one, &condition, &mutex);
	requeue(&condition, 1, 0, &mutex, 0);
	finish(&one, "time that runs out after it was moved");
	check((mutex & FUTEX_TID_MASK) == tid(), "the mutex is still its owner's");
	unlock(&mutex);
	mutex = 0;
}

// ---- mistakes ----
static void mistakes(void)
{
	struct sleeper one = {0};

	start(&one, &condition, &mutex);
	show("requeue to another mutex", requeue(&condition, 1, 0, &other, 0));
	show("plain requeue", futex(&condition, FUTEX_REQUEUE_PRIVATE, 0, 1, &other, 0));
	show("plain requeue of nobody", futex(&condition, FUTEX_REQUEUE_PRIVATE, 0, 0, &other, 0));
	show("FUTEX_WAKE", wake(&condition));
	show("FUTEX_WAKE of other bits",
	     futex(&condition, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, NULL, 2));
	show("FUTEX_WAKE_OP", futex(&condition, FUTEX_WAKE_OP_PRIVATE, 1, 1, &other, 0));
	show("FUTEX_WAKE_OP of it second",
	     futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, 1, &condition, FUTEX_OP_CMP_EQ << 24));
	show("locking the word it sleeps on", lock(&condition));
	mutex = (uint32_t)one.tid;
	show("the mutex is its own", requeue(&condition, 1, 0, &mutex, 0));
	mutex = 99999999;
	show("the mutex is nobody's", requeue(&condition, 1, 0, &mutex, 0));
	check(mutex == (99999999 | FUTEX_WAITERS), "but is marked as waited for");
	mutex = 0;
	show("moved after all", requeue(&condition, 1, 0, &mutex, 0));
	finish(&one, "mistakes");
}

static void *waits_plainly(void *word)
{
	futex(word, FUTEX_WAIT_PRIVATE, *(uint32_t *)word, 0, NULL, 0);
	return NULL;
}

static void plain_sleeper(void)
{
	pthread_t thread;
	long result;

	pthread_create(&thread, NULL, waits_plainly, &condition);
	while ((result = requeue(&condition, 1, 0, &mutex, 0)) == 0)
		nap();
	show("a plain sleeper", result);
	show("locking the word it sleeps on", lock(&condition));
	condition = tid();
	show("unlocking the word it sleeps on", unlock(&condition));
	condition = 0;
	show("it is woken", wake(&condition));
	pthread_join(thread, NULL);
}

static void *locks(void *argument)
{
	lock(&mutex);
	unlock(&mutex);
	return argument;
}

// What plain operations say to the word of a mutex that is waited for.
static void waited_mutex(void)
{
	pthread_t thread;
	uint32_t word;

	mutex = other = 0;
	lock(&mutex);
	pthread_create(&thread, NULL, locks, NULL);
	while (wake(&mutex) != -1)
		nap();
	show("FUTEX_WAKE of a mutex", wake(&mutex));
	show("FUTEX_REQUEUE of a mutex", futex(&mutex, FUTEX_REQUEUE_PRIVATE, 0, 1, &other, 0));
	word = mutex;
	mutex = (word & ~(uint32_t)FUTEX_TID_MASK) | 99999998;
	show("FUTEX_LOCK_PI when the word names another", lock(&mutex));
	mutex = 0;
	show("FUTEX_LOCK_PI when it names nobody", lock(&mutex));
	mutex = word;
	unlock(&mutex);
	pthread_join(thread, NULL);
	show("in the end", (long)mutex);
}

static void *ends_with_it(void *argument)
{
	lock(argument);
	return NULL;
}

static void tried(void)
{
	pthread_t thread;
	pid_t child;
	uint32_t *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	child = fork();
	if (child == 0) {
		futex(shared, FUTEX_LOCK_PI, 0, 0, NULL, 0);
		_exit(0);
	}
	waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
	show("FUTEX_TRYLOCK_PI when the owner is a zombie",
	     futex(shared, FUTEX_TRYLOCK_PI, 0, 0, NULL, 0));
	check(*shared == ((uint32_t)child | FUTEX_WAITERS), "marks it all the same");
	show("FUTEX_LOCK_PI", futex(shared, FUTEX_LOCK_PI, 0, 0, NULL, 0));
	waitpid(child, NULL, 0);
	pthread_create(&thread, NULL, ends_with_it, &other);
	pthread_join(thread, NULL);
	show("when the owner has ended", lock(&other));
	munmap(shared, PAGE);
}

int main(void)
{
	refused();
	clocks();
	free_mutex();
	held_mutex();
	many(1);
	many(0);
	interrupted();
	mistakes();
	plain_sleeper();
	waited_mutex();
	tried();
	return tap_end();
}
