// SPDX-License-Identifier: MIT
//
// One thing that the study notes tell of, done for real and checked: what the tour's stations and
// the experiments have in common. No figure in them comes from anywhere but the kernel's counters,
// its trace and /proc, read in that very run.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct station {
	const char *id; // by which it is asked for; in the tour "N1.1", of the list of concepts
	const char *title;
	const char *claim;    // what the notes say, in one sentence
	const char *look_for; // what to watch
	void (*run)(void);
	const char *seen; // what was seen; true only if every check held
	const char *code; // the files that did it
};

// One of a station's own checks, printed with its outcome. Returns `held`.
bool check(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Checks that did not hold, and all that were made, since the program began.
unsigned checks_failed(void);
unsigned checks_made(void);

// Heading, claim, what to look for; the station itself; what was seen, and where the code is.
void station_visit(const struct station *station);

// By its id, in either case of letters. NULL: none has it.
const struct station *station_find(const struct station *const *stations, size_t count,
				   const char *id);

// A line for each: id and title.
void station_list(const struct station *const *stations, size_t count);
