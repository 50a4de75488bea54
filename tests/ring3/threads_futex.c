// SPDX-License-Identifier: MIT
//
// futex(2) itself: results and errors of every operation, timeouts by each clock, moving sleepers,
// words shared between processes, robust lists.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/asleep.h"

static uint32_t word, other, *shared;

static long futex(uint32_t *address, int operation, uint32_t value, const void *timeout,
		  uint32_t *second, uint32_t third)
{
	return syscall(SYS_futex, address, operation, value, timeout, second, third);
}

static const void *number(long value)
{
	return (const void *)value;
}

// Memory that can be read only: of one's own it can not be a word that others change, too.
static void read_only(const char *name, int flags, bool touched)
{
	uint32_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	struct timespec none = {0, 0};
	char line[80];

	if (touched)
		*page = 0;
	mprotect(page, PAGE, PROT_READ);
	for (int private = 0; private <= FUTEX_PRIVATE_FLAG; private += FUTEX_PRIVATE_FLAG) {
		snprintf(line, sizeof(line), "%s, %s", name, private ? "private" : "shared");
		show(line, futex(page, FUTEX_WAIT | private, 0, &none, NULL, 0));
		show("wake", futex(page, FUTEX_WAKE | private, 1, NULL, NULL, 0));
		show("requeue to it",
		     futex(&word, FUTEX_REQUEUE | private, 1, number(1), page, 0));
	}
	munmap(page, PAGE);
}

