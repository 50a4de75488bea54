// SPDX-License-Identifier: MIT
//
// The word that clone sets to a thread's tid and that is 0 when it has ended: whoever looks on
// another CPU sees one or the other, never a part of it. musl takes the word of a lock that ends
// with a thread for a tid, and a part may be that of somebody else.
// run: --cpus 2
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define THREADS 3000
#define SEEN    (4 * THREADS)
#define TIDS    (1 << 22) // Linux's largest pid_max

static uint32_t word;              // atomic
static bool over;                  // atomic
static unsigned char unseen[TIDS]; // threads of this tid that have not been seen

static uint32_t seen[SEEN]; // the looker's own until it has been joined
static unsigned seen_count;

static void *look(void *unused)
{
	uint32_t last = 0;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		uint32_t now = __atomic_load_n(&word, __ATOMIC_RELAXED);

		if (now != last && seen_count < SEEN)
			seen[seen_count++] = now;
		last = now;
	}
	return unused;
}

// Has no thread-local memory of its own, so it may not call the library.
static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

// Returns when the thread has ended, and its tid.
static int one_thread(char *stack_top)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int tid = clone(nothing, stack_top, flags, NULL, &word, NULL, &word);
	uint32_t now;

	while (tid > 0 && (now = __atomic_load_n(&word, __ATOMIC_ACQUIRE)) != 0)
		syscall(SYS_futex, &word, FUTEX_WAIT, now, NULL, NULL, 0);
	return tid;
}

// Each tid comes once: a part may be the tid of an earlier thread, or of a later one.
static bool come(uint32_t value)
{
	if (value >= TIDS || (value && !unseen[value]))
		return false;
	unseen[value] -= value != 0;
	return true;
}

static unsigned parts(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seen_count; i++)
		count += !come(seen[i]);
	return count;
}

int main(void)
{
	static char stack[4 * PAGE] __attribute__((aligned(16)));
	pthread_t looker;
	int begun = 0;

	if (pthread_create(&looker, NULL, look, NULL))
		return 1;
	for (int i = 0; i < THREADS; i++) {
		int tid = one_thread(stack + sizeof(stack));

		begun += tid > 0;
		if (tid > 0)
			unseen[tid]++;
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(looker, NULL);
	show("threads", begun);
	show("values seen that are no thread's", parts());
	return tap_end();
}
