// SPDX-License-Identifier: MIT
//
// Debug builds fill freed memory with a pattern and look, when it is handed out again, whether
// somebody has written to it meanwhile. In release builds both are nothing.
#pragma once

#include "lib/string.h"
#include "mm/machine.h"
#include <stdbool.h>
#include <stddef.h>

#define POISON_FREE 0x6b // freed memory
#define POISON_NEW  0xa5 // memory handed out and not yet written
#define POISON_ZONE 0xbb // red zones beside a block

#ifdef CONFIG_DEBUG
#define DEBUG_BUILD true
#else
#define DEBUG_BUILD false
#endif

// The first byte of [block, block + size) that is not `value`, or NULL. size: multiple of 8.
static inline const unsigned char *poison_find_other(const void *block, int value, size_t size)
{
	const unsigned char *bytes = block;
	uint64_t pattern = 0x0101010101010101ul * (unsigned char)value;

	for (size_t i = 0; i < size; i += 8)
		if (*(const uint64_t *)(bytes + i) != pattern)
			return bytes + i;
	return NULL;
}

static inline void poison_fill(void *block, size_t size)
{
	if (DEBUG_BUILD)
		memset(block, POISON_FREE, size);
}

static inline void poison_check(const void *block, size_t size)
{
	if (DEBUG_BUILD) {
		const unsigned char *other = poison_find_other(block, POISON_FREE, size);

		if (other)
			panic("freed memory was written at %p: %#lx", (const void *)other,
			      *(const uint64_t *)other);
	}
}
