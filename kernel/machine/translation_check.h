// SPDX-License-Identifier: MIT
//
// Whether a frame is freed while a processor may still translate to it, checked in debug builds:
// see translation_check.c. Nothing otherwise.
#pragma once

#include "mm/mm.h"
#include <stdint.h>

#ifdef CONFIG_DEBUG

// A page fault at `address` has ended like this; if well, this CPU uses what is mapped there from
// here on. `mm` is loaded, and its lock not held.
void translation_used(struct mm *mm, uintptr_t address, enum fault_result result);
// This CPU has been made to forget [start, end) of the address space it has loaded.
void translation_forgotten(uintptr_t start, uintptr_t end);
// Another CPU will have forgotten everything before it uses any address again.
void translation_excused(unsigned cpu);

#else

static inline void translation_used(struct mm *mm, uintptr_t address, enum fault_result result)
{
	(void)mm, (void)address, (void)result;
}

static inline void translation_forgotten(uintptr_t start, uintptr_t end)
{
	(void)start, (void)end;
}

static inline void translation_excused(unsigned cpu)
{
	(void)cpu;
}

#endif
