// SPDX-License-Identifier: MIT
//
// Known bugs that can be compiled in, one at a time, to see that the tests catch them:
// `make MUTANT=name` defines MUTANT_name as 1. In every other build MUTANT(name) is the constant
// false and leaves no trace in the code.
#pragma once

#define MUTANT_SECOND(ignored, value, ...) value
#define MUTANT_PLACEHOLDER_1               0,
#define MUTANT_IS_ONE(placeholder)         MUTANT_SECOND(placeholder 1, 0, 0)
#define MUTANT_EXPAND(value)               MUTANT_IS_ONE(MUTANT_PLACEHOLDER_##value)
#define MUTANT_VALUE(value)                MUTANT_EXPAND(value)
#define MUTANT(name)                       MUTANT_VALUE(MUTANT_##name)
