// SPDX-License-Identifier: MIT
//
// What the parts of the audit share.
#pragma once

#include "mm/audit.h"
#include "mm/mm.h"
#include <stdbool.h>

// Notes one compared fact; the first that does not hold is described in the report.
bool audit_fact(struct audit_report *report, bool holds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Two counts that must be the same.
bool audit_same(struct audit_report *report, uint64_t counted, uint64_t believed,
		const char *what);

// What is found here and there, to be compared at the end.
struct audit_sums {
	uint64_t tables;  // frames of page tables
	uint64_t charged; // pages promised
};

// One address space: tree of VMAs, page tables, counters. Adds each mapping to the frame's
// `recount`.
void audit_space(struct audit_report *report, struct mm *mm, struct audit_sums *sums);
