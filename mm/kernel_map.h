// SPDX-License-Identifier: MIT
//
// The part of the kernel's half that is mapped page by page: kernel stacks, each with a guard page
// below, so that an overflow faults instead of overwriting a neighbour; and devices' registers.
#pragma once

#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>

#define KERNEL_STACK_SIZE 8192ul

// Lowest address of a kernel stack, or NULL when out of memory. The page below it is not mapped.
void *kernel_stack_alloc(void);
void kernel_stack_free(void *stack);

// Whether `address` lies in the guard page of some kernel stack: a stack overflow.
bool kernel_stack_guard_hit(uintptr_t address);

// Gives back the stacks kept for the next task. Frames freed.
uint64_t kernel_stack_drain(void);

// Frames of stacks that are kept ready, and in all: for the audit.
uint64_t kernel_stack_frames(void);

// Maps a device's registers, uncached, into the kernel's half, for ever. NULL when out of memory.
void *kernel_map_device(phys_t physical, size_t size);
// The same for memory that a device shares with its other side: cached.
void *kernel_map_shared(phys_t physical, size_t size);