static void errors(void)
{
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, none = {0, 0};
	uint32_t *odd = (uint32_t *)((char *)&word + 2), *nowhere = (uint32_t *)8;
	uint32_t *kernel = (uint32_t *)0xffffffff80000000ul;

	word = 5;
	read_only("its own", MAP_PRIVATE, true);
	read_only("its own, untouched", MAP_PRIVATE, false);
	read_only("everybody's", MAP_SHARED, true);
	show("another value", futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0));
	show("another value, private", futex(&word, FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0));
	show("not aligned", futex(odd, FUTEX_WAIT, 5, NULL, NULL, 0));
	show("wake, not aligned", futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0));
	show("nothing there", futex(nowhere, FUTEX_WAIT, 5, NULL, NULL, 0));
	show("nothing there, private", futex(nowhere, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0));
	show("wake, nothing there", futex(nowhere, FUTEX_WAKE, 1, NULL, NULL, 0));
	show("the same, private", futex(nowhere, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	show("in the kernel's half", futex(kernel, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0));
	show("wake there", futex(kernel, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	show("timeout nowhere", futex(&word, FUTEX_WAIT, 5, nowhere, NULL, 0));
	show("timeout not normalised", futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0));
	show("negative timeout", futex(&word, FUTEX_WAIT, 5, &negative, NULL, 0));
	show("no time at all", futex(&word, FUTEX_WAIT, 5, &none, NULL, 0));
	show("value before time", futex(&word, FUTEX_WAIT, 6, &none, NULL, 0));
	show("no bits to wait for", futex(&word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0));
	show("no bits to wake", futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	show("long ago", futex(&word, FUTEX_WAIT_BITSET, 5, &none, NULL, 1));
	show("long ago, realtime",
	     futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &none, NULL, 1));
	show("realtime for a wake",
	     futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	show("unknown operation", futex(&word, 77, 5, NULL, NULL, 0));
	show("nobody to wake", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	show("requeue, negative", futex(&word, FUTEX_REQUEUE, -1, number(1), &other, 0));
	show("requeue, negative too", futex(&word, FUTEX_REQUEUE, 1, number(-1), &other, 0));
	show("requeue, another value", futex(&word, FUTEX_CMP_REQUEUE, 1, number(1), &other, 4));
	show("requeue of nobody", futex(&word, FUTEX_CMP_REQUEUE, 1, number(1), &other, 5));
	show("requeue to nowhere", futex(&word, FUTEX_REQUEUE, 1, number(1), nowhere, 0));
	show("requeue, not aligned", futex(&word, FUTEX_REQUEUE, 1, number(1), odd, 0));
}

static void one_operation(int operation, int argument, int comparison, int with, uint32_t old)
{
	long result;

	other = old;
	result = futex(&word, FUTEX_WAKE_OP, 1, number(1), &other,
		       (uint32_t)FUTEX_OP(operation, argument, comparison, with));
	printf("# op %d %d on %#x: %#x, ", operation, argument, old, other);
	show("result", result);
}

static void operations(void)
{
	static const uint32_t values[] = {0, 1, 0x800, 0xffffffff, 0x7fffffff};

	for (int operation = 0; operation < 6; operation++)
		for (int i = 0; i < 5; i++) {
			one_operation(operation, 0x7ff, FUTEX_OP_CMP_EQ, 0, values[i]);
			one_operation(operation | FUTEX_OP_OPARG_SHIFT, 31, FUTEX_OP_CMP_LT, 0xfff,
				      values[i]);
		}
	one_operation(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_GT, 3, 1);
	one_operation(FUTEX_OP_SET, 1, 6, 0, 7);
	show("nowhere", futex(&word, FUTEX_WAKE_OP, 1, number(1), (uint32_t *)8, 0));
}

// Words whose pages are not there yet, or are to be copied first.
static void untouched_pages(void)
{
	const uint32_t set_5 = FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0);
	uint32_t *fresh =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	show("a fresh word", futex(fresh, FUTEX_WAIT, 1, NULL, NULL, 0));
	fresh += PAGE / 4;
	show("changed by operation", futex(&word, FUTEX_WAKE_OP, 1, number(1), fresh, (int)set_5));
	show("to", *fresh);
	fresh += PAGE / 4;
	show("one only read so far", *fresh);
	show("changed", futex(&word, FUTEX_WAKE_OP, 1, number(1), fresh, (int)set_5));
	show("to", *fresh);
	fresh += PAGE / 4;
	other = 1;
	show("compared", futex(fresh, FUTEX_CMP_REQUEUE, 1, number(1), &other, 1));
	show("and equal", futex(fresh, FUTEX_CMP_REQUEUE, 1, number(1), &other, 0));
	mprotect(fresh, PAGE, PROT_READ);
	show("one that is read-only",
	     futex(&word, FUTEX_WAKE_OP, 1, number(1), fresh, (int)set_5));
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void timeouts(void)
{
	struct timespec time = {0, 50000000};
	double start = seconds(CLOCK_MONOTONIC);

	word = 1;
	show("50 ms", futex(&word, FUTEX_WAIT, 1, &time, NULL, 0));
	check(seconds(CLOCK_MONOTONIC) - start >= 0.05, "not before the time");
	start = seconds(CLOCK_MONOTONIC);
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_nsec += 50000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	show("until 50 ms later", futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &time, NULL, 1));
	check(seconds(CLOCK_MONOTONIC) - start >= 0.045, "not before the time");
	start = seconds(CLOCK_REALTIME);
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_nsec += 50000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	show("until 50 ms later, realtime",
	     futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &time, NULL, 1));
	check(seconds(CLOCK_REALTIME) - start >= 0.045, "not before the time");
}

// ---- several sleepers ----
static int sleeping, awake;
static int tids[8]; // of those who sleep, or are about to

struct plan {
	int operation;
	uint32_t bits;
};

static void note_tid(void)
{
	int tid = (int)syscall(SYS_gettid);

	__atomic_store_n(&tids[__atomic_fetch_add(&sleeping, 1, __ATOMIC_SEQ_CST)], tid,
			 __ATOMIC_SEQ_CST);
}

static void until_all_sleep(int count)
{
	for (int i = 0; i < count; i++) {
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			usleep(1000);
		until_asleep(tids[i]);
	}
}

static void *sleep_on_word(void *argument)
{
	const struct plan *plan = argument;

	note_tid();
	if (futex(&word, plan->operation, 1, NULL, NULL, plan->bits) == 0)
		__atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void nobody_sleeps(void)
{
	sleeping = awake = 0;
	memset(tids, 0, sizeof(tids));
}

// Starts `count` threads that sleep on `word`, and waits until they do.
static void put_to_sleep(pthread_t *threads, int count, const struct plan *plan)
{
	word = 1;
	nobody_sleeps();
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, sleep_on_word, (void *)plan);
	until_all_sleep(count);
}

static void join_all(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	show("woken in all", awake);
}

static void waking(void)
{
	static const struct plan plain = {FUTEX_WAIT, 0}, private = {FUTEX_WAIT_PRIVATE, 0};
	static const struct plan bits = {FUTEX_WAIT_BITSET, 2};
	pthread_t threads[6];

	put_to_sleep(threads, 6, &plain);
	show("wake 2", futex(&word, FUTEX_WAKE, 2, NULL, NULL, 0));
	show("wake 0 wakes one", futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0));
	show("a private wake is for others", futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	show("wake the rest", futex(&word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0));
	join_all(threads, 6);
	put_to_sleep(threads, 3, &private);
	show("a shared wake does not reach private ones",
	     futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
	show("a private one does", futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	join_all(threads, 3);
	put_to_sleep(threads, 3, &bits);
	show("other bits", futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 5));
	show("these bits", futex(&word, FUTEX_WAKE_BITSET, 2, NULL, NULL, 7));
	show("any bits", futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
	join_all(threads, 3);
}

static void moving(void)
{
	static const struct plan plain = {FUTEX_WAIT, 0};
	pthread_t threads[6];

	put_to_sleep(threads, 6, &plain);
	show("wake 1, move 3", futex(&word, FUTEX_CMP_REQUEUE, 1, number(3), &other, 1));
	show("3 are there", futex(&other, FUTEX_WAKE, 9, NULL, NULL, 0));
	show("2 are left: move them", futex(&word, FUTEX_REQUEUE, 0, number(9), &other, 0));
	show("nobody is left", futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
	show("back again", futex(&other, FUTEX_REQUEUE, 0, number(1), &word, 0));
	other = 0;
	show("wake one here and one there", futex(&word, FUTEX_WAKE_OP, 9, number(9), &other,
						  FUTEX_OP(FUTEX_OP_SET, 3, FUTEX_OP_CMP_EQ, 0)));
	show("the word", other);
	join_all(threads, 6);
	put_to_sleep(threads, 2, &plain);
	show("to itself", futex(&word, FUTEX_REQUEUE, 1, number(5), &word, 0));
	show("is still there", futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
	join_all(threads, 2);
}

// ---- signals ----
static int handled;

static void note(int signal)
{
	(void)signal;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static long interrupted_result;

static void *be_interrupted(void *timeout)
{
	long result;

	note_tid();
	result = futex(&word, FUTEX_WAIT, 1, timeout, NULL, 0);
	interrupted_result = result < 0 ? errno : result;
	return NULL;
}

static void interrupted(int flags, const struct timespec *timeout, const char *name)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = flags};
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	word = 1;
	handled = 0;
	nobody_sleeps();
	pthread_create(&thread, NULL, be_interrupted, (void *)timeout);
	until_all_sleep(1);
	pthread_kill(thread, SIGUSR1);
	while (!__atomic_load_n(&handled, __ATOMIC_SEQ_CST))
		usleep(1000);
	if (flags & SA_RESTART && !timeout) // else the handler ends the wait
		until_asleep(tids[0]);
	word = 2;
	futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0);
	pthread_join(thread, NULL);
	printf("# %s: %s\n", name, strerror((int)interrupted_result));
}

// ---- between processes ----
static int wake_parent(void)
{
	shared[1] = 1;
	for (int i = 0; i < 1000 && futex(&shared[0], FUTEX_WAKE, 1, NULL, NULL, 0) != 1; i++)
		usleep(1000);
	return 0;
}

static void between_processes(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(wake_parent());
	show("woken by a child", futex(&shared[0], FUTEX_WAIT, 0, NULL, NULL, 0));
	show("which wrote", shared[1]);
	waitpid(child, NULL, 0);
}

// ---- robust mutexes ----
static pthread_mutex_t *robust;

static void *die_holding(void *unused)
{
	pthread_mutex_lock(robust);
	return unused;
}

static int die_holding_in_a_process(void)
{
	pthread_mutex_lock(robust);
	kill(getpid(), SIGKILL);
	return 0;
}

static void inherit(const char *name)
{
	check(pthread_mutex_lock(robust) == EOWNERDEAD, name);
	check(pthread_mutex_consistent(robust) == 0, "made consistent");
	check(pthread_mutex_unlock(robust) == 0, "and usable again");
}

static void robust_mutexes(void)
{
	pthread_mutexattr_t attributes;
	pthread_t thread;

	robust = (pthread_mutex_t *)(shared + 64);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(robust, &attributes);
	pthread_create(&thread, NULL, die_holding, NULL);
	pthread_join(thread, NULL);
	inherit("a thread ended holding it");
	show_status("a process that holds it", in_child(die_holding_in_a_process));
	inherit("a process was killed holding it");
	pthread_create(&thread, NULL, die_holding, NULL);
	pthread_join(thread, NULL);
	pthread_mutex_lock(robust);
	pthread_mutex_unlock(robust);
	check(pthread_mutex_lock(robust) == ENOTRECOVERABLE, "given back without being mended");
}

int main(void)
{
	static const struct timespec long_time = {100, 0};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	errors();
	operations();
	untouched_pages();
	timeouts();
	waking();
	moving();
	interrupted(0, NULL, "a handler");
	interrupted(SA_RESTART, NULL, "with SA_RESTART");
	interrupted(SA_RESTART, &long_time, "with a timeout");
	between_processes();
	robust_mutexes();
	return tap_end();
}
