// SPDX-License-Identifier: MIT
//
// The experiments: what the study notes' book measures with `ps`, `sar` and small programs, done
// here by one process that acts and another that watches it in /proc. Each tells what it found in
// words; asked for --csv it gives the same figures as lines of comma-separated values.
#pragma once

#include "user/lib/figures.h"
#include "user/lib/station.h"
#include "user/lib/subject.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIB (1ul << 20)

extern const struct station experiment_vsz_rss, experiment_exhaustion, experiment_tables,
	experiment_fragmentation, experiment_one_address, experiment_isolation,
	experiment_table_limit, experiment_brk;

// A line of values, its end not included. Does nothing unless --csv was asked for.
void csv(const char *format, ...) __attribute__((format(printf, 1, 2)));

// How long a second of an experiment takes, in nanoseconds: --second.
uint64_t second_length(void);

// Bytes of free memory that a process can take, page tables included, with a little left over for
// everybody else.
unsigned long nearly_all_free(void);

// Whether as many KiB are free as were `before`, but for what the kernel keeps ready; processes
// that have just ended are given a little time. *now: how many are.
bool free_again(unsigned long before, unsigned long *now);
