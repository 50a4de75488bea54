// SPDX-License-Identifier: MIT
//
// Several CPUs in one address space, each doing to it what the others do not expect: faults on the
// same page, munmap against faults, fork against writes, mprotect against use, exit against
// everything. Each part knows what may be seen and what may not.
// run: --cpus 2 --append audit=1009

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define THREADS 4
#define PAGES   64
#define RW      (PROT_READ | PROT_WRITE)

static unsigned char *area;
static unsigned wrong;        // atomic
static pthread_barrier_t all; // all threads
static bool over;             // atomic
static int part_rounds;

static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t guarded;

static void caught(int signal)
{
	if (!guarded)
		_exit(100 + signal);
	siglongjmp(out, 1);
}

static void mistake(bool made)
{
	if (made)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static unsigned random_below(volatile unsigned *state, unsigned below)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 16) % below;
}

static void map_fresh(void)
{
	mmap(area, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void run_threads(void *(*part)(void *), const char *name)
{
	pthread_t threads[THREADS];

	wrong = 0;
	over = false;
	map_fresh();
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, part, (void *)i))
			_exit(99);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check(!wrong, name);
}

// ---- the same page at the same time: one frame, nothing lost ----
static void *same_pages(void *argument)
{
	uintptr_t self = (uintptr_t)argument;

	for (int round = 0; round < part_rounds; round++) {
		pthread_barrier_wait(&all);
		for (unsigned page = 0; page < PAGES; page++)
			area[page * PAGE + self] = (unsigned char)(round + 1);
		pthread_barrier_wait(&all);
		for (unsigned page = 0; page < PAGES; page++)
			for (unsigned other = 0; other < THREADS; other++)
				mistake(area[page * PAGE + other] != (unsigned char)(round + 1));
		pthread_barrier_wait(&all);
		if (self == 0)
			map_fresh();
	}
	return NULL;
}

// ---- pages taken away while others touch them: a fault or zeros or what was written, never
// what somebody else's memory held ----
static void *unmapping(void *argument)
{
	uintptr_t self = (uintptr_t)argument;
	volatile unsigned state = (unsigned)self + 1;

	for (volatile int round = 0; round < part_rounds * 40; round++) {
		unsigned char *page = area + random_below(&state, PAGES) * PAGE;

		if (self == 0) {
			munmap(page, PAGE);
			mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			continue;
		}
		if (sigsetjmp(out, 1))
			continue;
		guarded = 1;
		if (random_below(&state, 2))
			page[self] = (unsigned char)self;
		else
			mistake(page[self] != 0 && page[self] != self);
		guarded = 0;
	}
	guarded = 0;
	return NULL;
}

// ---- protection that comes and goes ----
static void *protecting(void *argument)
{
	static const int protections[] = {PROT_NONE, PROT_READ, RW};
	uintptr_t self = (uintptr_t)argument;
	volatile unsigned state = (unsigned)self + 7;

	for (volatile int round = 0; round < part_rounds * 40; round++) {
		unsigned first = random_below(&state, PAGES);
		unsigned char *page = area + first * PAGE;

		if (self == 0) {
			mprotect(page, (1 + random_below(&state, PAGES - first)) * PAGE,
				 protections[random_below(&state, 3)]);
			continue;
		}
		if (sigsetjmp(out, 1))
			continue;
		guarded = 1;
		page[self]++;
		guarded = 0;
	}
	guarded = 0;
	pthread_barrier_wait(&all);
	if (self == 0)
		mprotect(area, PAGES * PAGE, RW);
	return NULL;
}

// ---- fork while others write: the child's memory stands still ----
static void *forking(void *argument)
{
	uintptr_t self = (uintptr_t)argument;

	for (int round = 0; self == 0 && round < part_rounds; round++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			unsigned char before[PAGES], changed = 0;

			for (unsigned page = 0; page < PAGES; page++)
				before[page] = area[page * PAGE + 1];
			for (int again = 0; again < 20; again++)
				for (unsigned page = 0; page < PAGES; page++)
					changed |= before[page] != area[page * PAGE + 1];
			for (unsigned page = 0; page < PAGES; page++)
				area[page * PAGE] = 0xee;
			_exit(changed);
		}
		waitpid(child, &status, 0);
		mistake(child < 0 || status != 0);
		for (unsigned page = 0; page < PAGES; page++)
			mistake(area[page * PAGE] == 0xee);
	}
	if (self == 0)
		__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	// Each writer counts in its own byte: no count may be lost to a copy.
	for (unsigned char count = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); count++)
		for (unsigned page = 0; self != 0 && page < PAGES; page++) {
			volatile unsigned char *mine = &area[page * PAGE + self];

			mistake(*mine != count);
			*mine = (unsigned char)(count + 1);
		}
	return NULL;
}

// ---- a process that ends, or is killed, in the middle of it all ----
static void *busy(void *argument)
{
	volatile unsigned state = (unsigned)(uintptr_t)argument + 3;

	for (;;) {
		unsigned char *page = area + random_below(&state, PAGES) * PAGE;

		switch (random_below(&state, 4)) {
		case 0:
			munmap(page, PAGE);
			break;
		case 1:
			mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 2:
			madvise(page, PAGE, MADV_DONTNEED);
			break;
		default:
			if (sigsetjmp(out, 1))
				break;
			guarded = 1;
			*page = 1;
			guarded = 0;
		}
	}
	return NULL;
}

static void ending(void)
{
	unsigned bad = 0;

	for (int round = 0; round < part_rounds; round++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			pthread_t thread;

			for (uintptr_t i = 0; i < THREADS; i++)
				if (pthread_create(&thread, NULL, busy, (void *)i))
					_exit(99);
			sched_yield();
			if (round % 3 == 0)
				_exit(7);
			if (round % 3 == 1)
				execl("/proc/self/exe", "threads_memory", "again", NULL);
			kill(getpid(), SIGKILL);
			pause();
		}
		waitpid(child, &status, 0);
		if (round % 3 == 2)
			bad += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
		else
			bad += !WIFEXITED(status) || WEXITSTATUS(status) != 7;
	}
	check(!bad, "exit, exec and kill while all threads change the address space");
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = caught, .sa_flags = SA_NODEFER};

	if (argc > 1 && !strcmp(argv[1], "again"))
		return 7;
	part_rounds = argc > 1 ? atoi(argv[1]) : 6;
	sigaction(SIGSEGV, &action, NULL);
	pthread_barrier_init(&all, NULL, THREADS);
	area = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	run_threads(same_pages, "all touch the same fresh pages: nothing is lost");
	run_threads(unmapping, "munmap against faults: nothing foreign is seen");
	run_threads(protecting, "mprotect against use");
	run_threads(forking, "fork against writes: the child's memory stands still");
	ending();
	return tap_end();
}
