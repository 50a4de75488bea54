// SPDX-License-Identifier: MIT
//
// Choosing a known bug: see lib/mutant.h.
#include "lib/mutant.h"

#ifdef MUTANTS

#include "lib/string.h"

// The linker's: around what MUTANT() puts there. A unit test may have none.
extern struct mutant __start_mutants[] __attribute__((weak));
extern struct mutant __stop_mutants[] __attribute__((weak));

bool mutant_choose(const char *name)
{
	bool found = false;

	for (struct mutant *mutant = __start_mutants; mutant < __stop_mutants; mutant++) {
		if (strcmp(mutant->name, name) == 0)
			mutant->chosen = found = true;
	}
	return found;
}

#endif
