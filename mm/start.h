// SPDX-License-Identifier: MIT
//
// Starting mm/: from the firmware's memory map to a working allocator.
#pragma once

#include "lib/memory_range.h"
#include <stdbool.h>
#include <stddef.h>

struct mm_features {
	bool giant_pages; // 1 GiB leaves exist
	bool nx;          // always true on a machine that gets this far
};

// Runs once, on the boot tables, which map physical 0 to 4 GiB at DIRECT_MAP_BASE. Builds the
// kernel's own tables (direct map, frame table, image with its final permissions), loads them,
// and hands every free frame to the allocator. `ranges` may be in any order, overlap and lie; the
// image, the modules and boot data must be among them with their types. What is MEMORY_BOOT
// stays untouched until mm_free_boot_memory(). Panics when RAM does not suffice.
void mm_start(const struct memory_range *ranges, size_t count, struct mm_features features);

// Gives back what only starting needed: MEMORY_BOOT ranges and the image's .init sections.
// Frames given back.
size_t mm_free_boot_memory(void);
