// SPDX-License-Identifier: MIT
//
// The other half of machine_hold_others() (mm/machine.h): where a CPU lets itself be held.
#pragma once

#include <stdbool.h>

extern bool park_wanted; // somebody holds the others; atomic

// Stands still until whoever asked has let go.
void park_here(void);

// Where this CPU holds no lock and no data is half changed.
static inline void park_point(void)
{
	if (__builtin_expect(__atomic_load_n(&park_wanted, __ATOMIC_RELAXED), 0))
		park_here();
}
