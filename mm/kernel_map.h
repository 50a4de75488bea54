// SPDX-License-Identifier: MIT
//
// Kernel stacks: mapped page by page with a guard page below, so that an overflow faults instead
// of overwriting a neighbour.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KERNEL_STACK_SIZE 8192

// Lowest address of a kernel stack, or NULL when out of memory. The page below it is not mapped.
void *kernel_stack_alloc(void);
void kernel_stack_free(void *stack);

// Whether `address` lies in the guard page of some kernel stack: a stack overflow.
_Bool kernel_stack_guard_hit(uintptr_t address);

// Maps a device's registers (uncached) into the kernel's half. NULL when out of memory. Forever.
void *kernel_map_device(uint64_t physical, size_t size);
