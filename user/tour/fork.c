// SPDX-License-Identifier: MIT
//
// N2.11: fork and copy-on-write, on three pages that parent and child write in turn. The child
// does what it is told through one pipe and reports its own view of a page through another.
#include "lib/memory_words.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES  3
#define BEFORE 'A' // what the pages hold before fork
#define PARENT 'P' // and what each writes later
#define CHILD  'C'

static char *memory;
static pid_t child;
static int orders[2], reports[2]; // pipes

struct order {
	bool write;
	int page;
};

struct report {
	struct walk walk;
	char content;
};

static char *page_at(int page)
{
	return memory + page * (long)page_size();
}

static struct report look(int page)
{
	struct report report = {.content = *page_at(page)};

	walk_address(page_at(page), &report.walk);
	return report;
}

static _Noreturn void obey(void)
{
	struct report report;
	struct order order;

	close(orders[1]);
	settle();
	while (read(orders[0], &order, sizeof(order)) == sizeof(order)) {
		if (order.write)
			*(volatile char *)page_at(order.page) = CHILD;
		report = look(order.page);
		if (write(reports[1], &report, sizeof(report)) != sizeof(report))
			break;
	}
	_exit(0);
}

static struct report ask_child(int page, bool to_write)
{
	struct order order = {.write = to_write, .page = page};
	struct report report;

	memset(&report, 0, sizeof(report));
	if (write(orders[1], &order, sizeof(order)) < 0 ||
	    read(reports[0], &report, sizeof(report)) != sizeof(report))
		check(false, "the child answers");
	return report;
}

static void show_view(const char *who, int page, const struct report *report)
{
	show("page %d, %-7s frame %#lx, %-10s %lu reference%s, holds '%c'", page, who,
	     report->walk.frame, report->walk.writable ? "writable," : "read-only,",
	     report->walk.references, report->walk.references == 1 ? "" : "s", report->content);
}

struct views {
	struct report parent, child;
};

static struct views show_both(int page)
{
	struct views views = {look(page), ask_child(page, false)};

	show_view("parent:", page, &views.parent);
	show_view("child:", page, &views.child);
	return views;
}

// ---- fork itself ----

static unsigned long frames_before_fork_record(struct watch seen)
{
	unsigned long frames = 0;
	pid_t self = getpid();

	for (size_t i = 0; i < seen.count && seen.records[i].event != TRACE_FORK; i++)
		frames += seen.records[i].event == TRACE_FRAME_ALLOC &&
			  seen.records[i].task == self && seen.records[i].c == FRAME_ANON;
	return frames;
}

static void fork_child(void)
{
	const struct trace_record *record;
	struct watch seen;
	size_t at = 0;

	if (pipe(orders) < 0 || pipe(reports) < 0)
		exit(2);
	fflush(stdout);
	watch();
	child = fork();
	if (child == 0)
		obey();
	seen = watched();
	close(orders[0]);
	settle(); // the parent has its own copies of its other pages from here on
	record = next_record(seen, &at, TRACE_FORK, 0);
	if (!record)
		return;
	show_record(record);
	check(child > 0 && record->b >= PAGES && frames_before_fork_record(seen) == 0,
	      "fork shared %lu entries and copied %lu pages", record->b,
	      frames_before_fork_record(seen));
}

static void before_and_after_fork(void)
{
	unsigned long frame[PAGES];
	bool alone = true, shared = true;

	say("Before fork: %d pages, written by the parent.", PAGES);
	for (int page = 0; page < PAGES; page++) {
		struct report report;

		*page_at(page) = BEFORE;
		report = look(page);
		show_view("parent:", page, &report);
		frame[page] = report.walk.frame;
		alone &= report.walk.writable && report.walk.references == 1;
	}
	check(alone, "all are writable, and their frames have one owner");
	say("After fork:");
	fork_child();
	for (int page = 0; page < PAGES; page++) {
		struct views views = show_both(page);

		shared &= views.parent.walk.frame == frame[page] &&
			  views.child.walk.frame == frame[page] && !views.parent.walk.writable &&
			  !views.child.walk.writable && views.child.walk.references == 2;
	}
	check(shared, "both see the same frames, twice referenced, and neither may write");
}

