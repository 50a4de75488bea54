// SPDX-License-Identifier: MIT
//
// N1.5, N2.9: 100 MiB reserved, left alone for a while, then touched, 10 MiB a second. Another
// process looks on, as `ps -o vsz,rss,min_flt,maj_flt` would, ten times a second.
//
// Both go by the clock: what is done is done at the start of a tenth of a second, and looked at in
// its middle. So every tenth has all of its faults, and under --icount each run has the same ones.
// On a busy machine either may be late; the other one then waits for it.
#include "user/experiment/experiment.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <linux/time.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <asm/unistd_64.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESERVED (100 * MIB)
#define STEP     MIB // touched in a tenth of a second
#define STRIDE   5   // steps in a tenth of a second when all of it is touched again

// When what begins, in tenths of a second.
#define RESERVE 10
#define TOUCH   40
#define AGAIN   150
#define RELEASE 180
#define END     200
#define TOUCHES ((int)(RESERVED / STEP))

struct sample {
	struct figures figures;
	unsigned long demand_zero; // faults so answered, of all processes together
	unsigned long anonymous;   // frames of all processes together
};
static struct sample samples[END];

// Tenths that have been acted in and looked at. Both processes have it.
static struct progress {
	int acted, seen;
} * progress;

static bool reached(const int *count, int wanted)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE) >= wanted;
}

static void wait_to_be_seen(int tenths)
{
	while (!reached(&progress->seen, tenths))
		usleep(1000);
}

// Not for an actor that has ended, without the memory it needs.
static void wait_for_act(int tenths, int pid)
{
	while (!reached(&progress->acted, tenths) && kill(pid, 0) == 0 &&
	       waitpid(pid, NULL, WNOHANG) == 0)
		usleep(1000);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t when)
{
	struct timespec time = {(time_t)(when / 1000000000), (long)(when % 1000000000)};

	while (syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0)
		;
}

// The middle of a tenth, or, of an even number of halves, its beginning.
static void sleep_until_half(uint64_t start, int half)
{
	sleep_until(start + (uint64_t)half * (second_length() / 20));
}

static void touch(char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += page_size())
		*(volatile char *)(memory + at) = 1;
}

static _Noreturn void act(uint64_t start)
{
	char *memory = NULL;

	settle();
	for (int tenth = 0; tenth < END; tenth++) {
		sleep_until_half(start, 2 * tenth);
		wait_to_be_seen(tenth);
		if (tenth == RESERVE)
			memory = reserve(RESERVED);
		if (tenth >= TOUCH && tenth < TOUCH + TOUCHES)
			touch(memory + (size_t)(tenth - TOUCH) * STEP, STEP);
		if (tenth >= AGAIN && tenth < AGAIN + TOUCHES / STRIDE)
			touch(memory + (size_t)(tenth - AGAIN) * STEP * STRIDE, STEP * STRIDE);
		if (tenth == RELEASE)
			munmap(memory, RESERVED);
		__atomic_store_n(&progress->acted, tenth + 1, __ATOMIC_RELEASE);
	}
	wait_to_be_seen(END);
	_exit(0);
}

static unsigned long minor_in(int tenth)
{
	return samples[tenth].figures.minor - samples[tenth - (tenth > 0)].figures.minor;
}

// Each second one line, which says what came since the line before.
static void row(int tenth)
{
	const struct figures *figures = &samples[tenth].figures;
	unsigned long before =
		tenth < 10 ? samples[0].figures.minor : samples[tenth - 10].figures.minor;

	show("%3d  %7lu  %7lu  %7lu  %8lu  %s", tenth / 10 + 1, kib(figures->size),
	     kib(figures->resident), figures->minor, figures->minor - before,
	     bar(kib(figures->resident), 4096));
	fflush(stdout);
}

static void sample(int tenth, int pid)
{
	struct sample *sample = &samples[tenth];

	figures_read(pid, &sample->figures);
	sample->demand_zero = counter("fault_demand-zero");
	sample->anonymous = frames_of_kind("anonymous");
	if (tenth % 10 == 9)
		row(tenth);
}

// After the last sample: printing may need memory itself, which the kernel would count.
static void print_all(void)
{
	csv("time_s,vsz_kib,rss_kib,minflt,majflt,faults_per_s,kernel_demand_zero,"
	    "kernel_anonymous_frames");
	for (int tenth = 0; tenth < END; tenth++) {
		const struct sample *sample = &samples[tenth];
		const struct figures *figures = &sample->figures;

		csv("%d.%d5,%lu,%lu,%lu,%lu,%lu,%lu,%lu", tenth / 10, tenth % 10,
		    kib(figures->size), kib(figures->resident), figures->minor, figures->major,
		    10 * minor_in(tenth), sample->demand_zero, sample->anonymous);
	}
}

