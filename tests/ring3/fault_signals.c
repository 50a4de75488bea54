// SPDX-License-Identifier: MIT
//
// What ends a program, by the kind of its mistake: the signal, and with a handler that takes the
// details, the address and reason the kernel gives.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

static char *unmapped, *read_only, *none;
static const char constant[PAGE] __attribute__((aligned(PAGE))) = "constant";

// A variable, so that the compiler does not know what will happen and makes something of it.
static char *volatile null;

static int null_read(void)
{
	return null[8];
}

static int null_call(void)
{
	((void (*)(void))null)();
	return 0;
}

static int unmapped_write(void)
{
	*(volatile char *)unmapped = 1;
	return 0;
}

static int read_only_write(void)
{
	*(volatile char *)read_only = 1;
	return 0;
}

static int none_read(void)
{
	return *(volatile char *)none;
}

static int constant_write(void)
{
	*(volatile char *)constant = 1;
	return 0;
}

static int text_write(void)
{
	*(volatile char *)text_write = 1;
	return 0;
}

static int kernel_read(void)
{
	return *(volatile char *)0xffffffff80100000;
}

static int kernel_write(void)
{
	*(volatile char *)0xffff888000000000 = 1;
	return 0;
}

static int kernel_call(void)
{
	((void (*)(void))0xffffffff80100000)();
	return 0;
}

static int non_canonical_read(void)
{
	return *(volatile char *)0x800000000000;
}

static int stack_call(void)
{
	char code[16] = {(char)0xc3};

	((void (*)(void))code)();
	return 0;
}

static int divide_by_zero(void)
{
	__asm__ volatile("xor %%ecx, %%ecx\n\tdivl %%ecx" : : "a"(1), "d"(0) : "ecx");
	return 0;
}

static int undefined_instruction(void)
{
	__asm__ volatile("ud2");
	return 0;
}

static int breakpoint(void)
{
	__asm__ volatile("int3");
	return 0;
}

static int interrupts_off(void)
{
	__asm__ volatile("cli");
	return 0;
}

static int halt(void)
{
	__asm__ volatile("hlt");
	return 0;
}

static int port_output(void)
{
	__asm__ volatile("outb %%al, $0x80" : : "a"(0));
	return 0;
}

static int page_table_change(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(0ul));
	return 0;
}

static int model_specific_read(void)
{
	__asm__ volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx");
	return 0;
}

static int timer_vector(void)
{
	__asm__ volatile("int $32");
	return 0;
}

static int double_fault_vector(void)
{
	__asm__ volatile("int $8");
	return 0;
}

static int stack_pointer_lost(void)
{
	__asm__ volatile("mov $16, %%rsp\n\tpush %%rax" : : : "memory");
	return 0;
}

static int abort_itself(void)
{
	abort();
}

static const struct mistake {
	const char *name;
	int (*make)(void);
} mistakes[] = {
	{"reading through a null pointer", null_read},
	{"calling a null pointer", null_call},
	{"writing where nothing is mapped", unmapped_write},
	{"writing to read-only memory", read_only_write},
	{"reading PROT_NONE", none_read},
	{"writing to a constant", constant_write},
	{"writing to text", text_write},
	{"reading the kernel", kernel_read},
	{"writing to the kernel", kernel_write},
	{"calling the kernel", kernel_call},
	{"reading a non-canonical address", non_canonical_read},
	{"running code on the stack", stack_call},
	{"dividing by zero", divide_by_zero},
	{"ud2", undefined_instruction},
	{"int3", breakpoint},
	{"cli", interrupts_off},
	{"hlt", halt},
	{"out", port_output},
	{"mov to cr3", page_table_change},
	{"rdmsr", model_specific_read},
	{"int 32", timer_vector},
	{"int 8", double_fault_vector},
	{"pushing onto no stack", stack_pointer_lost},
	{"abort", abort_itself},
};

static sigjmp_buf back;
static siginfo_t seen;

static void handler(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)context;
	seen = *information;
	siglongjmp(back, 1);
}

// The same with a handler: where and why. `base` makes the address printable.
static void details(const char *name, int (*make)(void), const char *base)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	for (int signal = 1; signal < 20; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			sigaction(signal, &action, NULL);
	if (sigsetjmp(back, 1) == 0)
		make();
	printf("# %s: signal %d code %d address %+ld\n", name, seen.si_signo, seen.si_code,
	       (long)((char *)seen.si_addr - base));
	fflush(stdout);
}

int main(void)
{
	char *area = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	read_only = area;
	none = area + PAGE;
	unmapped = area + 2 * PAGE;
	mprotect(none, PAGE, PROT_NONE);
	munmap(unmapped, PAGE);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		show_status(mistakes[i].name, in_child(mistakes[i].make));
	check(true, "the parent goes on");
	details("null", null_read, NULL);
	details("unmapped", unmapped_write, unmapped);
	details("read only", read_only_write, read_only);
	details("none", none_read, none);
	details("non-canonical", non_canonical_read, NULL);
	details("kernel", kernel_read, NULL);
	details("ud2", undefined_instruction, (char *)undefined_instruction);
	return tap_end();
}
