// SPDX-License-Identifier: MIT
//
// SIGFPE with its reason, for integers and x87. (QEMU never raises SSE's exceptions.) And the
// state a program starts with has all floating-point exceptions masked.
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include "tests/ring3/tap.h"

static sigjmp_buf caught;
static siginfo_t details;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	details = *info;
	siglongjmp(caught, signal);
}

static void unmask(uint16_t exception)
{
	uint16_t control = 0x037f & ~exception;

	__asm__ volatile("fninit; fldcw %0" : : "m"(control));
}

static void integer_by_zero(void)
{
	__asm__ volatile("xorl %%ecx, %%ecx; xorl %%edx, %%edx; movl $1, %%eax; divl %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx", "cc");
}

static void x87_by_zero(void)
{
	unmask(4);
	__asm__ volatile("fld1; fldz; fdivrp; fwait");
}

static void x87_invalid(void)
{
	unmask(1);
	__asm__ volatile("fldz; fldz; fdivrp; fwait");
}

static void try(const char *name, void (*function)(void), int code)
{
	int signal = sigsetjmp(caught, 1);

	if (signal == 0) {
		function();
		check(false, name);
		return;
	}
	__asm__ volatile("fninit");
	check(signal == SIGFPE && details.si_code == code, name);
	printf("# signal %d, code %d\n", signal, details.si_code);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	uint16_t control;
	uint32_t mxcsr;

	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(control), "=m"(mxcsr));
	check(control == 0x037f && mxcsr == 0x1f80, "a program starts with exceptions masked");
	sigaction(SIGFPE, &action, NULL);
	try("an integer divided by zero", integer_by_zero, FPE_INTDIV);
	try("x87: a number divided by zero", x87_by_zero, FPE_FLTDIV);
	try("x87: zero divided by zero", x87_invalid, FPE_FLTINV);
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
