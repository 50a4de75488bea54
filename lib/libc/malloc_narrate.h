// SPDX-License-Identifier: MIT
//
// What malloc.c tells somebody who wants to watch it work, step by step.
#pragma once

#include <stddef.h>

enum malloc_step {
	MALLOC_ASKED,     // a: bytes asked for, b: bytes of block that takes, header included
	MALLOC_SEARCHED,  // where: the block found or NULL, a: free blocks looked at, b: its bytes
	MALLOC_BRK,       // where: the heap's old end, a: bytes it moves by, b: 1 if granted
	MALLOC_MAPPED,    // where: the new mapping or NULL, a: its length in bytes
	MALLOC_SPLIT,     // where: the part left free, a: bytes taken, b: bytes left free
	MALLOC_GRANTED,   // where: the caller's first byte, a: usable bytes
	MALLOC_FREED,     // where: the caller's first byte, a: bytes of block
	MALLOC_COALESCED, // where: the free block that came of it, a: its bytes
	MALLOC_TRIMMED,   // where: the heap's new end, a: bytes given back
	MALLOC_UNMAPPED,  // where: the mapping, a: its length in bytes
};

// From now on `narrator` is called at each step, until that is NULL again. The heap is locked and
// half-way through a change then: it must not allocate or free. Of the small blocks of other
// threads it hears only when their caches have to ask the heap.
void malloc_watch(void (*narrator)(enum malloc_step step, const void *where, size_t a, size_t b));
