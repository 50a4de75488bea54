// SPDX-License-Identifier: MIT
//
// A program's registers across everything that interrupts it: system calls keep all but rax, rcx
// and r11, page faults and the timer keep all, and no flag or vector register of one program ever
// shows up in another.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

// rbx rcx rdx rsi rdi rbp r8-r15, in this order; rax carries the argument.
#define REGISTERS 14
#define DIRECTION 0x400ul

struct state {
	uint64_t in[REGISTERS];
	uint64_t out[REGISTERS];
	uint64_t rax, flags;
};

// Loads every register from state->in, executes INSTRUCTION with rax set, and stores them all.
// The state's address waits on the stack meanwhile.
#define AROUND(name, instruction)                                                                \
	__attribute__((noinline)) static void name(struct state *state, uint64_t rax)            \
	{                                                                                        \
		__asm__ volatile("pushq %%rbp; pushq %%rbx; pushq %%rdi\n\t"                     \
				 "movq %%rsi, %%rax\n\t"                                         \
				 "movq 0(%%rdi), %%rbx; movq 8(%%rdi), %%rcx\n\t"                \
				 "movq 16(%%rdi), %%rdx; movq 24(%%rdi), %%rsi\n\t"              \
				 "movq 40(%%rdi), %%rbp; movq 48(%%rdi), %%r8\n\t"               \
				 "movq 56(%%rdi), %%r9; movq 64(%%rdi), %%r10\n\t"               \
				 "movq 72(%%rdi), %%r11; movq 80(%%rdi), %%r12\n\t"              \
				 "movq 88(%%rdi), %%r13; movq 96(%%rdi), %%r14\n\t"              \
				 "movq 104(%%rdi), %%r15; movq 32(%%rdi), %%rdi\n\t" instruction \
				 "\n\t"                                                          \
				 "pushfq; pushq %%rdi; movq 16(%%rsp), %%rdi\n\t"                \
				 "movq %%rbx, 112(%%rdi); movq %%rcx, 120(%%rdi)\n\t"            \
				 "movq %%rdx, 128(%%rdi); movq %%rsi, 136(%%rdi)\n\t"            \
				 "movq %%rbp, 152(%%rdi); movq %%r8, 160(%%rdi)\n\t"             \
				 "movq %%r9, 168(%%rdi); movq %%r10, 176(%%rdi)\n\t"             \
				 "movq %%r11, 184(%%rdi); movq %%r12, 192(%%rdi)\n\t"            \
				 "movq %%r13, 200(%%rdi); movq %%r14, 208(%%rdi)\n\t"            \
				 "movq %%r15, 216(%%rdi); movq %%rax, 224(%%rdi)\n\t"            \
				 "popq %%rcx; movq %%rcx, 144(%%rdi)\n\t"                        \
				 "popq %%rcx; movq %%rcx, 232(%%rdi)\n\t"                        \
				 "cld; popq %%rdi; popq %%rbx; popq %%rbp"                       \
				 : "+D"(state), "+S"(rax)                                        \
				 :                                                               \
				 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",  \
				   "r14", "r15", "memory", "cc");                                \
	}

AROUND(around_syscall, "syscall")
AROUND(around_syscall_backwards, "std; syscall")
AROUND(around_write, "movb $1, (%%rax)")
AROUND(around_write_backwards, "std; movb $1, (%%rax)")
// Long enough for the timer to come several times. Only flags change.
AROUND(around_spin, "1: dec %%rax; jnz 1b")

#define RCX 1
#define R11 9

static void fill(struct state *state)
{
	for (unsigned i = 0; i < REGISTERS; i++)
		state->in[i] = 0x1111111111111111ul * (i + 1) ^ (uint64_t)i << 40;
}

static bool kept(const struct state *state, bool by_syscall)
{
	bool same = true;

	for (unsigned i = 0; i < REGISTERS; i++)
		if (!(by_syscall && (i == RCX || i == R11)))
			same &= state->in[i] == state->out[i];
	return same;
}

static void test_syscalls(void)
{
	struct state state;

	fill(&state);
	around_syscall(&state, SYS_getppid);
	check(kept(&state, true), "a system call keeps all but rax, rcx and r11");
	check(state.rax == (uint64_t)getppid(), "its result is in rax");
	fill(&state);
	around_syscall(&state, 100000);
	check(kept(&state, true) && (long)state.rax == -ENOSYS, "so does one that does not exist");
	fill(&state);
	around_syscall_backwards(&state, SYS_getppid);
	check(kept(&state, true) && (state.flags & DIRECTION), "and the direction flag is kept");
	fill(&state);
	around_syscall(&state, SYS_sched_yield);
	check(kept(&state, true), "and one that changes tasks keeps the registers");
	fill(&state);
	around_syscall(&state, SYS_fork);
	check(kept(&state, true), "fork keeps them");
	if (state.rax == 0)
		_exit(kept(&state, true) ? 0 : 1);
	int status;
	waitpid((pid_t)state.rax, &status, 0);
	check(status == 0, "and the child has them too");
}

static void test_faults(void)
{
	struct state state;
	char *pages =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fill(&state);
	around_write(&state, (uintptr_t)pages);
	check(kept(&state, false) && pages[0] == 1, "a page fault keeps every register");
	fill(&state);
	around_write_backwards(&state, (uintptr_t)pages + PAGE);
	check(kept(&state, false) && (state.flags & DIRECTION) && pages[PAGE] == 1 &&
		      pages[PAGE - 1] == 0 && pages[PAGE + 1] == 0,
	      "and the direction flag, which does not bother the kernel");
}

static void test_timer(void)
{
	struct state state;

	fill(&state);
	around_spin(&state, 100000000);
	check(kept(&state, false), "so does the timer");
}

// A sibling fills its vector registers with other values all the while.
static void test_vector_registers(void)
{
	volatile double values[8], sum = 0;
	pid_t child = fork();

	for (unsigned i = 0; i < 8; i++)
		values[i] = child ? i : -1000.0 - i;
	for (unsigned round = 0; round < 5000000; round++)
		sum = sum * 0.5 + values[round % 8];
	if (child == 0)
		_exit(sum < -1000 ? 0 : 1);
	int status;
	waitpid(child, &status, 0);
	check(sum > 0 && sum < 14 && status == 0, "vector registers belong to one program");
}

static sigjmp_buf refused;

static void on_signal(int signal)
{
	siglongjmp(refused, signal);
}

static void test_flags(void)
{
	uint64_t flags;

	// IOPL and IF cannot be changed by POPF in ring 3: no error, no effect.
	__asm__ volatile("pushfq; orq $0x3000, (%%rsp); andq $~0x200, (%%rsp); popfq\n\t"
			 "pushfq; popq %0"
			 : "=r"(flags)
			 :
			 : "cc", "memory");
	check((flags & 0x3200) == 0x200, "ring 3 cannot turn interrupts off");
	signal(SIGSEGV, on_signal);
	if (sigsetjmp(refused, 1) == 0) {
		__asm__ volatile("cli");
		check(false, "cli is refused");
	} else {
		check(true, "cli is refused");
	}
}

int main(void)
{
	test_syscalls();
	test_faults();
	test_timer();
	test_vector_registers();
	test_flags();
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
