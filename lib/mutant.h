// SPDX-License-Identifier: MIT
//
// Known bugs, to see that the tests catch them. With MUTANTS defined (tools/build/mutants.mk) each
// use of MUTANT(name) is a bug that mutant_choose() switches on, and that is off otherwise. In
// every other build it is the constant false and leaves no trace in the code.
#pragma once

#include <stdbool.h>

#ifdef MUTANTS

struct mutant {
	const char *name;
	volatile bool chosen; // set once, before anything else happens
};

#define MUTANT(name_)                                                          \
	({                                                                     \
		static struct mutant mutant                                    \
			__attribute__((section("mutants"))) = {#name_, false}; \
		mutant.chosen;                                                 \
	})

// Switches on all uses of a name; false: there is none.
bool mutant_choose(const char *name);

#else
#define MUTANT(name) false
#endif
