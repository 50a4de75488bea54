// SPDX-License-Identifier: MIT
//
// The `syscall` instruction: number in rax, arguments in rdi rsi rdx r10 r8 r9, result in rax;
// rcx and r11 are lost (System V ABI for x86-64, A.2.1). A result from -4095 to -1 is a negated
// error number.
#pragma once

#include <asm/unistd.h>

static inline long system_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long system_call3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long system_call4(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

#define system_call0(number)       system_call3(number, 0, 0, 0)
#define system_call1(number, a)    system_call3(number, (long)(a), 0, 0)
#define system_call2(number, a, b) system_call3(number, (long)(a), (long)(b), 0)

// Turns the kernel's result into C's: -1 with errno set for an error.
long libc_result(long result);

// The kernel's (type, value) pairs, ending with AT_NULL.
extern const unsigned long *libc_auxiliary_vector;

// Before anything that may use a thread-local variable.
void libc_start_thread_local(void);

// Thread-local variables for one more thread, and where its FS base is to point. NULL: no memory.
// What was mapped for it is the caller's to unmap after the thread.
void **libc_thread_area(void **mapped, unsigned long *length);

// What a signal handler returns to.
void libc_signal_return(void);

// Writes out every stream that holds output. Called by exit.
void libc_flush_all(void);
