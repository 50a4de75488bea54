// SPDX-License-Identifier: MIT
//
// The trace: fixed-size records in a ring, off by default at the cost of one untaken branch.
// The record's format is shared with ring 3 and lives in lib/trace_record.h.
#pragma once

#include "lib/trace_record.h"
#include <stdbool.h>
#include <stddef.h>

extern bool trace_enabled;

void trace_write(enum trace_event event, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

static inline void trace(enum trace_event event, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	if (__builtin_expect(trace_enabled, 0))
		trace_write(event, a, b, c, d);
}

// Turns recording on (allocating the ring on first use: -ENOMEM) or off. `task`: only records of
// this task (machine_task_id); 0: all.
int trace_start(int task);
void trace_stop(void);
// Takes up to `count` of the oldest records out of the ring; how many.
size_t trace_read(struct trace_record *records, size_t count);
// Records overwritten before they were read, since trace_start.
uint64_t trace_lost(void);
