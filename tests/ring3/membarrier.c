// SPDX-License-Identifier: MIT
//
// membarrier: what it says to every command, who has to register first, that children have what
// their parent registered and programs begin without; that it aborts restartable sequences. That
// it orders is left out: threads that go without it are in order nearly always, too.
// run: --cpus 2
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define GET_REGISTRATIONS 512 // since Linux 6.3

static long membarrier(int command, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, command, flags, cpu);
}

static void show_command(const char *when, int command, unsigned flags, int cpu)
{
	char name[80];

	snprintf(name, sizeof(name), "%s: %d, flags %u", when, command, flags);
	show(name, membarrier(command, flags, cpu));
}

static void show_all(const char *when, unsigned flags)
{
	show_command(when, 0, flags, 0);
	for (int command = 1; command <= 1024; command *= 2)
		show_command(when, command, flags, 0);
	show_command(when, 3, flags, 0);
	show_command(when, -1, flags, 0);
}

// ---- restartable sequences ----
#define SIGNATURE 0x53053053u // any number; it stands before the abort handler

static volatile int in_section;

// Stays in a section until it is aborted.
static void *sleepless(void *unused)
{
	static struct rseq area;

	if (syscall(SYS_rseq, &area, sizeof(area), 0, SIGNATURE))
		perror("rseq");
	__asm__ volatile(".pushsection __rseq_cs, \"aw\"\n"
			 ".balign 32\n"
			 "3: .long 0, 0\n"
			 ".quad 1f, 2f - 1f, 4f\n"
			 ".popsection\n"
			 "leaq 3b(%%rip), %%rax\n"
			 "movq %%rax, %0\n"
			 "1: movl $1, %1\n"
			 "5: pause\n"
			 "jmp 5b\n"
			 "2:\n"
			 ".pushsection __rseq_failure, \"ax\"\n"
			 ".long %c2\n"
			 "4: jmp 6f\n"
			 ".popsection\n"
			 "6:\n"
			 : "=m"(area.rseq_cs), "=m"(in_section)
			 : "i"(SIGNATURE)
			 : "rax", "memory");
	syscall(SYS_rseq, &area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE);
	return unused;
}

static void abort_section(unsigned flags, int cpu)
{
	pthread_t thread;

	in_section = 0;
	pthread_create(&thread, NULL, sleepless, NULL);
	while (!in_section)
		sched_yield();
	check(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, flags, cpu) == 0,
	      "sequences are aborted");
	pthread_join(thread, NULL);
}

static int child(void)
{
	show_command("in a child", GET_REGISTRATIONS, 0, 0);
	show_command("in a child", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	execl("/proc/self/exe", "membarrier", "again", NULL);
	return 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		show_command("after exec", GET_REGISTRATIONS, 0, 0);
		return 0;
	}
	show_all("unregistered, flags", 1);
	show_command("unregistered", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	show_command("unregistered", MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	show_command("unregistered", MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
	show_command("unregistered", GET_REGISTRATIONS, 0, 0);
	show_all("each in turn", 0);
	show_status("a child", in_child(child));
	abort_section(0, 0);
	show_command("on no CPU", MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU,
		     9999);
	show_command("on a CPU below 0", MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
		     MEMBARRIER_CMD_FLAG_CPU, -3);
	return tap_end();
}
