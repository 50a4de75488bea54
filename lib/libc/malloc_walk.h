// SPDX-License-Identifier: MIT
//
// The heap as it lies in memory, for who wants to draw it.
#pragma once

#include <stddef.h>

enum malloc_state {
	MALLOC_USED,   // the program's
	MALLOC_CACHED, // freed, and in a thread's cache or inbox
	MALLOC_FREE,   // in a bin
};

// Calls `visit` for every block by address, with its header's bytes. The lowest segment only,
// which is all of the heap where brk was never refused; mappings are not in it. The heap is locked
// meanwhile: `visit` must not allocate or free.
void malloc_walk(void (*visit)(const void *start, size_t size, enum malloc_state state,
			       void *context),
		 void *context);
