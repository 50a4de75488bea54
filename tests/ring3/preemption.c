// SPDX-License-Identifier: MIT
//
// Processes that never give way all get their turn, and each keeps its registers: the general
// ones, the SSE registers and their control word.
#include <sys/mman.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define WORKERS 6

static volatile int *turns; // shared: turns[i] counts worker i's rounds

// Fills the sixteen SSE registers and six others with a worker's own pattern, spins, compares.
static int registers_kept(unsigned long pattern)
{
	unsigned long different = 0, rounds = 5000000;

	__asm__ volatile("movq %[pattern], %%xmm0\n\t"
			 "punpcklqdq %%xmm0, %%xmm0\n\t"
			 "movdqa %%xmm0, %%xmm7\n\t"
			 "movdqa %%xmm0, %%xmm15\n\t"
			 "mov %[pattern], %%rbx\n\t"
			 "mov %[pattern], %%r12\n\t"
			 "mov %[pattern], %%r13\n\t"
			 "mov %[pattern], %%r14\n\t"
			 "1: dec %[rounds]\n\t"
			 "jnz 1b\n\t"
			 "movq %%xmm15, %%rax\n\t"
			 "xor %[pattern], %%rax\n\t"
			 "or %%rax, %[different]\n\t"
			 "pcmpeqb %%xmm0, %%xmm7\n\t"
			 "pmovmskb %%xmm7, %%eax\n\t"
			 "xor $0xffff, %%eax\n\t"
			 "or %%rax, %[different]\n\t"
			 "xor %[pattern], %%rbx\n\t"
			 "or %%rbx, %[different]\n\t"
			 "xor %[pattern], %%r12\n\t"
			 "or %%r12, %[different]\n\t"
			 "xor %[pattern], %%r13\n\t"
			 "or %%r13, %[different]\n\t"
			 "xor %[pattern], %%r14\n\t"
			 "or %%r14, %[different]"
			 : [different] "+r"(different), [rounds] "+r"(rounds)
			 : [pattern] "r"(pattern)
			 : "rax", "rbx", "r12", "r13", "r14", "xmm0", "xmm7", "xmm15", "cc");
	return different == 0;
}

static int worker(int number)
{
	unsigned int control = 0x1f80 | (unsigned int)(number % 4) << 13, now; // rounding mode
	int kept = 1;

	__asm__ volatile("ldmxcsr %0" : : "m"(control));
	for (int round = 0; round < 5; round++) {
		kept &= registers_kept(0x0101010101010101ul * (unsigned long)(number + 1));
		turns[number]++;
	}
	__asm__ volatile("stmxcsr %0" : "=m"(now));
	return kept && (now & ~0x3fu) == control ? 0 : 1;
}

// Ends when every other one has had a turn, without ever giving way itself.
static int greedy(int number)
{
	time_t start = time(NULL);

	for (;;) {
		int waiting = 0;

		turns[number]++;
		for (int i = 0; i < WORKERS; i++)
			waiting += turns[i] == 0;
		if (!waiting)
			return 0;
		if (time(NULL) > start + 30)
			return 1;
	}
}

static void all(int (*work)(int), const char *name)
{
	int status, failed = 0;

	for (int i = 0; i < WORKERS; i++)
		turns[i] = 0;
	for (int i = 0; i < WORKERS; i++)
		if (fork() == 0)
			_exit(work(i));
	while (wait(&status) > 0)
		failed += status != 0;
	check(failed == 0, name);
}

int main(void)
{
	turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!check((void *)turns != MAP_FAILED, "shared memory"))
		return tap_end();
	all(greedy, "processes that do not give way take turns");
	all(worker, "registers are kept over the turns");
	return tap_end();
}
