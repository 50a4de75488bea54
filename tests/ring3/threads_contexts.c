// SPDX-License-Identifier: MIT
//
// Translations that a CPU keeps of an address space that it has left: changed meanwhile by a
// thread on another CPU, they must be gone when it comes back. A thread looks at a page, and gives
// its CPU to a process that runs there alone; only then the page's mapping is changed. Processors
// with process-context identifiers keep translations over that. QEMU has none, and Bochs forgets
// all the same, so there it proves little: tests/unit/test_context.c has processors that remember.
// run: --cpus 2

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define ROUNDS  8
#define RW      (PROT_READ | PROT_WRITE)
#define FAULTED ~0ul

static volatile uint64_t *page;                   // what the looker looks at
static volatile uint64_t seen;                    // what it read, or FAULTED
static uint64_t *changed;                         // rounds whose change is made; shared; atomic
static int to_looker[2], to_other[2], to_main[2]; // pipes; a byte: it is your turn

static sigjmp_buf out;

static void caught(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static uint64_t look(void)
{
	return sigsetjmp(out, 1) ? FAULTED : *page;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	// Without a second CPU all take turns on one, and nothing is proved.
	if (sched_setaffinity(0, sizeof(set), &set))
		sched_getaffinity(0, sizeof(set), &set);
}

static void tell(const int *whom)
{
	if (write(whom[1], "", 1) != 1)
		_exit(97);
}

// Whether there is a next turn.
static bool await(const int *whom)
{
	char byte;

	return read(whom[0], &byte, 1) == 1;
}

static void *looker(void *unused)
{
	(void)unused;
	pin(1);
	while (await(to_looker)) {
		seen = look();
		tell(to_other);
		if (!await(to_looker))
			break;
		seen = look();
		tell(to_main);
	}
	return NULL;
}

// When this runs, the looker does not, and its CPU has another address space loaded.
static void other_process(void)
{
	pin(1);
	close(to_looker[1]);
	close(to_other[1]);
	for (uint64_t round = 1; await(to_other); round++) {
		tell(to_main);
		while (__atomic_load_n(changed, __ATOMIC_ACQUIRE) < round)
			__builtin_ia32_pause();
	}
	_exit(0);
}

static void unmap(void)
{
	munmap((void *)page, PAGE);
}

static void replace(void)
{
	mmap((void *)page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void forbid(void)
{
	mprotect((void *)page, PAGE, PROT_NONE);
}

static void drop(void)
{
	madvise((void *)page, PAGE, MADV_DONTNEED);
}

static void change_by(void (*change)(void), uint64_t wanted, const char *name)
{
	unsigned wrong = 0;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		replace();
		*page = i;
		tell(to_looker);
		await(to_main);
		wrong += seen != i;
		change();
		__atomic_add_fetch(changed, 1, __ATOMIC_RELEASE);
		tell(to_looker);
		await(to_main);
		wrong += seen != wanted;
	}
	check(!wrong, name);
}

int main(void)
{
	struct sigaction action = {.sa_handler = caught};
	pthread_t thread;
	int status;

	sigaction(SIGSEGV, &action, NULL);
	changed = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pipe(to_looker) || pipe(to_other) || pipe(to_main))
		return 98;
	if (fork() == 0)
		other_process();
	pin(0);
	pthread_create(&thread, NULL, looker, NULL);
	change_by(unmap, FAULTED, "munmap holds on a CPU that had left the address space");
	change_by(replace, 0, "so does a mapping that replaces another");
	change_by(forbid, FAULTED, "and mprotect");
	change_by(drop, 0, "and MADV_DONTNEED");
	close(to_looker[1]);
	pthread_join(thread, NULL);
	close(to_other[1]);
	wait(&status);
	show_status("the other process", status);
	return tap_end();
}
