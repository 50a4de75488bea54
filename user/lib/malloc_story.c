// SPDX-License-Identifier: MIT
#include "user/lib/malloc_story.h"
#include "user/lib/screen.h"
#include <asm/unistd.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_MAX  32
#define EVENTS_MAX 256

static struct story_event steps[STEPS_MAX], events[EVENTS_MAX];
static size_t step_count;

static void remember(enum malloc_step step, const void *where, size_t a, size_t b)
{
	if (step_count < STEPS_MAX)
		steps[step_count++] = (struct story_event){time_stamp(), NULL, step, where, a, b};
}

// What of the kernel's trace belongs to the story: not the calls that turn the trace off.
static bool belongs(const struct trace_record *record, uint64_t until)
{
	if (record->time < steps[0].time || record->time >= until)
		return false;
	switch (record->event) {
	case TRACE_SYSCALL:
	case TRACE_SYSCALL_END:
		return record->a == __NR_brk || record->a == __NR_mmap;
	case TRACE_SWITCH:
	case TRACE_FAULT_BEGIN:
	case TRACE_STACK:
		return false;
	default:
		return true;
	}
}

// Both by time.
static size_t merge(struct watch seen, uint64_t until)
{
	size_t count = 0, step = 0;

	for (size_t at = 0; at < seen.count && step_count > 0; at++) {
		const struct trace_record *record = &seen.records[at];

		if (!belongs(record, until))
			continue;
		while (step < step_count && steps[step].time < record->time && count < EVENTS_MAX)
			events[count++] = steps[step++];
		if (count < EVENTS_MAX)
			events[count++] =
				(struct story_event){.time = record->time, .record = record};
	}
	while (step < step_count && count < EVENTS_MAX)
		events[count++] = steps[step++];
	return count;
}

struct malloc_story malloc_story(size_t size)
{
	struct malloc_story story = {.events = events};
	uint64_t ended;

	step_count = 0;
	watch();
	malloc_watch(remember);
	story.block = malloc(size);
	malloc_watch(NULL);
	ended = time_stamp();
	story.seen = watched();
	story.count = merge(story.seen, ended);
	return story;
}

const struct story_event *story_step(const struct malloc_story *story, enum malloc_step step)
{
	for (size_t i = 0; i < story->count; i++)
		if (!story->events[i].record && story->events[i].step == step)
			return &story->events[i];
	return NULL;
}

static void step_text(const struct story_event *s, char *text, size_t size)
{
	switch (s->step) {
	case MALLOC_ASKED:
		snprintf(text, size, "asked for %lu bytes: a block of %lu", s->a, s->b);
		return;
	case MALLOC_SEARCHED:
		snprintf(text, size, "looked at %lu free blocks: %s", s->a,
			 s->where ? "one is large enough" : "none is large enough");
		return;
	case MALLOC_BRK:
		snprintf(text, size, "brk up by %lu bytes from %p: %s", s->a, s->where,
			 s->b ? "granted" : "refused");
		return;
	case MALLOC_MAPPED:
		snprintf(text, size, "mmap of %lu bytes: %p", s->a, s->where);
		return;
	case MALLOC_SPLIT:
		snprintf(text, size, "cut %lu bytes off; %lu stay free at %p", s->a, s->b,
			 s->where);
		return;
	case MALLOC_COALESCED:
		snprintf(text, size, "merged with its neighbours: %lu free bytes at %p", s->a,
			 s->where);
		return;
	case MALLOC_GRANTED:
		snprintf(text, size, "returns %p, good for %lu bytes", s->where, s->a);
		return;
	case MALLOC_FREED:
		snprintf(text, size, "free of %p", s->where);
		return;
	default:
		snprintf(text, size, "step %d", s->step);
	}
}

void story_show(const struct malloc_story *story, const struct story_event *event)
{
	char text[200];

	if (event->record)
		trace_text(event->record, text, sizeof(text));
	else
		step_text(event, text, sizeof(text));
	show("%6lu %-7s %s", event->time - story->events[0].time,
	     event->record ? "kernel" : "malloc", text);
}
