// SPDX-License-Identifier: MIT
//
// Translations that another CPU keeps: what one thread changes in the page table, a thread on
// another CPU must not go on using. The second thread does nothing but look, so that no entry is
// evicted by other accesses between its last look and the change.
// run: --cpus 2

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define ROUNDS 60
#define RW     (PROT_READ | PROT_WRITE)

static volatile uint64_t *page; // what both look at
static uint64_t turn;           // even: the main thread's, odd: the other's; atomic
static uint64_t seen;           // what the other one read, or FAULTED if it could not
static bool write_too;          // the other one writes as well
static bool over;

#define FAULTED ~0ul

static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t guarded;

static void caught(int signal)
{
	if (guarded) {
		guarded = 0;
		siglongjmp(out, 1);
	}
	_exit(100 + signal);
}

static uint64_t look(void)
{
	uint64_t value;

	if (sigsetjmp(out, 1))
		return FAULTED;
	guarded = 1;
	value = *page;
	if (write_too)
		*page = value;
	guarded = 0;
	return value;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	// A machine of one CPU takes turns instead, and proves nothing.
	if (sched_setaffinity(0, sizeof(set), &set))
		sched_getaffinity(0, sizeof(set), &set);
}

static void wait_turn(uint64_t odd)
{
	while ((__atomic_load_n(&turn, __ATOMIC_ACQUIRE) & 1) != odd)
		__builtin_ia32_pause();
}

static void pass(void)
{
	__atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
}

static void *looker(void *unused)
{
	(void)unused;
	pin(1);
	for (;;) {
		wait_turn(1);
		if (over)
			return NULL;
		seen = look();
		pass();
	}
}

// Lets the other CPU look, and returns what it saw.
static uint64_t others_look(void)
{
	pass();
	wait_turn(0);
	return seen;
}

static uint64_t *map(void *at, int prot, int flags)
{
	return mmap(at, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void unmapped(void)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t *mine = map((void *)page, RW, MAP_FIXED);

		*mine = i;
		wrong += others_look() != i;
		munmap(mine, PAGE);
		wrong += others_look() != FAULTED;
	}
	check(!wrong, "after munmap another CPU faults, and sees what is mapped next");
}

static void replaced(void)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		*map((void *)page, RW, MAP_FIXED) = i;
		wrong += others_look() != i;
	}
	check(!wrong, "a mapping that replaces another one is seen at once");
}

static void protected(void)
{
	unsigned wrong = 0;

	*map((void *)page, RW, MAP_FIXED) = 7;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		mprotect((void *)page, PAGE, RW);
		write_too = true;
		wrong += others_look() != 7;
		mprotect((void *)page, PAGE, PROT_READ);
		wrong += others_look() != FAULTED;
		write_too = false;
		wrong += others_look() != 7;
		mprotect((void *)page, PAGE, PROT_NONE);
		wrong += others_look() != FAULTED;
	}
	check(!wrong, "mprotect holds on another CPU");
}

static void moved(void)
{
	unsigned wrong = 0;
	char *there = (char *)page + 16 * PAGE;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t *mine = map((void *)page, RW, MAP_FIXED);

		*mine = i;
		wrong += others_look() != i;
		wrong += mremap(mine, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there) != there;
		wrong += others_look() != FAULTED;
		wrong += *(uint64_t *)there != i;
	}
	check(!wrong, "what mremap has moved away is gone for another CPU");
}

static void dropped(void)
{
	unsigned wrong = 0;

	map((void *)page, RW, MAP_FIXED);
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		*page = i;
		wrong += others_look() != i;
		madvise((void *)page, PAGE, MADV_DONTNEED);
		wrong += others_look() != 0;
	}
	check(!wrong, "what MADV_DONTNEED has dropped is zeros for another CPU");
}

// The child keeps the old frame: another CPU of the parent must not write to it any more.
static void forked(void)
{
	unsigned wrong = 0;
	int ready[2], go[2];

	for (uint64_t i = 0; i < ROUNDS / 6; i++) {
		uint64_t child_sees = 0;
		char byte = 0;
		pid_t child;

		*map((void *)page, RW, MAP_FIXED) = i;
		write_too = true;
		others_look();
		if (pipe(ready) || pipe(go))
			_exit(99);
		child = fork();
		if (child == 0) {
			if (read(go[0], &byte, 1) != 1)
				_exit(1);
			child_sees = *page;
			_exit(write(ready[1], &child_sees, sizeof(child_sees)) < 0);
		}
		*(volatile uint64_t *)page = 1000 + i;
		others_look();
		write_too = false;
		wrong += write(go[1], &byte, 1) != 1;
		wrong += read(ready[0], &child_sees, sizeof(child_sees)) < 0;
		wrong += child_sees != i;
		wrong += *page != 1000 + i;
		waitpid(child, NULL, 0);
		for (int end = 0; end < 2; end++) {
			close(ready[end]);
			close(go[end]);
		}
	}
	check(!wrong, "what a thread writes after fork the child does not see");
}

static unsigned long asked;       // how often asker() has gone round; atomic
static unsigned wrong_when_asked; // asker()'s own

// Most of its time it waits for the lock that whoever changes the page table holds.
static void *asker(void *own)
{
	pin(1);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		unsigned char resident;
		uint64_t before, value;

		mincore(own, PAGE, &resident);
		before = __atomic_load_n(&turn, __ATOMIC_ACQUIRE);
		value = look();
		if (before & 1 && before == __atomic_load_n(&turn, __ATOMIC_ACQUIRE))
			wrong_when_asked += value != FAULTED;
		__atomic_add_fetch(&asked, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

// At least once from beginning to end.
static void let_it_ask(void)
{
	unsigned long now = __atomic_load_n(&asked, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) < now + 2)
		__builtin_ia32_pause();
}

// The change takes long enough for the other CPU to rest until the lock is free.
static void waited_for(void)
{
	size_t size = 4096 * PAGE;
	char *own = (char *)map(NULL, RW, 0), *all;
	pthread_t thread;

	all = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	page = (uint64_t *)(all + size - PAGE);
	turn = 0;
	over = false;
	write_too = true;
	if (pthread_create(&thread, NULL, asker, own))
		_exit(98);
	for (unsigned i = 0; i < ROUNDS; i++) {
		mprotect(all, size, PROT_READ);
		pass();
		let_it_ask();
		pass();
		mprotect(all, size, RW);
		let_it_ask();
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	check(!wrong_when_asked, "who waits for the lock meanwhile uses nothing old afterwards");
}

int main(void)
{
	struct sigaction action = {.sa_handler = caught};
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	pin(0);
	page = mmap(NULL, 32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pthread_create(&thread, NULL, looker, NULL))
		return 1;
	unmapped();
	replaced();
	protected();
	moved();
	dropped();
	forked();
	over = true;
	pass();
	pthread_join(thread, NULL);
	waited_for();
	return tap_end();
}
