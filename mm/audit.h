// SPDX-License-Identifier: MIT
//
// The audit: recounts everything from nothing and compares with what mm/ believes.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct audit_report {
	uint64_t checked;       // facts compared
	uint64_t wrong;         // of them, how many did not hold
	char first[160];        // what the first wrong one was: one line
	uint64_t frames_in_use; // frames of kinds other than FREE, RESERVED and ABSENT
};

// Walks every table, VMA, list and cache, with the other CPUs held still meanwhile: the caller
// holds no spin lock. Returns whether all held.
_Bool mm_audit(struct audit_report *report);
