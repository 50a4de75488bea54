// SPDX-License-Identifier: MIT
//
// N1.1: ring 0 may do everything, ring 3 may not. Children of the tour try; each attempt ends its
// child, and nothing else.
#include "lib/trace_record.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// The address that the kernel has for a variable of this program.
static volatile long variable = 42;
static volatile long *kernels_address;

static void try_cli(void)
{
	__asm__ volatile("cli");
}

static void try_cr3(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(0ul));
}

static void try_port(void)
{
	__asm__ volatile("outb %%al, $0x64" : : "a"(0xfe)); // would reset the machine
}

static void try_halt(void)
{
	__asm__ volatile("hlt");
}

static void try_read(void)
{
	(void)*kernels_address;
}

static void try_write(void)
{
	*kernels_address = 0;
}

static void try_jump(void)
{
	__asm__ volatile("jmp *%0" : : "r"(kernels_address));
}

static const struct attempt {
	const char *action;
	void (*make)(void);
} attempts[] = {
	{"cli: keep interrupts away, and so every other program", try_cli},
	{"mov %rax, %cr3: put another page table in place", try_cr3},
	{"out %al, $0x64: tell the keyboard controller to reset the machine", try_port},
	{"hlt: stop the processor", try_halt},
	{"read an address of the kernel", try_read},
	{"write to an address of the kernel", try_write},
	{"jump to an address of the kernel", try_jump},
};

static int make_attempt(void *context)
{
	const struct attempt *attempt = context;

	attempt->make();
	return 0;
}

// The kernel logs one line about each process that a fault ends: "name[pid]: ...".
static bool show_diagnosis(int pid)
{
	char part[16], line[400];

	snprintf(part, sizeof(part), "[%d]: ", pid);
	if (!log_find(part, line, sizeof(line)))
		return false;
	show("kernel: %s", line);
	return true;
}

static void attempt(const struct attempt *attempt)
{
	const struct trace_record *signal;
	struct watch seen;
	size_t at = 0;
	int status, pid;
	bool diagnosed;

	printf("\n  A child of this program tries: %s\n", attempt->action);
	watch();
	status = in_child(make_attempt, (void *)attempt, &pid);
	seen = watched();
	signal = next_record(seen, &at, TRACE_SIGNAL, pid);
	if (signal)
		show_record(signal);
	diagnosed = show_diagnosis(pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && signal &&
		      signal->a == (uint64_t)WTERMSIG(status) && diagnosed,
	      "process %d was ended by signal %d, with a diagnosis", pid, WTERMSIG(status));
}

// One frame under two addresses: ring 3 reaches it through one of them only.
static void find_address(void)
{
	struct walk walk;

	if (!walk_address((const void *)&variable, &walk))
		return;
	kernels_address = (volatile long *)(DIRECT_MAP + walk.frame * page_size() +
					    (uintptr_t)&variable % page_size());
	say("The kernel's address in what follows is %p: through it the kernel sees a variable of "
	    "this program, which lies in frame %#lx.",
	    (void *)kernels_address, walk.frame);
}

// The kernel may reach it through a larger page, so the entry's own words are not shown.
static void show_entry(const char *whose, const void *address, const struct walk *walk)
{
	show("%-15s %18p  frame %#lx  %s  %s", whose, address, walk->frame,
	     walk->writable ? "writable" : "read-only", walk->user ? "user" : "kernel");
}

static void same_frame(void)
{
	struct walk ours, kernels;

	say("It was there all the time. What the page table has for the variable's address and "
	    "for "
	    "the kernel's:");
	if (!walk_address((const void *)&variable, &ours) ||
	    !walk_address((const void *)kernels_address, &kernels))
		return;
	show_entry("this program's", (const void *)&variable, &ours);
	show_entry("the kernel's", (const void *)kernels_address, &kernels);
	check(kernels.present && kernels.frame == ours.frame && ours.user && !kernels.user,
	      "both lead to frame %#lx; one entry says user, the other kernel", kernels.frame);
	check(variable == 42, "nobody has changed the variable: %ld", variable);
}

static void run(void)
{
	pid_t parent = getpid();

	find_address();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		attempt(&attempts[i]);
	printf("\n");
	same_frame();
	say("The one way in is the instruction syscall, which jumps where the kernel wants.");
	check(getpid() == parent, "process %d asked for its number that way, and got it", parent);
}

const struct station station_rings = {
	.id = "N1.1",
	.title = "Ring 0 and ring 3",
	.claim = "in ring 0 the processor runs the operating system and may do anything; in "
		 "ring 3 it runs programs, and refuses them the machine and the kernel's memory.",
	.look_for = "what ends each attempt, and that only the child that tried is gone.",
	.run = run,
	.seen = "every attempt ended in a signal for the process that made it and in one line "
		"from the kernel; the kernel and this program went on.",
	.code = "kernel/machine/fault.c and kernel/machine/trap.c (who is refused), "
		"kernel/machine/privileged.c (the instruction's name), "
		"kernel/process/signal_deliver.c (the line in the log).",
};
