// SPDX-License-Identifier: MIT
//
// N1.3: brk moved up and down, a quarter of a MiB at a time, with and without touching what lies
// below it.
#include "user/experiment/actor.h"
#include "user/experiment/experiment.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP  (MIB / 4)
#define STEPS 16 // of each phase

enum what { UP, TOUCH, DOWN, UP_AGAIN, TOUCH_AGAIN, PHASES };

static const char *const names[] = {
	[UP] = "brk up",
	[TOUCH] = "touched",
	[DOWN] = "brk down",
	[UP_AGAIN] = "brk up again",
	[TOUCH_AGAIN] = "touched again",
};

// ---- what the child does: its answer is where brk is ----
static char *bottom; // of what is touched
static size_t touched;

static void touch(void)
{
	for (size_t at = 0; at < STEP; at += page_size())
		*(volatile char *)(bottom + touched + at) = 1;
	touched += STEP;
}

static long act(long what)
{
	if (!bottom)
		bottom = sbrk(0);
	switch (what) {
	case UP:
	case UP_AGAIN:
		sbrk((intptr_t)STEP);
		break;
	case DOWN:
		sbrk(-(intptr_t)STEP);
		break;
	case TOUCH:
	case TOUCH_AGAIN:
		touch();
		break;
	default: // only to tell
		break;
	}
	if (what == DOWN)
		touched -= STEP;
	return (long)sbrk(0);
}

// ---- what the parent sees ----
struct state {
	struct figures figures;
	unsigned long heap; // KiB of the map's [heap] lines
};
static struct state states[PHASES * STEPS + 1];

// After a fork the heap may be two mappings: what is older, and what has come since.
static bool add_heap(const struct mapping *mapping, void *context)
{
	if (strcmp(mapping->name, "[heap]") == 0)
		*(unsigned long *)context += (mapping->end - mapping->start) / 1024;
	return true;
}

static void sample(unsigned step, const struct actor *actor, long brk, const char *name)
{
	struct state *state = &states[step];

	figures_read(actor->pid, &state->figures);
	maps_each_of(actor->pid, add_heap, &state->heap);
	csv("%u,%s,%#lx,%lu,%lu,%lu", step, name, (unsigned long)brk, state->heap - states[0].heap,
	    kib(state->figures.resident - states[0].figures.resident),
	    state->figures.minor - states[0].figures.minor);
}

static void row(unsigned step, const char *name, long brk)
{
	const struct state *state = &states[step];

	show("%-14s %#lx  %6lu  %6lu  %s", name, (unsigned long)brk, state->heap - states[0].heap,
	     kib(state->figures.resident - states[0].figures.resident),
	     bar(kib(state->figures.resident - states[0].figures.resident), 256));
}

// What each step of a phase adds to [heap] and to RSS, in pages; whether all did so.
static bool each_added(enum what phase, long addresses, long memory)
{
	bool exact = true;

	for (unsigned step = phase * STEPS + 1; step <= (phase + 1u) * STEPS; step++) {
		const struct state *was = &states[step - 1], *is = &states[step];

		exact &= (long)(is->heap - was->heap) == addresses * (long)page_size() / 1024 &&
			 (long)(is->figures.resident - was->figures.resident) == memory;
	}
	return exact;
}

static void check_all(void)
{
	long pages = (long)(STEP / page_size());

	check(each_added(UP, pages, 0), "brk up: [heap] grows, RSS does not");
	check(each_added(TOUCH, 0, pages), "touching: RSS grows by %ld pages a step", pages);
	check(each_added(DOWN, -pages, -pages), "brk down: both shrink at once");
	check(each_added(UP_AGAIN, pages, 0),
	      "brk up again: the addresses are back, their memory is not");
	check(each_added(TOUCH_AGAIN, 0, pages), "touched again, they get new frames");
}

static void run(void)
{
	struct actor actor;
	unsigned step = 0;
	long brk = 0;

	csv("step,phase,brk,heap_kib,rss_kib,minflt");
	show("%-14s %-8s  %6s  %6s  (KiB more than at first; # is 256 KiB of RSS)", "phase", "brk",
	     "[heap]", "RSS");
	actor_start(&actor, act);
	actor_step(&actor, PHASES, &brk);
	sample(step, &actor, brk, "at first");
	row(step, "at first", brk);
	for (unsigned phase = UP; phase < PHASES; phase++) {
		for (unsigned i = 0; i < STEPS; i++) {
			actor_step(&actor, phase, &brk);
			sample(++step, &actor, brk, names[phase]);
		}
		row(step, names[phase], brk);
	}
	check_all();
	check(actor_end(&actor) == 0, "the process ends as it should");
}

const struct station experiment_brk = {
	.id = "brk",
	.title = "The heap's top, moved up and down",
	.claim = "brk marks the top of the heap; moving it up adds addresses only, and memory "
		 "comes "
		 "with the first touch.",
	.look_for = "RSS: it follows touching on the way up, and brk on the way down.",
	.run = run,
	.seen = "up, brk is a promise; down, it takes addresses and memory away together.",
	.code = "mm/brk.c (the promise), mm/fault.c: demand_zero() (the memory), mm/unmap.c "
		"(taking "
		"it away).",
};
