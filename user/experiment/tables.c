// SPDX-License-Identifier: MIT
//
// N2.15: bytes of page tables against bytes of memory, for layouts from dense to as sparse as it
// gets and for real processes, beside what one flat table would take.
#include "user/experiment/actor.h"
#include "user/experiment/experiment.h"
#include "user/lib/pagemap.h"
#include "user/lib/screen.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENTRY      sizeof(uint64_t)
#define KIB_FLAT   (1ul << (47 - 12 + 3 - 10)) // a flat table's size for all of 2^47 bytes
#define GIB        (1ul << 30)
#define FAR        (1ul << 44) // bytes: an address with nothing anywhere near
#define PIDS_SHOWN 64

// Pages at equal distances.
struct layout {
	const char *name;
	size_t distance; // from page to page, in bytes
	unsigned long pages;
};
static const struct layout layouts[] = {
	{"dense", 4096, 16384},
	{"one page in 2 MiB", 2 * MIB, 4096},
	{"one page in 1 GiB", GIB, 2048},
	{"one page in 512 GiB", 512 * GIB, 64},
};
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const struct layout *layout;

// ---- what the child does ----
// Tables on the way to a page that were not needed for the page before. FAR starts one of each.
static long tables_for(unsigned long page)
{
	uintptr_t address = page * layout->distance, before = (page - 1) * layout->distance;
	long tables = 0;

	for (unsigned bits = 21; bits <= 39; bits += 9)
		tables += page == 0 || address >> bits != before >> bits;
	return tables;
}

// Touches pages until `count` are touched: how many tables that takes.
static long touch_up_to(long count)
{
	static unsigned long page;
	long tables = 0;

	if (page == 0 &&
	    mmap((void *)FAR, layout->pages * layout->distance, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -1;
	for (; page < (unsigned long)count; page++) {
		tables += tables_for(page);
		*(volatile char *)(FAR + page * layout->distance) = 1;
	}
	return tables;
}

// ---- what the parent sees ----
// A flat table has an entry for each page from the first to the last, used or not.
static unsigned long flat_kib(unsigned long pages)
{
	return (pages * layout->distance / page_size() * ENTRY + 1023) / 1024;
}

static void sample(unsigned long pages, unsigned long tables)
{
	csv("layout,%s,%lu,%lu,%lu,%lu,%lu", layout->name, pages, kib(pages),
	    kib(pages * layout->distance / page_size()), tables / 1024, flat_kib(pages));
}

static bool measure(const struct actor *actor, struct figures *now)
{
	struct figures start;
	long more, tables = 0;
	bool exact = figures_read(actor->pid, &start);

	for (unsigned long pages = 1; pages <= layout->pages; pages *= 2) {
		if (!actor_step(actor, (long)pages, &more) || more < 0 ||
		    !figures_read(actor->pid, now))
			return false;
		tables += more;
		now->tables -= start.tables;
		now->resident -= start.resident;
		exact &= now->tables == (unsigned long)tables * page_size() &&
			 now->resident == pages;
		sample(pages, now->tables);
	}
	return exact;
}

static void try_layout(void)
{
	struct figures now = {0};
	struct actor actor;
	bool exact;

	actor_start(&actor, touch_up_to);
	exact = measure(&actor, &now);
	show("%-20s %10lu  %12lu  %10lu  %14lu", layout->name, kib(now.resident),
	     kib(layout->pages * layout->distance / page_size()), now.tables / 1024,
	     flat_kib(layout->pages));
	check(exact && actor_end(&actor) == 0,
	      "at each power of two VmPTE was the %lu tables that these addresses need",
	      now.tables / page_size());
}

// ---- real processes ----
// A program that waits for somebody to write to it. *input: by closing this it ends.
static int start_program(const char *path, int *input)
{
	char *const words[] = {(char *)path, NULL};
	int ends[2], child;

	if (access(path, X_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	child = child_start();
	if (child == 0) {
		dup2(ends[0], STDIN_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execv(path, words);
		_exit(127);
	}
	close(ends[0]);
	*input = ends[1];
	return child;
}

// Until it is another program, and has no more to do than wait: its figures stay what they are.
static void wait_until_idle(int pid)
{
	struct figures mine, was = {0}, now;

	figures_read(0, &mine);
	while (figures_read(pid, &now) &&
	       (now.minor != was.minor || strcmp(now.name, mine.name) == 0)) {
		was = now;
		usleep(20000);
	}
}

static void show_process(int pid, bool *exact)
{
	struct figures figures;
	unsigned long counted;

	if (!figures_read(pid, &figures) || figures.size == 0)
		return;
	counted = pagemap_tables(pid);
	*exact &= counted == figures.tables;
	show("%-20s %10lu  %12lu  %10lu  %14lu", figures.name, kib(figures.resident),
	     kib(figures.size), figures.tables / 1024, KIB_FLAT);
	csv("process,%s,%lu,%lu,%lu,%lu,%lu", figures.name, figures.resident,
	    kib(figures.resident), kib(figures.size), figures.tables / 1024, KIB_FLAT);
}

static void real_processes(void)
{
	static const char *const programs[] = {"/bin/prompt", "/bin/sh"};
	int pid[2], input[2], status;
	bool exact = true;

	say("Real processes; a flat table would have to reach over all of their 2^47 bytes:");
	show("%-20s %10s  %12s  %10s  %14s", "program", "RSS", "VSZ", "VmPTE", "flat table (KiB)");
	for (int i = 0; i < 2; i++) {
		pid[i] = start_program(programs[i], &input[i]);
		if (pid[i])
			wait_until_idle(pid[i]);
	}
	for (int process = 1; process < PIDS_SHOWN; process++)
		show_process(process, &exact);
	check(exact, "each VmPTE is that of the tables on the way to the process's pages");
	for (int i = 0; i < 2; i++)
		if (pid[i]) {
			close(input[i]);
			waitpid(pid[i], &status, 0);
		}
}

static void run(void)
{
	csv("part,name,pages,mapped_kib,span_kib,tables_kib,flat_kib");
	say("Pages touched at equal distances, far from all others:");
	show("%-20s %10s  %12s  %10s  %14s", "layout", "memory", "addresses", "VmPTE",
	     "flat table (KiB)");
	for (layout = layouts; layout < layouts + LAYOUTS; layout++)
		try_layout();
	real_processes();
}

const struct station experiment_tables = {
	.id = "tables",
	.title = "What page tables take, as trees and flat",
	.claim = "a hierarchical page table saves memory: what would describe unused addresses is "
		 "not there.",
	.look_for = "VmPTE against memory: 8 bytes for each page when pages lie side by side, up "
		    "to three tables of 4 KiB for each when they lie apart; the flat table grows "
		    "with addresses instead.",
	.run = run,
	.seen = "a tree's size follows the pages in use, between 8 bytes and 12 KiB for each; for "
		"every real process it is a few KiB, where a flat table would be 256 GiB.",
	.code = "mm/page_table.c: page_slot_make() and table_alloc() (mm->tables is VmPTE).",
};
