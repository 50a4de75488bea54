// SPDX-License-Identifier: MIT
//
// Part of every unit test: a known bug, when MUTANT in the environment names one (lib/mutant.h).

#include <stdlib.h>

#include "lib/mutant.h"

static __attribute__((constructor)) void choose(void)
{
	const char *name = getenv("MUTANT");

	if (name)
		mutant_choose(name);
}
