// SPDX-License-Identifier: MIT
//
// Which layers stand between the program and malloc.c: what the environment asks for. The trace is
// above the debug allocator, so that it has what the program did, with the addresses it got.
#include "lib/libc/malloc_layer.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/malloc_trace.h"

const struct malloc_layer *malloc_layer_wanted(void)
{
	const struct malloc_layer *debug = malloc_debug_wanted();
	const struct malloc_layer *trace = malloc_trace_wanted(debug);

	return trace ? trace : debug;
}
