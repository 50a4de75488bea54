// SPDX-License-Identifier: MIT
//
// Threads by clone(2): a stack and thread-local variables of their own, everything else shared.
// The kernel clears `number` and wakes who waits there when a thread has ended
// (CLONE_CHILD_CLEARTID).
#include "lib/libc/malloc_thread.h"
#include "lib/libc/system_call.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <thread.h>

#define STACK (64ul << 10)
#define FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

// In programs that never allocate there is no malloc.
#pragma weak malloc_thread_end

static void run(struct thread *thread)
{
	thread->function(thread->argument);
	if (malloc_thread_end)
		malloc_thread_end();
}

// The child begins on its own stack, where it finds what to call and with what. It never returns.
__attribute__((naked)) static long clone_thread(unsigned long flags __attribute__((unused)),
						void *stack __attribute__((unused)),
						int *number __attribute__((unused)),
						int *cleared __attribute__((unused)),
						void *area __attribute__((unused)))
{
	__asm__ volatile("mov %%rcx, %%r10\n\t"
			 "mov %0, %%eax\n\t"
			 "syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov %1, %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1: ret"
			 :
			 : "i"(__NR_clone), "i"(__NR_exit));
}

bool thread_start(struct thread *thread, void (*function)(void *), void *argument)
{
	void **area = libc_thread_area(&thread->area, &thread->area_length), **top;

	thread->function = function;
	thread->argument = argument;
	if (!area)
		return false;
	thread->stack =
		mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (thread->stack != MAP_FAILED) {
		top = (void **)((char *)thread->stack + STACK) - 2;
		top[0] = (void *)(uintptr_t)run;
		top[1] = thread;
		if (clone_thread(FLAGS, top, &thread->number, &thread->number, area) > 0)
			return true;
		munmap(thread->stack, STACK);
	}
	munmap(thread->area, thread->area_length);
	return false;
}

static void futex(int *word, int operation, int value)
{
	system_call4(__NR_futex, (long)word, operation, value, 0);
}

void thread_join(struct thread *thread)
{
	int number;

	while ((number = __atomic_load_n(&thread->number, __ATOMIC_ACQUIRE)) != 0)
		futex(&thread->number, FUTEX_WAIT, number); // the kernel's wake is not private
	munmap(thread->stack, STACK);
	munmap(thread->area, thread->area_length);
}

void thread_lock(struct thread_lock *lock)
{
	int expected = 0;

	if (__atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		futex(&lock->word, FUTEX_WAIT_PRIVATE, 2);
}

void thread_unlock(struct thread_lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		futex(&lock->word, FUTEX_WAKE_PRIVATE, 1);
}
