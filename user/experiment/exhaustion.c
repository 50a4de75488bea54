// SPDX-License-Identifier: MIT
//
// N2.10: three ways to have no memory left: no addresses, no addresses allowed, no frames. A child
// goes on until it is stopped; the parent looks at it after each step.
#include "user/experiment/actor.h"
#include "user/experiment/experiment.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define TIB        (1ul << 40)
#define ADDRESSES  47 // bits: what a process can have of the 48 that a processor translates
#define LIMIT      (256 * MIB)
#define LIMIT_STEP (16 * MIB)
#define GIB_MORE   (1ul << 30) // reserved beyond what the machine has

struct state {
	struct figures figures;
	unsigned long free; // KiB of the machine's memory
};
static struct state first, last;
static unsigned long steps; // that were done

static long map(size_t size, int protection)
{
	void *memory =
		mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? -errno : 0;
}

// ---- what the child does ----
// The largest piece that can still be had, which is half of the last one sooner or later.
static long take_addresses(long number)
{
	static size_t size = TIB;
	long result = map(size, PROT_NONE);

	(void)number;
	while (result < 0 && size > page_size()) {
		size /= 2;
		result = map(size, PROT_NONE);
	}
	return result;
}

static long take_allowed(long number)
{
	struct rlimit limit = {LIMIT, LIMIT};

	if (number == 0 && setrlimit(RLIMIT_AS, &limit) < 0)
		return -errno;
	return map(LIMIT_STEP, PROT_READ | PROT_WRITE);
}

static size_t more_than_there_is;

static long take_frames(long number)
{
	static char *memory;

	if (number == 0)
		memory = mmap(NULL, more_than_there_is, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	for (size_t at = 0; at < MIB; at += page_size())
		*(volatile char *)(memory + (size_t)number * MIB + at) = 1;
	return 0;
}

// ---- what the parent sees ----
static void row(unsigned long step)
{
	show("%6lu  %12lu  %9lu  %9lu  %s", step, kib(last.figures.size),
	     kib(last.figures.resident), last.free, bar(last.free, 2048));
}

// With the last frames gone, /proc may have none to tell of them in: what was seen before stays.
static void sample(const char *part, unsigned long step, int pid)
{
	struct state state;

	if (!figures_read(pid, &state.figures) || !meminfo("MemFree", &state.free))
		return;
	last = state;
	if (step == 0)
		first = state;
	csv("%s,%lu,%lu,%lu,%lu", part, step, kib(state.figures.size), kib(state.figures.resident),
	    state.free);
}

static long exhaust(const char *part, long (*step)(long number), unsigned long shown, int *status)
{
	struct course course = {part, step, sample, row, shown};

	show("  step       VSZ KiB    RSS KiB   free KiB  (# is 2 MiB free)");
	return actor_run_until_stopped(&course, &steps, status);
}

static bool memory_unchanged(void)
{
	return last.figures.resident == first.figures.resident &&
	       last.free + MIB / 1024 > first.free;
}

static void without_addresses(void)
{
	unsigned long all = 1ul << (ADDRESSES - 10); // KiB
	unsigned long left;
	int status;
	long result;

	say("Reserving, 1 TiB at a time, then ever smaller pieces, touching nothing:");
	result = exhaust("addresses", take_addresses, 32, &status);
	left = all - kib(last.figures.size);
	check(result == -ENOMEM && WIFEXITED(status),
	      "mmap of one page more: %s; the process goes on and ends by itself",
	      strerror((int)-result));
	check(left < all / 1000, "VSZ is %lu GiB, all but %lu KiB of 2^%d bytes",
	      kib(last.figures.size) >> 20, left, ADDRESSES);
	check(memory_unchanged(), "RSS is still %lu KiB, and %lu KiB of memory are free",
	      kib(last.figures.resident), last.free);
}

static void without_permission(void)
{
	int status;
	long result;

	say("Reserving, %lu MiB at a time, with RLIMIT_AS at %lu MiB:", LIMIT_STEP / MIB,
	    LIMIT / MIB);
	result = exhaust("limit", take_allowed, 4, &status);
	check(result == -ENOMEM && WIFEXITED(status), "mmap: %s, by the limit this time",
	      strerror((int)-result));
	check(kib(last.figures.size) <= LIMIT / 1024 &&
		      kib(last.figures.size) + LIMIT_STEP / 1024 > LIMIT / 1024,
	      "VSZ is %lu KiB: one step more would be above the limit", kib(last.figures.size));
	check(memory_unchanged(), "RSS is still %lu KiB, and %lu KiB of memory are free",
	      kib(last.figures.resident), last.free);
}

static void without_frames(void)
{
	char line[200] = "";
	int status;

	meminfo("MemTotal", &more_than_there_is);
	more_than_there_is = more_than_there_is * 1024 + GIB_MORE;
	say("Reserving %lu MiB, which works, and touching them, 1 MiB at a time:",
	    more_than_there_is / MIB);
	exhaust("frames", take_frames, 8, &status);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "a touch found no frame: the process was ended by signal %d", WTERMSIG(status));
	check(log_find("out of memory", line, sizeof(line)), "the kernel's log says why:");
	show("%s", line);
	check(last.figures.size - last.figures.resident > GIB_MORE / page_size() / 2,
	      "it had %lu MiB of addresses left that it had not touched",
	      (kib(last.figures.size) - kib(last.figures.resident)) / 1024);
}

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static void run(void)
{
	unsigned long free_before = 0, free_after = 0;
	char line[128] = "";
	bool back;

	csv("part,step,vsz_kib,rss_kib,free_kib");
	meminfo("MemFree", &free_before);
	without_addresses();
	without_permission();
	without_frames();
	back = free_again(free_before, &free_after);
	check(back, "the kernel goes on: %lu KiB are free, before the experiment %lu were",
	      free_after, free_before);
	check(in_child(nothing, NULL, NULL) == 0, "the next process starts and ends as always");
	check(audit_line(line, sizeof(line)) && strstr(line, " 0 wrong"),
	      "all of memory recounted: %s", line);
}

const struct station experiment_exhaustion = {
	.id = "exhaustion",
	.title = "No addresses left, and no memory left",
	.claim = "virtual memory runs out when the address space is full, however much memory is "
		 "free; physical memory runs out when it is used up, however many addresses are "
		 "left.",
	.look_for =
		"which column stops the process, which one does not move, and what the process "
		"gets: an error it can handle, or its end.",
	.run = run,
	.seen = "without addresses mmap says ENOMEM, and nothing else happens; without frames a "
		"write that had been promised cannot be done, and the process is ended.",
	.code = "mm/mmap.c and mm/vma_tree.c (addresses), mm/fault.c: FAULT_NO_MEMORY, "
		"kernel/machine/fault.c: page_fault_failed() (frames).",
};
