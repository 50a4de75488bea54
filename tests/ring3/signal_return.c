// SPDX-License-Identifier: MIT
//
// What a handler may write into its frame and what rt_sigreturn makes of it: code and stack
// selectors, addresses at which no program can run, flags. IRET refuses some of it, which is the
// program's fault (SIGSEGV, the state in its frame being the refused one) and never the kernel's.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "tests/ring3/tap.h"

#define STRICT_SS 4 // UC_STRICT_RESTORE_SS
#define NESTED    0x4000ul
#define IDENTIFY  0x200000ul
#define ALIGNMENT 0x40000ul
#define CARRY     0x1ul

struct selectors {
	uint16_t cs, gs, fs, ss;
};

static struct wanted {
	uint64_t rip;
	uint16_t cs, ss;
	bool strict;
} wanted;

static volatile sig_atomic_t faults;
static struct selectors ordinary;
static uint64_t good_rip;
static unsigned long in_handler;

static struct selectors *selectors_of(ucontext_t *context)
{
	return (struct selectors *)&context->uc_mcontext.gregs[REG_CSGSFS];
}

static void spoil(int signal, siginfo_t *info, void *opaque)
{
	ucontext_t *context = opaque;
	struct selectors *selectors = selectors_of(context);

	(void)signal, (void)info;
	ordinary = *selectors;
	good_rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
	if (wanted.rip)
		context->uc_mcontext.gregs[REG_RIP] = (greg_t)wanted.rip;
	selectors->cs = wanted.cs;
	selectors->ss = wanted.ss;
	if (!wanted.strict)
		context->uc_flags &= ~(unsigned long)STRICT_SS;
}

static void mend(int signal, siginfo_t *info, void *opaque)
{
	ucontext_t *context = opaque;
	struct selectors *selectors = selectors_of(context);
	greg_t *registers = context->uc_mcontext.gregs;

	(void)signal;
	faults++;
	printf("# code %d, address %lx, trap %lld, error %llx\n", info->si_code,
	       (unsigned long)info->si_addr, registers[REG_TRAPNO], registers[REG_ERR]);
	printf("# rip %s, cs %x, ss %x\n",
	       (uint64_t)registers[REG_RIP] == (wanted.rip ? wanted.rip : good_rip) ? "as written"
										    : "another",
	       selectors->cs, selectors->ss);
	registers[REG_RIP] = (greg_t)good_rip;
	*selectors = ordinary;
}

static void returns_with(const char *name, struct wanted values, int expected)
{
	wanted = values;
	faults = 0;
	printf("# %s\n", name);
	raise(SIGUSR1);
	check(faults == expected, name);
}

static void handle(int signal, void (*function)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};

	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, NULL);
}

// The last page below the hole, the hole, and the kernel's half: 0 leaves rip as it is.
static void addresses(void)
{
	static const uint64_t list[] = {
		0x7ffffffff000,     0x7fffffffffff,     0x800000000000,
		0x8badf00d5aadc0de, 0x7fffffffffffffff, 0xffff7fffffffffff,
		0xffff800000000000, 0xffffffff80000000, 0xfffffffffffffff0};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		returns_with("where no program runs", (struct wanted){list[i], 0x33, 0x2b, true},
			     1);
}

static void selectors(void)
{
	returns_with("what was there", (struct wanted){0, 0x33, 0x2b, true}, 0);
	returns_with("without their privilege", (struct wanted){0, 0x30, 0x28, true}, 0);
	returns_with("no code", (struct wanted){0, 0, 0x2b, true}, 1);
	returns_with("data as code", (struct wanted){0, 0x2b, 0x2b, true}, 1);
	returns_with("the kernel's code", (struct wanted){0, 0x10, 0x2b, true}, 1);
	returns_with("code past the table", (struct wanted){0, 0xfff8, 0x2b, true}, 1);
	returns_with("code as a stack", (struct wanted){0, 0x33, 0x33, true}, 1);
	returns_with("no stack", (struct wanted){0, 0x33, 0, true}, 1);
	returns_with("no stack, mended", (struct wanted){0, 0x33, 0, false}, 0);
	returns_with("code as a stack, mended", (struct wanted){0, 0x33, 0x33, false}, 0);
	returns_with("both, and an address", (struct wanted){0x800000000000, 0x2b, 0x33, true}, 1);
}

static void look(int signal, siginfo_t *info, void *opaque)
{
	ucontext_t *context = opaque;

	(void)signal, (void)info;
	__asm__ volatile("pushfq; popq %0" : "=r"(in_handler));
	context->uc_mcontext.gregs[REG_EFL] ^= (greg_t)(CARRY | NESTED | IDENTIFY);
}

// The flags before and after a handler that ran on the way out of a system call.
static unsigned long around_handler(unsigned long set)
{
	unsigned long flags;
	long result = SYS_tgkill;

	__asm__ volatile("pushfq; orq %[set], (%%rsp); popfq; syscall; pushfq; popq %[flags]\n\t"
			 "pushfq; andq %[clear], (%%rsp); popfq"
			 : "+a"(result), [flags] "=&r"(flags)
			 : [set] "r"(set), [clear] "r"(~set), "D"(getpid()), "S"(getpid()),
			   "d"(SIGUSR2)
			 : "rcx", "r11", "memory", "cc");
	return flags;
}

static void flags(void)
{
	unsigned long after;

	handle(SIGUSR2, look, 0);
	after = around_handler(NESTED);
	check(in_handler & NESTED && after & NESTED, "NT is the program's, in the handler too");
	after = around_handler(IDENTIFY);
	check(in_handler & IDENTIFY && after & IDENTIFY, "so is ID");
	after = around_handler(NESTED | IDENTIFY | ALIGNMENT);
	check((after & (NESTED | IDENTIFY | ALIGNMENT)) == (NESTED | IDENTIFY | ALIGNMENT),
	      "and both, with AC");
	after = around_handler(0);
	check(!(after & (NESTED | IDENTIFY | ALIGNMENT)), "a frame does not set them");
}

static void own_selectors(void)
{
	uint16_t cs, ss;

	__asm__("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	check(cs == 0x33 && ss == 0x2b, "the selectors of a program of 64 bits");
}

// Whom nobody mends: the fault is as fatal as any other.
static int dies(int how)
{
	int status = -1;

	if (fork() == 0) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGSEGV);
		handle(SIGSEGV, mend, 0);
		if (how == 0)
			signal(SIGSEGV, SIG_DFL);
		else if (how == 1)
			signal(SIGSEGV, SIG_IGN);
		else
			sigprocmask(SIG_BLOCK, &set, NULL);
		wanted = (struct wanted){0x800000000000, 0x33, 0x2b, true};
		raise(SIGUSR1);
		_exit(3);
	}
	wait(&status);
	return status;
}

int main(void)
{
	own_selectors();
	handle(SIGUSR1, spoil, 0);
	handle(SIGSEGV, mend, 0);
	addresses();
	selectors();
	flags();
	show_status("SIGSEGV not handled", dies(0));
	show_status("SIGSEGV ignored", dies(1));
	show_status("SIGSEGV blocked", dies(2));
	return tap_end();
}
