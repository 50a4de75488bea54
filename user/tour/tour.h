// SPDX-License-Identifier: MIT
//
// The guided tour: stations, each of which does one thing that the study notes tell of, and then
// tells what the kernel says happened. No figure comes from anywhere but the kernel's counters,
// its trace and /proc, read in that very run.
#pragma once

#include "user/lib/figures.h"
#include "user/lib/tracing.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct station {
	const char *id; // "N1.1": of the list of concepts
	const char *title;
	const char *claim;    // what the notes say, in one sentence
	const char *look_for; // what to watch
	void (*run)(void);
	const char *seen; // what was seen; true only if every check held
	const char *code; // the files that did it
};

extern const struct station station_rings, station_brk, station_malloc, station_reserve,
	station_walk, station_faults, station_demand, station_fork, station_tables;

// One of a station's own checks, printed with its outcome. Returns `held`.
bool check(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Checks that did not hold since the tour began.
unsigned checks_failed(void);
unsigned checks_made(void);

// ---- watching: what every station needs ----

// Touches every page that this program will need for itself, so that the faults which follow are
// the station's own: its text and data, and the stack that it will use.
void settle(void);

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

// Fresh anonymous memory that nobody has touched; ends the program when there is none.
char *reserve(size_t size);

// A child process that does `work` and exits with its result; the parent gets the wait status.
int in_child(int (*work)(void *context), void *context, int *pid);

// A column of the figures' table: KiB of so many pages.
unsigned long kib(unsigned long pages);
