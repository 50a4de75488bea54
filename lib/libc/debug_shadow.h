// SPDX-License-Identifier: MIT
//
// What may be done with each byte of memory that is watched: one byte of state for each.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum debug_shadow {
	SHADOW_UNKNOWN, // not watched
	SHADOW_ZONE,    // around a block
	SHADOW_FREED,   // a block that is freed
	SHADOW_NEW,     // allocated, or in a stack frame: never written
	SHADOW_SET,     // and written
	SHADOW_GONE,    // was in a stack frame whose function has returned
	SHADOW_RETURN,  // a return address, a saved frame pointer, the stack protector's number
};

// Before anything else. False: no memory.
bool debug_shadow_start(void);

enum debug_shadow debug_shadow_of(uintptr_t address);

// Nothing where memory is short, or before the start: the range is not watched then.
void debug_shadow_set(uintptr_t start, uintptr_t end, enum debug_shadow state);
void debug_shadow_copy(uintptr_t to, uintptr_t from, size_t length);

#pragma GCC visibility pop
