// SPDX-License-Identifier: MIT
//
// A table with a pointer for each 64 MiB of addresses leads to the states of its bytes. Both are
// mappings that take memory only where something was entered.
#include "lib/libc/debug_shadow.h"
#include "lib/libc/system_call.h"
#include <linux/mman.h>
#include <string.h>

#define REGION_SHIFT 26
#define REGION       (1ul << REGION_SHIFT)
#define REGIONS      (1ul << (47 - REGION_SHIFT))

static uint8_t **regions;

static void *reserve(size_t length)
{
	long result = system_call6(__NR_mmap, 0, (long)length, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return result < 0 && result >= -4095 ? NULL : (void *)result;
}

bool debug_shadow_start(void)
{
	regions = reserve(REGIONS * sizeof(*regions));
	return regions != NULL;
}

enum debug_shadow debug_shadow_of(uintptr_t address)
{
	uintptr_t region = address >> REGION_SHIFT;

	if (!regions || region >= REGIONS || !regions[region])
		return SHADOW_UNKNOWN;
	return regions[region][address & (REGION - 1)];
}

void debug_shadow_set(uintptr_t start, uintptr_t end, enum debug_shadow state)
{
	while (regions && start < end) {
		uintptr_t region = start >> REGION_SHIFT, next = (region + 1) << REGION_SHIFT;

		if (region >= REGIONS)
			return;
		if (!regions[region])
			regions[region] = reserve(REGION);
		if (next > end)
			next = end;
		if (regions[region])
			memset(regions[region] + (start & (REGION - 1)), state, next - start);
		start = next;
	}
}

void debug_shadow_copy(uintptr_t to, uintptr_t from, size_t length)
{
	for (size_t i = 0; regions && i < length; i++)
		debug_shadow_set(to + i, to + i + 1, debug_shadow_of(from + i));
}
