// SPDX-License-Identifier: MIT
//
// One malloc, told by malloc itself (lib/libc/malloc_narrate.h) and by the kernel's trace. Both
// carry the processor's time, which puts them into one order.
#pragma once

#include "lib/libc/malloc_narrate.h"
#include "user/lib/watch.h"

struct story_event {
	uint64_t time;
	const struct trace_record *record; // NULL: a step of malloc's, which is
	enum malloc_step step;
	const void *where;
	size_t a, b;
};

struct malloc_story {
	void *block; // what malloc returned
	struct watch seen;
	const struct story_event *events; // until the next story; the first is malloc's
	size_t count;
};

// Calls malloc(size) under watch.
struct malloc_story malloc_story(size_t size);

// The first step of that kind, or NULL.
const struct story_event *story_step(const struct malloc_story *story, enum malloc_step step);

// Prints an event: its time since the story began, who tells it, what happened.
void story_show(const struct malloc_story *story, const struct story_event *event);
