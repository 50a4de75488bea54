// SPDX-License-Identifier: MIT
//
// The guided tour: stations, each of which does one thing that the study notes tell of, and then
// tells what the kernel says happened. No figure comes from anywhere but the kernel's counters,
// its trace and /proc, read in that very run.
#pragma once

#include "user/lib/figures.h"
#include "user/lib/station.h"
#include "user/lib/subject.h"
#include "user/lib/tracing.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const struct station station_rings, station_brk, station_malloc, station_reserve,
	station_walk, station_faults, station_demand, station_fork, station_tables;

// ---- watching: what every station needs ----

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
