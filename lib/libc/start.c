// SPDX-License-Identifier: MIT
//
// What C can not say: the first instruction of a program, and the four functions whose return does
// not follow C's rules. Naked functions and not a file for NASM, because the system calls'
// numbers come from the kernel's C headers.
#include "lib/libc/system_call.h"
#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv, char **environment);
void _start(void);
_Noreturn void libc_start(long *stack);

char **environ;
const unsigned long *libc_auxiliary_vector;

// The functions that the compiler wants called before main; where user/program.ld puts them.
extern void (*const __init_array_start[])(int, char **, char **) __attribute__((weak));
extern void (*const __init_array_end[])(int, char **, char **) __attribute__((weak));

// At the program's start rsp points at argc, argv[], NULL, environment[], NULL, auxiliary vector
// (System V ABI for x86-64, 3.4.1). rbp = 0 ends the chain of frames for debuggers.
__attribute__((naked, noreturn)) void _start(void)
{
	__asm__ volatile("xor %ebp, %ebp\n\t"
			 "mov %rsp, %rdi\n\t"
			 "and $-16, %rsp\n\t"
			 "call libc_start\n\t"
			 "ud2");
}

_Noreturn __attribute__((used)) void libc_start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	char **at = argv + argc + 1;

	environ = at;
	while (*at)
		at++;
	libc_auxiliary_vector = (const unsigned long *)(at + 1);
	libc_start_thread_local();
	for (size_t i = 0; &__init_array_start[i] < __init_array_end; i++)
		__init_array_start[i](argc, argv, environ);
	exit(main(argc, argv, environ));
}

// The child runs on the parent's stack and will overwrite the return address before the parent
// comes back to it, so it is carried in a register that the kernel keeps.
__attribute__((naked)) pid_t vfork(void)
{
	__asm__ volatile("pop %%rdx\n\t"
			 "mov %0, %%eax\n\t"
			 "syscall\n\t"
			 "push %%rdx\n\t"
			 "mov %%rax, %%rdi\n\t"
			 "jmp libc_result"
			 :
			 : "i"(__NR_vfork));
}

// Where a signal handler returns to: the kernel finds the interrupted state on the stack.
__attribute__((naked)) void libc_signal_return(void)
{
	__asm__ volatile("mov %0, %%eax\n\t"
			 "syscall\n\t"
			 "ud2"
			 :
			 : "i"(__NR_rt_sigreturn));
}

__attribute__((naked)) int setjmp(jmp_buf place __attribute__((unused)))
{
	__asm__ volatile("mov %rbx, (%rdi)\n\t"
			 "mov %rbp, 8(%rdi)\n\t"
			 "mov %r12, 16(%rdi)\n\t"
			 "mov %r13, 24(%rdi)\n\t"
			 "mov %r14, 32(%rdi)\n\t"
			 "mov %r15, 40(%rdi)\n\t"
			 "lea 8(%rsp), %rdx\n\t" // rsp as it is after the return
			 "mov %rdx, 48(%rdi)\n\t"
			 "mov (%rsp), %rdx\n\t"
			 "mov %rdx, 56(%rdi)\n\t"
			 "xor %eax, %eax\n\t"
			 "ret");
}

__attribute__((naked, noreturn)) void longjmp(jmp_buf place __attribute__((unused)),
					      int value __attribute__((unused)))
{
	__asm__ volatile("mov %esi, %eax\n\t"
			 "cmp $1, %eax\n\t" // 0 would look like setjmp's first return
			 "adc $0, %eax\n\t"
			 "mov (%rdi), %rbx\n\t"
			 "mov 8(%rdi), %rbp\n\t"
			 "mov 16(%rdi), %r12\n\t"
			 "mov 24(%rdi), %r13\n\t"
			 "mov 32(%rdi), %r14\n\t"
			 "mov 40(%rdi), %r15\n\t"
			 "mov 48(%rdi), %rsp\n\t"
			 "jmp *56(%rdi)");
}
