// SPDX-License-Identifier: MIT
//
// N1.4: one malloc from the request to the page-table entry. malloc tells its steps through its
// narration hook and the kernel its own through the trace; both carry the processor's time, which
// puts them into one order.
#include "lib/memory_words.h"
#include "user/lib/kernel_files.h"
#include "user/lib/malloc_story.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASKED 100000

static void show_story(const struct malloc_story *story)
{
	for (size_t i = 0; i < story->count; i++)
		story_show(story, &story->events[i]);
}

// Faults that took a frame; others may only have given a permission back.
static unsigned long frames_of_faults(struct watch seen)
{
	const struct trace_record *fault;
	unsigned long count = 0;
	size_t at = 0;

	while ((fault = next_record(seen, &at, TRACE_FAULT, 0)))
		count += fault->c == FAULT_DEMAND_ZERO;
	return count;
}

// Steps 1 to 4 of the notes: from the request to the return.
static char *first_four_steps(void)
{
	const struct trace_record *brk_record;
	const struct story_event *search, *grown;
	struct figures before, after;
	struct mapping heap = {0};
	struct malloc_story story;
	size_t at = 0;

	say("Before: %s.", maps_named("[heap]", &heap) ? heap.line : "the map has no [heap] line");
	figures_read(0, &before);
	story = malloc_story(ASKED);
	figures_read(0, &after);
	say("malloc(%d), step by step; the first column counts %s:", ASKED, time_unit());
	show_story(&story);
	maps_named("[heap]", &heap);
	say("After:");
	show("%s", heap.line);
	search = story_step(&story, MALLOC_SEARCHED);
	grown = story_step(&story, MALLOC_BRK);
	brk_record = next_record(story.seen, &at, TRACE_BRK, 0);
	check(search && !search->where && grown,
	      "1. the free list had nothing; 2. so brk was called");
	while (brk_record && grown && brk_record->a != (uintptr_t)grown->where + grown->a)
		brk_record = next_record(story.seen, &at, TRACE_BRK, 0);
	check(brk_record && brk_record->c == heap.end &&
		      (after.size - before.size) * page_size() == grown->a,
	      "3. the kernel made the heap %lu KiB larger, as addresses only",
	      kib(after.size - before.size));
	check(after.resident - before.resident == frames_of_faults(story.seen),
	      "4. back in ring 3, the only frames (%lu) are those of the headers malloc wrote",
	      after.resident - before.resident);
	return story.block;
}

static void show_walk(const char *when, const char *address, struct walk *walk)
{
	walk_address(address, walk);
	show("%-7s %s", when, walk->levels ? walk->level[walk->levels - 1].text : "no answer");
}

// Step 5: the first touch.
static void fifth_step(char *block)
{
	const struct trace_record *fault, *frame;
	struct figures before, after;
	struct walk empty, full;
	struct watch seen;
	char *middle = block + ASKED / 2;

	say("Now the program writes one byte in the middle of its block, at %p, which nobody has "
	    "touched yet:",
	    middle);
	show_walk("before:", middle, &empty);
	figures_read(0, &before);
	watch();
	*(volatile char *)middle = 1;
	seen = watched();
	figures_read(0, &after);
	fault = fault_record(seen, middle);
	frame = frame_record(seen, middle);
	if (fault && frame) {
		show_record(frame);
		show_record(fault);
	}
	show_walk("after:", middle, &full);
	check(!empty.present && fault && fault->c == FAULT_DEMAND_ZERO,
	      "5. the entry was empty, the processor faulted, the kernel found a frame");
	check(frame && full.present && full.writable && full.frame == frame->d,
	      "the page-table entry names frame %#lx, the one in the trace", full.frame);
	check(after.resident - before.resident == 1 && after.minor - before.minor == 1,
	      "RSS grew by as many pages (%lu) as there were faults (%lu)",
	      after.resident - before.resident, after.minor - before.minor);
}

static void second_malloc(void)
{
	const struct story_event *search;
	struct malloc_story story;
	size_t at = 0;

	say("The block is freed, and the same malloc is made once more:");
	story = malloc_story(ASKED);
	show_story(&story);
	search = story_step(&story, MALLOC_SEARCHED);
	check(search && search->where && !story_step(&story, MALLOC_BRK) &&
		      !next_record(story.seen, &at, TRACE_FAULT, 0),
	      "it ends at step 1: no system call, no fault, the kernel knows nothing of it");
	free(story.block);
}

static void run(void)
{
	char *block = first_four_steps();

	if (!check(block != NULL, "malloc returned %p", block))
		return;
	fifth_step(block);
	free(block);
	second_malloc();
}

const struct station station_malloc = {
	.id = "N1.4",
	.title = "One malloc, from the request to the frame",
	.claim =
		"malloc looks for a free piece; if there is none it calls brk; the kernel extends "
		"the heap's addresses only; malloc returns; and at the first touch a fault makes "
		"the kernel find memory.",
	.look_for = "those five steps, who makes each, and how late the frame comes.",
	.run = run,
	.seen = "between malloc's return and the first touch there was no memory behind the "
		"pointer, and nobody could tell.",
	.code = "lib/libc/malloc.c (steps 1, 2 and 4), mm/brk.c (step 3), "
		"mm/fault.c (step 5).",
};
