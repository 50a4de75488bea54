// SPDX-License-Identifier: MIT
#pragma once

#include <stdlib.h>

void *memalign(size_t alignment, size_t size);
size_t malloc_usable_size(void *block);

// Bytes, except where it says blocks.
struct mallinfo2 {
	size_t arena;    // of the heap
	size_t ordblks;  // free blocks
	size_t smblks;   // blocks in threads' caches
	size_t hblks;    // blocks that are mappings
	size_t hblkhd;   // in those
	size_t usmblks;  // 0
	size_t fsmblks;  // in threads' caches
	size_t uordblks; // of the heap in use
	size_t fordblks; // and not
	size_t keepcost; // free at the heap's top
};
struct mallinfo2 mallinfo2(void);
void malloc_stats(void); // to standard error
int malloc_trim(size_t pad);

// Says on standard error which block an address is in or next to, how large it is, and by which
// calls it was allocated and freed. Only with MALLOC_DEBUG in the environment. 0: no block.
int malloc_describe(const void *address);
