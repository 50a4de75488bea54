// SPDX-License-Identifier: MIT
//
// What this processor can do and the kernel makes use of. Long mode and NX are not listed: without
// them boot/entry.asm does not go on.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct features {
	bool global_pages; // PGE
	bool pcid;         // translations of several address spaces at a time
	bool giant_pages;  // 1 GiB leaves
	bool smep;         // ring 0 cannot execute ring 3's pages
	bool smap;         // ring 0 cannot touch them outside of the user copy routines
	bool umip;         // ring 3 cannot read the descriptor tables' addresses
	bool fsgsbase;     // ring 3 sets its FS and GS bases itself
	bool xsave;        // XSAVE instead of FXSAVE
	bool avx;
	bool invariant_tsc; // the time-stamp counter runs at one rate
	uint64_t xcr0;      // state components in use; 0 without XSAVE
};

extern struct features features; // constant after features_start()

// Finds out, and turns it all on for this CPU. Ring 0's text must still be writable: it patches
// the SMAP instructions away where they do not exist.
void features_start(void);
// Turns the same on for another CPU.
void features_start_secondary(void);

// One line to the log.
void features_log(void);