// ---- the writes ----

// The fault that a write to `page` by `task` made, and how many frames it took.
static bool wrote(int page, pid_t task, enum fault_result wanted, long frames)
{
	unsigned long before = frames_of_kind("anonymous");
	const struct trace_record *fault;
	struct watch seen;
	long taken;

	watch();
	if (task == child)
		ask_child(page, true);
	else
		*(volatile char *)page_at(page) = PARENT;
	seen = watched();
	taken = (long)(frames_of_kind("anonymous") - before);
	fault = fault_record(seen, page_at(page));
	if (fault)
		show_record(fault);
	return check(fault && fault->task == task && fault->c == wanted && taken == frames,
		     "the answer to process %d was: %s; frames taken: %ld", task,
		     fault ? fault_result_name(fault->c) : "nothing", taken);
}

static void child_writes_first(void)
{
	unsigned long frame = look(0).walk.frame;
	struct views views;

	say("The child writes page 0:");
	wrote(0, child, FAULT_COPIED, 1);
	views = show_both(0);
	check(views.child.walk.frame != frame && views.child.walk.writable &&
		      views.parent.walk.frame == frame && views.parent.walk.references == 1,
	      "the child has a copy of its own, the parent the old frame for itself");
	say("The parent writes page 0, of which it is the last owner:");
	wrote(0, getpid(), FAULT_REUSED, 0);
	views = show_both(0);
	check(views.parent.walk.frame == frame && views.parent.walk.writable &&
		      views.child.content == CHILD,
	      "the same frame, writable again: nothing was copied");
}

static void parent_writes_first(void)
{
	unsigned long frame = look(1).walk.frame;
	struct views views;

	say("The parent writes page 1, which is still shared:");
	wrote(1, getpid(), FAULT_COPIED, 1);
	views = show_both(1);
	check(views.parent.walk.frame != frame && views.child.walk.frame == frame &&
		      views.child.content == BEFORE,
	      "this time the parent got the copy; the child still reads '%c'",
	      views.child.content);
}

static void child_ends(void)
{
	struct report report;

	close(orders[1]);
	waitpid(child, NULL, 0);
	close(reports[0]);
	close(reports[1]);
	say("The child has ended. Page 2 was never written by either:");
	report = look(2);
	show_view("parent:", 2, &report);
	check(!report.walk.writable && report.walk.references == 1,
	      "its frame has one owner again, whose entry is still read-only");
	wrote(2, getpid(), FAULT_REUSED, 0);
	report = look(2);
	show_view("parent:", 2, &report);
}

static void run(void)
{
	unsigned long before, after;

	memory = reserve(PAGES * page_size());
	before = frames_of_kind("anonymous");
	before_and_after_fork();
	child_writes_first();
	parent_writes_first();
	child_ends();
	after = frames_of_kind("anonymous");
	check(after - before == PAGES,
	      "of all the frames that came and went, the parent's %lu pages are left",
	      after - before);
	munmap(memory, PAGES * page_size());
}

const struct station station_fork = {
	.id = "N2.11",
	.title = "fork and copy-on-write",
	.claim = "fork copies the page table and no pages, and forbids writing to both; the first "
		 "to write gets a copy, and the last owner only gets its permission back.",
	.look_for = "the frame numbers: when parent and child have the same one, and who gets a "
		    "new one.",
	.run = run,
	.seen = "pages were copied one at a time, by the write that needed it; where nobody else "
		"was left, none was.",
	.code = "mm/page_share.c (fork), mm/fault.c: write_to_present() (the writes).",
};
