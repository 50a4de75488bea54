// SPDX-License-Identifier: MIT
//
// Which layer stands between the program and malloc.c: what the environment asks for.
#include "lib/libc/malloc_layer.h"
#include "lib/libc/malloc_debug.h"

const struct malloc_layer *malloc_layer_wanted(void)
{
	return malloc_debug_wanted();
}
