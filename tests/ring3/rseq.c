// SPDX-License-Identifier: MIT
//
// rseq: what registering gives and refuses, and a sequence that a signal finds half-way.
#include <linux/rseq.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "tests/ring3/tap.h"

#define SIGNATURE 0x53053053

static struct rseq area __attribute__((aligned(32)));
static struct rseq other __attribute__((aligned(32)));
static volatile int alarms;

static long call(void *at, unsigned size, int flags, unsigned signature)
{
	return syscall(SYS_rseq, at, size, flags, signature);
}

static void count_alarm(int signal)
{
	(void)signal;
	alarms++;
}

// Goes round inside of the sequence for ever: only its abort handler leads out. 1 from there.
static int spin(void)
{
	int aborted = 0;

	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, %1\n"
			 "2:\n\t"
			 "jmp 2b\n"
			 "3:\n\t"
			 "jmp 5f\n\t"
			 ".balign 32\n"
			 "1:\n\t"
			 ".long 0, 0\n\t"
			 ".quad 2b, 3b - 2b, 4f\n\t"
			 ".long 0x53053053\n"
			 "4:\n\t"
			 "movl $1, %0\n"
			 "5:\n"
			 : "+r"(aborted), "=m"(area.rseq_cs)
			 :
			 : "rax", "memory");
	return aborted;
}

static void interrupt_soon(void)
{
	struct itimerval soon = {.it_value = {0, 20000}};

	signal(SIGALRM, count_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
}

static int wrong_signature(void)
{
	interrupt_soon();
	call(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE);
	call(&area, sizeof(area), 0, SIGNATURE + 1);
	spin();
	return 0;
}

int main(void)
{
	show("misaligned", call((char *)&area + 8, sizeof(area), 0, SIGNATURE));
	show("too small", call(&area, 16, 0, SIGNATURE));
	show("unknown flag", call(&area, sizeof(area), 2, SIGNATURE));
	show("unregister before", call(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE));
	show("register", call(&area, sizeof(area), 0, SIGNATURE));
	show("again", call(&area, sizeof(area), 0, SIGNATURE));
	show("another", call(&other, sizeof(other), 0, SIGNATURE));
	show("another signature", call(&area, sizeof(area), 0, 1));
	getppid();
	check(area.cpu_id == area.cpu_id_start && area.cpu_id < 4096, "the CPU's number is there");
	interrupt_soon();
	check(spin() == 1 && alarms <= 1, "a sequence that is interrupted goes on at its abort");
	check(area.rseq_cs == 0, "and is no longer named");
	show_status("a handler without the signature", in_child(wrong_signature));
	show("unregister, wrong signature", call(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, 1));
	show("unregister", call(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE));
	check((int)area.cpu_id == RSEQ_CPU_ID_UNINITIALIZED, "no CPU afterwards");
	return tap_end();
}
