// SPDX-License-Identifier: MIT
//
// What is given back when memory runs out: everything that is kept only for speed. Called from
// inside the allocator, under any lock of mm/, so it takes none that it can not have at once.

#include "mm/kernel_map.h"
#include "mm/object.h"
#include "mm/page_entry.h"

uint64_t frame_reclaim(void)
{
	return page_table_drain() + kernel_stack_drain() + object_drop_caches();
}
