// SPDX-License-Identifier: MIT
//
// malloc-steps [BYTES]: one malloc in its five steps, the line of the map around each
//
// All of it is from the trace of that very run: that line begins as /proc/self/maps has it
// and follows the trace's records from there; at the end it is compared with /proc/self/maps.
#include "lib/memory_words.h"
#include "user/lib/figures.h"
#include "user/lib/kernel_files.h"
#include "user/lib/malloc_story.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/lib/station.h"
#include "user/lib/subject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step { SEARCH, CALL, EXTEND, RETURN, TOUCH, STEPS };

static const struct {
	const char *what, *where;
} titles[STEPS] = {
	[SEARCH] = {"malloc looks for a free block", "ring 3: lib/libc/malloc.c"},
	[CALL] = {"there is none: malloc asks the kernel", "ring 3 to ring 0: brk or mmap"},
	[EXTEND] = {"the kernel extends the addresses, and nothing else",
		    "ring 0: mm/brk.c, mm/mmap.c"},
	[RETURN] = {"back in ring 3, malloc cuts the block and returns it",
		    "ring 3: lib/libc/malloc.c"},
	[TOUCH] = {"the program touches the block, and only now gets memory",
		   "ring 3, a fault, ring 0: mm/fault.c"},
};

// The [heap], or the mapping that a large block gets of its own.
static struct {
	uintptr_t start, end; // equal: there is none
	const char *name;
	unsigned long resident; // pages of it that have a frame
	unsigned long at_first;
} heap;

static void show_heap(const char *when)
{
	if (heap.start == heap.end)
		show("map %-7s no line for it", when);
	else
		show("map %-7s %08lx-%08lx rw-p %-7s %lu KiB of addresses, %lu of memory", when,
		     heap.start, heap.end, heap.name, (heap.end - heap.start) >> 10,
		     heap.resident * (page_size() >> 10));
}

static void follow(const struct trace_record *record)
{
	if (record->event == TRACE_VMA && record->d != TRACE_VMA_PROTECTED) {
		bool removed = record->d == TRACE_VMA_REMOVED;

		heap.start = record->a;
		heap.end = removed ? record->a : record->b;
	} else if (record->event == TRACE_FAULT_FRAME && !record->c && record->a >= heap.start &&
		   record->a < heap.end) {
		heap.resident++;
	}
}

static void begin(enum step step)
{
	printf("\n%s%d. %s%s  (%s)\n", style(STYLE_BOLD), step + 1, titles[step].what,
	       style(STYLE_PLAIN), titles[step].where);
	show_heap("before:");
}

// Which step an event belongs to, after one that belonged to `now`; *next: what follows it.
static enum step step_of(const struct story_event *event, enum step now, enum step *next)
{
	if (event->record && event->record->event == TRACE_SYSCALL && now == SEARCH)
		now = CALL;
	else if (event->record && event->record->event == TRACE_VMA && now == CALL)
		now = EXTEND;
	*next = event->record && event->record->event == TRACE_SYSCALL_END && now == EXTEND
			? RETURN
			: now;
	return now;
}

static void tell(const struct malloc_story *story)
{
	enum step shown = STEPS, now = SEARCH, next = SEARCH;

	for (size_t i = 0; i < story->count; i++) {
		now = step_of(&story->events[i], next, &next);
		if (now != shown) {
			if (shown != STEPS)
				show_heap("after:");
			begin(now);
			shown = now;
		}
		story_show(story, &story->events[i]);
		if (story->events[i].record)
			follow(story->events[i].record);
	}
	show_heap("after:");
	if (now == SEARCH)
		say("\nA free block was large enough: steps 2 to 4 are left out.");
}

// Whether there is a page.
static bool show_entry(const char *when, const char *address)
{
	struct walk walk;

	walk_address(address, &walk);
	show("entry %-7s %s", when, walk.levels ? walk.level[walk.levels - 1].text : "no answer");
	return walk.levels && walk.present;
}

static void touch(char *place)
{
	struct watch seen;
	const struct trace_record *fault;
	uint64_t ended;
	bool there;

	begin(TOUCH);
	there = show_entry("before:", place);
	watch();
	*(volatile char *)place = 1;
	ended = time_stamp();
	seen = watched();
	for (size_t i = 0; i < seen.count && seen.records[i].time < ended; i++)
		switch (seen.records[i].event) {
		case TRACE_TABLE_ALLOC:
		case TRACE_FRAME_ALLOC:
		case TRACE_FAULT_FRAME:
		case TRACE_FAULT:
			show_record(&seen.records[i]);
			follow(&seen.records[i]);
			break;
		default:
			break;
		}
	show_entry("after:", place);
	show_heap("after:");
	fault = fault_record(seen, place);
	if (there) {
		check(!fault,
		      "no fault at %p: malloc's own words, in the same page, had touched it",
		      (void *)place);
		return;
	}
	check(fault && fault->c == FAULT_DEMAND_ZERO,
	      "the first touch of %p was a page fault, "
	      "answered: demand-zero",
	      (void *)place);
}

static void compare(const struct figures *before)
{
	struct figures after;
	struct mapping mapping = {0};

	figures_read(0, &after);
	maps_find((void *)heap.start, &mapping);
	printf("\n");
	check(mapping.start <= heap.start && mapping.end >= heap.end && heap.end > heap.start,
	      "/proc/self/maps has the same: %s", mapping.line);
	check(after.resident - before->resident == heap.resident - heap.at_first,
	      "RSS grew by %lu pages, the faults shown above", after.resident - before->resident);
}

static void heap_at_first(void)
{
	struct mapping mapping;

	if (!maps_named("[heap]", &mapping))
		return;
	heap.start = mapping.start;
	heap.end = mapping.end;
	for (uintptr_t page = heap.start; page < heap.end; page += page_size()) {
		struct walk walk;

		heap.resident += walk_address((void *)page, &walk) && walk.present;
	}
	heap.at_first = heap.resident;
}

int main(int argc, char **argv)
{
	struct malloc_story story;
	struct figures before;
	char *end = "";
	size_t size = argc > 1 ? strtoul(argv[1], &end, 0) : 100000;

	screen_start();
	if (argc > 2 || *end || size == 0 || size >> 40) {
		fprintf(stderr, "usage: malloc-steps [BYTES]\n");
		return 2;
	}
	settle();
	heap_at_first();
	figures_read(0, &before);
	story = malloc_story(size);
	if (!story.block) {
		perror("malloc-steps: malloc");
		return 1;
	}
	heap.name = story_step(&story, MALLOC_MAPPED) ? "" : "[heap]";
	say("malloc(%lu) in five steps; the first column counts %s.", size, time_unit());
	tell(&story);
	touch((char *)story.block + size / 2);
	compare(&before);
	return checks_failed() != 0;
}
