// SPDX-License-Identifier: MIT
//
// N2.6: the kinds of page fault. Each is brought about on purpose: once under the trace, which
// says how the kernel answered, and a few times without it, to see what the program paid.
#include "lib/memory_words.h"
#include "user/lib/kernel_files.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPEATS 4 // the first one traced, the others timed

static pid_t sharer; // a child that holds copies of all entries until it is let go
static int leash[2];

static void do_read(char *page)
{
	(void)*(volatile char *)page;
}

static void do_write(char *page)
{
	*(volatile char *)page = 1;
}

// ---- bringing a page into the state from which its fault comes ----

// The neighbour's touch makes the lower page table, which would otherwise be part of the cost.
static char *fresh(void)
{
	char *memory = reserve(4 * page_size());

	do_write(memory);
	return memory + 2 * page_size();
}

static char *read_before(void)
{
	char *page = fresh();

	do_read(page);
	return page;
}

static char *shared(void)
{
	char *page = fresh();
	char byte;

	do_write(page);
	if (pipe(leash) < 0)
		exit(2);
	sharer = fork();
	if (sharer == 0) {
		close(leash[1]);
		_exit(read(leash[0], &byte, 1) != 0);
	}
	settle(); // or the next write would also copy the stack's page
	return page;
}

static void let_go(void)
{
	if (sharer <= 0)
		return;
	close(leash[0]);
	close(leash[1]);
	waitpid(sharer, NULL, 0);
	sharer = 0;
}

static char *left_behind(void)
{
	char *page = shared();

	let_go();
	return page;
}

// The first page of a file, or MAP_FAILED.
static char *map_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	close(fd);
	return page;
}

static char *of_file(void)
{
	char *page = map_file("/proc/self/exe");

	if (page != MAP_FAILED)
		return page;
	perror("tour: mmap of /proc/self/exe");
	exit(2);
}

static char *below_stack(void)
{
	struct mapping stack;

	return maps_named("[stack]", &stack) ? (char *)(stack.start - page_size()) : NULL;
}

// ---- the faults that are answered ----

static const struct kind {
	const char *action;
	enum fault_result result;
	char *(*prepare)(void);
	void (*act)(char *page);
} kinds[] = {
	{"read of fresh memory", FAULT_ZERO_FRAME, fresh, do_read},
	{"write after such a read", FAULT_ZERO_REPLACED, read_before, do_write},
	{"write to fresh memory", FAULT_DEMAND_ZERO, fresh, do_write},
	{"write to a page shared by fork", FAULT_COPIED, shared, do_write},
	{"the same, the sharer being gone", FAULT_REUSED, left_behind, do_write},
	{"read of a mapped file", FAULT_FILE_MAPPED, of_file, do_read},
	{"write to a private mapped file", FAULT_FILE_COPIED, of_file, do_write},
	{"write just below the stack", FAULT_STACK_GROWN, below_stack, do_write},
};

// What the action costs more when it faults than when it does not.
static uint64_t timed(const struct kind *kind, char *page)
{
	uint64_t began = time_stamp(), faulted, again;

	kind->act(page);
	faulted = time_stamp() - began;
	began = time_stamp();
	kind->act(page);
	again = time_stamp() - began;
	return faulted > again ? faulted - again : 0;
}

static uint64_t cheapest(const struct kind *kind)
{
	uint64_t least = ~0ul;

	for (int i = 1; i < REPEATS; i++) {
		uint64_t cost = timed(kind, kind->prepare());

		if (cost && cost < least) // 0: without -icount, the clock was disturbed
			least = cost;
		let_go();
	}
	return least;
}

static unsigned long counted(enum fault_result result)
{
	char name[48];

	snprintf(name, sizeof(name), "fault_%s", fault_result_name(result));
	return counter(name);
}

