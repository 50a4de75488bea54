// SPDX-License-Identifier: MIT
//
// N2.18: memory lost to page tables, in both ways that the notes name: too many processes, and one
// process that uses too many addresses. Each goes on until there is no memory left.
#include "user/experiment/actor.h"
#include "user/experiment/experiment.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define REACH    (2 * MIB) // of a lowest table: a page in each takes a table each
#define PAGES    64ul      // of the process that has many children
#define STEP     256ul     // pages read at a time by the one with many addresses
#define RESERVED (1ul << 40)

struct state {
	struct figures figures; // of the actor
	unsigned long free, tables, anonymous;
};
static struct state first, last;
static unsigned long total, steps;

static char *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

// ---- what the actors do ----
static int until_the_end[2]; // a pipe that nobody writes to

// A child that waits until its parent is gone.
static _Noreturn void wait_for_the_end(void)
{
	char byte;

	close(until_the_end[1]);
	_exit(read(until_the_end[0], &byte, 1) < 0);
}

// The first step gets ready, each later one makes one process more.
static long one_process_more(long number)
{
	char *memory;
	pid_t child;

	if (number == 0) {
		memory = map(PAGES * REACH);
		for (unsigned long page = 0; memory != MAP_FAILED && page < PAGES; page++)
			memory[page * REACH] = 1;
		return memory == MAP_FAILED || pipe(until_the_end) < 0 ? -errno : 0;
	}
	child = fork();
	if (child == 0)
		wait_for_the_end();
	return child < 0 ? -errno : 0;
}

// Reads, and reading takes no frame: where nobody has written, all pages are the one of zeros.
static long more_addresses(long number)
{
	static char *memory;

	if (number == 0)
		memory = map(RESERVED);
	if (memory == MAP_FAILED)
		return -errno;
	for (unsigned long page = 0; page < STEP; page++)
		(void)*(volatile char *)(memory + ((unsigned long)number * STEP + page) * REACH);
	return 0;
}

// ---- what is seen of it ----
static void sample(const char *part, unsigned long step, int pid)
{
	struct state now;

	if (!figures_read(pid, &now.figures) || !meminfo("MemFree", &now.free) ||
	    !meminfo("PageTables", &now.tables) || !meminfo("AnonPages", &now.anonymous))
		return; // nothing is left to be told in; what was seen before stays
	last = now;
	if (step == 0)
		first = now;
	csv("%s,%lu,%lu,%lu,%lu,%lu,%lu,%lu", part, step, now.free, now.tables, now.anonymous,
	    total - now.free - now.tables - now.anonymous, kib(now.figures.resident),
	    now.figures.tables / 1024);
}

static void row(unsigned long step)
{
	show("%6lu  %8lu  %8lu  %10lu  %8lu  %s", step, kib(last.figures.resident),
	     last.figures.tables / 1024, last.tables, last.free, bar(last.tables, 2048));
}

static long use_up(const char *part, long (*step)(long number), unsigned long shown, int *status)
{
	struct course course = {part, step, sample, row, shown};

	show("  step   its RSS  its VmPTE  all tables      free  (KiB; # is 2 MiB of tables)");
	return actor_run_until_stopped(&course, &steps, status);
}

// Whether most of the memory that went is in tables now.
static bool lost_to_tables(void)
{
	unsigned long gone = first.free - last.free, tables = last.tables - first.tables;

	return check(gone > first.free / 2 && tables > gone * 3 / 4,
		     "of %lu KiB that went, %lu KiB are page tables", gone, tables);
}

static void all_is_back(const char *who, unsigned long free_before)
{
	unsigned long free = 0;
	bool back = free_again(free_before, &free);

	check(back, "%s ended, %lu KiB are free again", who, free);
}

static void too_many_processes(unsigned long free_before)
{
	int status;
	long result;

	say("A process with %lu pages, each of which needs a table of its own, makes children "
	    "that "
	    "share all pages with it and do nothing:",
	    PAGES);
	result = use_up("processes", one_process_more, 32, &status);
	if (result < 0)
		check(result == -ENOMEM || result == -EAGAIN, "after %lu of them fork says: %s",
		      steps - 1, strerror((int)-result));
	else
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "after %lu of them their parent is ended by signal %d", steps - 1,
		      WTERMSIG(status));
	lost_to_tables();
	all_is_back("the processes have", free_before);
}

static void too_many_addresses(unsigned long free_before)
{
	char line[256] = "";
	int status;

	say("A process reads one page in each 2 MiB, %lu at a time. Reading takes no memory:",
	    STEP);
	use_up("addresses", more_addresses, 8, &status);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "with no frame left for the next table it was ended by signal %d", WTERMSIG(status));
	check(last.figures.resident == first.figures.resident,
	      "its RSS was still %lu KiB, its tables %lu KiB", kib(last.figures.resident),
	      last.figures.tables / 1024);
	lost_to_tables();
	check(log_find("memory is used up", line, sizeof(line)),
	      "the kernel's log says where it went:");
	show("%s", line);
	all_is_back("it has", free_before);
}

static void run(void)
{
	unsigned long free = 0;
	char line[128] = "";

	csv("part,step,free_kib,tables_kib,anonymous_kib,other_kib,rss_kib,vmpte_kib");
	meminfo("MemTotal", &total);
	meminfo("MemFree", &free);
	too_many_processes(free);
	too_many_addresses(free);
	check(audit_line(line, sizeof(line)) && strstr(line, " 0 wrong"),
	      "the kernel goes on; all of memory recounted: %s", line);
}

const struct station experiment_table_limit = {
	.id = "table-limit",
	.title = "Memory lost to page tables",
	.claim = "memory can run out although no process uses much: with too many processes, or "
		 "with too much virtual memory in one, page tables take it.",
	.look_for = "the tables' share of what is gone, and how small RSS stays meanwhile.",
	.run = run,
	.seen = "page tables are memory that belongs to no process's RSS; it is in VmPTE and in "
		"PageTables of /proc/meminfo, and it comes back when the processes end.",
	.code = "mm/page_share.c (fork makes tables of its own for the child), mm/page_table.c: "
		"table_alloc(), kernel/machine/fault.c: page_fault_failed() (the end, and the "
		"report).",
};
