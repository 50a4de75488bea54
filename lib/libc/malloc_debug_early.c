// SPDX-License-Identifier: MIT
//
// Before main, for programs that are linked with -u malloc_debug_early (tools/cc does): so that
// their faults are explained even when they never allocate.
#include "lib/libc/malloc_debug.h"

__attribute__((constructor)) void malloc_debug_early(void)
{
	malloc_debug_start();
}