static void answered(const struct kind *kind)
{
	unsigned long before = counted(kind->result);
	const struct trace_record *fault, *frame;
	char *page = kind->prepare();
	struct watch seen;
	uint64_t cost;

	watch();
	kind->act(page);
	seen = watched();
	let_go();
	fault = fault_record(seen, page);
	frame = frame_record(seen, page);
	cost = cheapest(kind);
	show("%-32s %-14s frame %#8lx %7lu", kind->action,
	     fault ? fault_result_name(fault->c) : "no fault", frame ? frame->d : 0, cost);
	if (!fault || fault->c != kind->result || counted(kind->result) - before < REPEATS)
		check(false, "that was to be %s, %d times", fault_result_name(kind->result),
		      REPEATS);
}

// ---- the one for which a file has to be read ----

// Whether the page at `path` was such a one: that is the case once in the machine's life.
static bool first_read(const char *path)
{
	char *page = map_file(path);
	const struct trace_record *fault;
	struct figures before, after;
	struct watch seen;

	if (page == MAP_FAILED)
		return false;
	figures_read(0, &before);
	watch();
	do_read(page);
	seen = watched();
	figures_read(0, &after);
	munmap(page, page_size());
	fault = fault_record(seen, page);
	if (!fault || fault->c != FAULT_FILE_READ)
		return false;
	say("Nobody had read %s before, so its page had to be brought into memory:", path);
	show_record(fault);
	check(after.major - before.major == 1 && after.minor == before.minor,
	      "such a fault counts as major: %lu more, and %lu minor", after.major - before.major,
	      after.minor - before.minor);
	return true;
}

static void read_from_file(void)
{
	static const char *const paths[] = {"/bin/audit", "/bin/faults", "/bin/frames",
					    "/bin/maps",  "/bin/trace",  "/bin/walk"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (first_read(paths[i]))
			return;
	say("Every file here has been read before, so no fault has to wait for one.");
}

// ---- and those that are not answered ----

static int write_there(void *address)
{
	do_write(address);
	return 0;
}

static void refused(const char *action, char *address, enum fault_result result)
{
	const struct trace_record *fault;
	char part[16], line[400];
	struct watch seen;
	int status, pid;

	watch();
	status = in_child(write_there, address, &pid);
	seen = watched();
	fault = fault_record(seen, address);
	say("%s, in a child:", action);
	if (fault)
		show_record(fault);
	snprintf(part, sizeof(part), "[%d]: ", pid);
	if (log_find(part, line, sizeof(line)))
		show("kernel: %s", line);
	check(fault && fault->c == result && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "%s: there is no page for that, but signal %d", fault_result_name(result),
	      WTERMSIG(status));
}

static void run(void)
{
	unsigned failed_before = checks_failed();
	char *hole = reserve(3 * page_size()) + page_size();

	say("Each of these was answered, and the program went on. Cost: %s from the access until "
	    "the program had its result, processor's entry and return included, the trace off.",
	    time_unit());
	show("%-32s %-14s %-14s %7s", "what the program did", "the answer", "with", "cost");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		answered(&kinds[i]);
	check(checks_failed() == failed_before, "every answer was the expected one, and counted");
	read_from_file();
	munmap(hole, page_size());
	refused("A write where nothing is mapped", hole, FAULT_NO_MAPPING);
	refused("A write to program text", (char *)(uintptr_t)run, FAULT_PROTECTION);
}

const struct station station_faults = {
	.id = "N2.6",
	.title = "The kinds of page fault",
	.claim = "when an address has no usable entry the processor enters the kernel's fault "
		 "handler, which either finds a page and lets the program repeat the instruction, "
		 "or ends it with SIGSEGV.",
	.look_for = "the kernel's word for each answer, and what each costs.",
	.run = run,
	.seen = "most faults are no errors: they are how pages arrive. Only an access that no "
		"mapping allows became a signal.",
	.code = "mm/fault.c: decide(), under its truth table; kernel/machine/fault.c (what "
		"becomes a signal).",
};
