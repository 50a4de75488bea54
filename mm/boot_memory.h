// SPDX-License-Identifier: MIT
//
// Memory before there is an allocator: the firmware's map made sense of, and frames taken off its
// ends for the first tables.
#pragma once

#include "lib/memory_range.h"
#include "mm/frame.h"
#include <stdbool.h>
#include <stddef.h>

#define BOOT_MEMORY_RANGES 256

// Sorted, page aligned, without overlaps; never MEMORY_RESERVED.
struct boot_memory {
	struct memory_range ranges[BOOT_MEMORY_RANGES];
	size_t count;
	size_t dropped; // ranges there was no room for: the shortest usable ones
};

extern struct boot_memory boot_memory;

// Fills `memory` from a map in any order, overlapping, unaligned, with empty or wrapping ranges.
// Where ranges overlap, what must not be lost wins: kernel, module, boot data, reserved, usable.
void boot_memory_sort(struct boot_memory *memory, const struct memory_range *ranges, size_t count);

// Takes whole frames off the end of the highest usable range below `limit`; their address, or 0
// when there is not enough in one piece. `kind`: what they will be counted as.
phys_t boot_memory_take(struct boot_memory *memory, uint64_t frames, phys_t limit,
			enum frame_kind kind);

// The same by bytes, aligned to its size, which is PAGE_SIZE or 2 MiB.
phys_t boot_memory_take_aligned(struct boot_memory *memory, uint64_t size, phys_t limit,
				enum frame_kind kind);

// Every range and everything taken, by increasing address, as the frame table will see it.
struct boot_taken {
	phys_t start, end;
	enum frame_kind kind;
};
const struct boot_taken *boot_memory_taken(size_t *count);