// Whether VSZ and RSS grew by so many pages, and minor faults by so many, from one to the other.
static bool grew(int from, int to, long size, long resident, unsigned long minor)
{
	const struct figures *was = &samples[from].figures, *is = &samples[to].figures;

	return (long)(is->size - was->size) == size &&
	       (long)(is->resident - was->resident) == resident &&
	       is->minor - was->minor == minor && is->major == was->major;
}

static void check_touching(unsigned long pages)
{
	unsigned long step = STEP / page_size();
	int last = TOUCH + TOUCHES - 1;
	bool exact = true;

	for (int tenth = TOUCH; tenth <= last; tenth++)
		exact &= grew(tenth - 1, tenth, 0, (long)step, step);
	check(exact,
	      "touching: %lu faults in every tenth of a second, and %lu KiB of RSS with them",
	      step, kib(step));
	check(grew(TOUCH - 1, last, 0, (long)pages, pages),
	      "in all %lu minor faults and %lu KiB of RSS: %lu bytes for each fault",
	      samples[last].figures.minor - samples[TOUCH - 1].figures.minor,
	      kib(samples[last].figures.resident - samples[TOUCH - 1].figures.resident),
	      page_size());
	check(samples[last].demand_zero - samples[TOUCH - 1].demand_zero == pages &&
		      samples[last].anonymous - samples[TOUCH - 1].anonymous == pages,
	      "the kernel counts the same: %lu faults answered with a frame of zeros, %lu frames",
	      samples[last].demand_zero - samples[TOUCH - 1].demand_zero,
	      samples[last].anonymous - samples[TOUCH - 1].anonymous);
}

static void check_all(void)
{
	unsigned long pages = RESERVED / page_size();
	bool below = true;

	check(grew(RESERVE - 1, RESERVE, (long)pages, 0, 0),
	      "mmap: VSZ %lu KiB more at once, RSS none, no fault", kib(pages));
	check(grew(RESERVE, TOUCH - 1, 0, 0, 0), "waiting: nothing changes");
	check_touching(pages);
	check(grew(AGAIN - 1, RELEASE - 1, 0, 0, 0), "touched a second time: no fault, no memory");
	check(grew(RELEASE - 1, RELEASE, -(long)pages, -(long)pages, 0),
	      "munmap: VSZ and RSS are down by %lu KiB at once", kib(pages));
	for (int tenth = 0; tenth < END; tenth++)
		below &= samples[tenth].figures.resident <= samples[tenth].figures.size;
	check(below, "RSS was never above VSZ, at %d moments", END);
}

static void run(void)
{
	uint64_t start = now() + second_length() / 10;
	int pid;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED) {
		check(false, "no memory that two processes could share");
		return;
	}
	*progress = (struct progress){0, 0};
	pid = child_start();
	if (pid == 0)
		act(start);
	show("  s      VSZ      RSS   minflt  faults/s  (KiB; # is 4 MiB of RSS)");
	for (int tenth = 0; tenth < END; tenth++) {
		sleep_until_half(start, 2 * tenth + 1);
		wait_for_act(tenth + 1, pid);
		sample(tenth, pid);
		__atomic_store_n(&progress->seen, tenth + 1, __ATOMIC_RELEASE);
	}
	waitpid(pid, NULL, 0);
	munmap(progress, sizeof(*progress));
	print_all();
	check_all();
}

const struct station experiment_vsz_rss = {
	.id = "vsz-rss",
	.title = "100 MiB reserved, then touched, 10 MiB a second",
	.claim = "getting addresses and getting memory are two steps: memory comes when a page is "
		 "first touched, by a page fault.",
	.look_for =
		"VSZ jumps at second 1 and RSS does not; from second 4 RSS climbs, by 10 MiB a "
		"second, with 2560 minor faults a second; from second 15 the same pages are "
		"touched again, and nothing happens.",
	.run = run,
	.seen = "one minor fault for each page of memory, and none before or after its first "
		"touch.",
	.code = "mm/mmap.c (addresses), mm/fault.c: demand_zero() (memory), "
		"kernel/file/proc_process.c (what ps reads).",
};
