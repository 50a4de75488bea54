// SPDX-License-Identifier: MIT
//
// The trace between two moments, kept whole, and what one looks for in it.
#pragma once

#include "user/lib/tracing.h"

// The trace, from watch() to watched(), is kept here.
struct watch {
	const struct trace_record *records;
	size_t count;
};
void watch(void);
struct watch watched(void);

// The next record of that event from number *at on, which is moved past it; NULL: none. `task` 0:
// of any task.
const struct trace_record *next_record(struct watch watch, size_t *at, enum trace_event event,
				       int task);

// The fault at the page of `address`, and the record of the frame that answered it; NULL: none.
const struct trace_record *fault_record(struct watch watch, const void *address);
const struct trace_record *frame_record(struct watch watch, const void *address);

// Prints a record in words.
void show_record(const struct trace_record *record);
