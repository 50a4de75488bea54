// SPDX-License-Identifier: MIT
//
// Every allocation fails once in operations that make threads and let them wait for each other:
// see fail_nth.h.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/scenario/fail_nth.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static unsigned *shared; // a page that fork does not protect

// What the kernel is about to write to is the process's own before: a system call has no other
// word for a page that it can not have than EFAULT.
static void own(unsigned *word)
{
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
}

static int thread_ran, thread_alive;

static int run_thread(void *unused)
{
	(void)unused;
	thread_ran = 1;
	return 0;
}

static int try_thread(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int alive;

	thread_ran = 0;
	if (clone(run_thread, stack + sizeof(stack), flags, NULL, &thread_alive, NULL,
		  &thread_alive) < 0)
		return errno;
	while ((alive = __atomic_load_n(&thread_alive, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, &thread_alive, FUTEX_WAIT, alive, NULL);
	return thread_ran ? 0 : EPROTO;
}

// struct clone_args of <linux/sched.h>, which does not go together with <sched.h>.
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};

// A process with a number of its own choice and a descriptor.
static int try_clone3(void)
{
	pid_t wanted = getpid() + 1000;
	int status;
	struct clone_arguments arguments = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
					    .pidfd = (uintptr_t)shared,
					    .parent_tid = (uintptr_t)(shared + 1),
					    .exit_signal = SIGCHLD,
					    .set_tid = (uintptr_t)&wanted,
					    .set_tid_size = 1};
	long child;

	own(shared);
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	return waitpid(wanted, &status, 0) == wanted && status == 0 ? 0 : EPROTO;
}

static char thread_stack[16384] __attribute__((aligned(16)));

// The thread begins on a stack of its own: it has no frame to return to and calls nothing.
static long clone3_thread(struct clone_arguments *arguments)
{
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "movl $1, (%%rdx)\n\t"
			 "mov %3, %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n\t"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(arguments), "i"(SYS_exit), "S"(sizeof(*arguments)),
			   "d"(&thread_ran)
			 : "rcx", "r11", "memory");
	return result;
}

static void join_thread(int *alive);

static int try_clone3_thread(void)
{
	int alive = 1;
	struct clone_arguments arguments = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			 CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		.parent_tid = (uintptr_t)&alive,
		.child_tid = (uintptr_t)&alive,
		.stack = (uintptr_t)thread_stack,
		.stack_size = sizeof(thread_stack),
		.tls = (uintptr_t)thread_stack, // nothing looks at it
	};
	long result;

	thread_ran = 0;
	result = clone3_thread(&arguments);
	if (result < 0)
		return (int)-result;
	join_thread(&alive);
	return thread_ran ? 0 : EPROTO;
}

static char stacks[2][16384] __attribute__((aligned(16)));

// Threads of one or two futexes' worth of work, by clone3. 0 or an errno.
static int start_thread(int number, int (*run)(void *argument), int *alive)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	return clone(run, stacks[number] + sizeof(stacks[number]), flags, NULL, alive, NULL,
		     alive) < 0
		       ? errno
		       : 0;
}

static void join_thread(int *alive)
{
	int now;

	while ((now = __atomic_load_n(alive, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, alive, FUTEX_WAIT, now, NULL);
}

static unsigned mutex, condition; // futexes

static long futex(unsigned *word, int operation, unsigned value, long time, unsigned *other)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, time, other, 0);
}

static int locks(void *unused)
{
	(void)unused;
	return futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL) ||
	       futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL);
}

// Nothing of this needs memory but the thread.
static int try_mutex(void)
{
	int alive = 0, error;

	own(&mutex);
	if (futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL))
		return errno;
	error = start_thread(0, locks, &alive);
	if (error)
		return error;
	while (!(__atomic_load_n(&mutex, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	if (futex(&mutex, FUTEX_TRYLOCK_PI, 0, 0, NULL) != -1 || errno != EDEADLK)
		return EPROTO;
	if (futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL))
		return EPROTO;
	join_thread(&alive);
	return mutex ? EPROTO : 0;
}

static int waits(void *unused)
{
	(void)unused;
	return futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, &mutex) ||
	       futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL);
}

static int try_requeue(void)
{
	int alive = 0, error;
	long moved;

	own(&mutex);
	if (futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL))
		return errno;
	error = start_thread(0, waits, &alive);
	if (error)
		return error;
	while (!(moved = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, 0, &mutex)))
		sched_yield();
	if (moved != 1 || futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL))
		return moved < 0 ? errno : EPROTO;
	join_thread(&alive);
	return mutex & FUTEX_TID_MASK ? EPROTO : 0;
}

static int try_several(void)
{
	struct futex_waitv words[64];
	static unsigned values[64];

	for (int i = 0; i < 64; i++)
		words[i] = (struct futex_waitv){.uaddr = (uintptr_t)&values[i],
						.val = i == 63, // not what it is
						.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
	if (syscall(SYS_futex_waitv, words, 64, 0, NULL, CLOCK_MONOTONIC) != -1)
		return EPROTO;
	return errno == EAGAIN ? 0 : errno;
}

// A thread ends with a mutex on its robust list.
static struct robust {
	struct robust_list_head head;
	struct robust_list link;
	unsigned word;
} robust;

static int ends_with_it(void *unused)
{
	(void)unused;
	robust.head.list.next = &robust.link;
	robust.head.futex_offset = offsetof(struct robust, word) - offsetof(struct robust, link);
	robust.link.next = &robust.head.list;
	robust.word = (unsigned)syscall(SYS_gettid);
	return (int)syscall(SYS_set_robust_list, &robust.head, sizeof(robust.head));
}

static int try_robust(void)
{
	int alive = 0, error = start_thread(0, ends_with_it, &alive);

	if (error)
		return error;
	join_thread(&alive);
	return robust.word == FUTEX_OWNER_DIED ? 0 : EPROTO;
}

static const struct operation operations[] = {
	{"a thread", try_thread},
	{"clone3", try_clone3},
	{"clone3: a thread", try_clone3_thread},
	{"a mutex with inheritance", try_mutex},
	{"moved to such a mutex", try_requeue},
	{"several words", try_several},
	{"a robust list", try_robust},
};

int main(void)
{
	int wrong = 0, count = sizeof(operations) / sizeof(operations[0]);

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < count; i++)
		wrong += walk(i + 1, &operations[i]);
	printf("1..%d\n", count);
	return wrong != 0;
}
