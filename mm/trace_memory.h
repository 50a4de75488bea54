// SPDX-License-Identifier: MIT
//
// A page fault under the eyes of the trace (mm/trace_memory.c).
#pragma once

#include "mm/mm.h"

typedef enum fault_result (*fault_handler)(struct mm *mm, uintptr_t address,
					   enum fault_access access);

// Handles the fault by `handle` and records it, with what was there before and, if they are
// chosen, the calls that led to it. mm->lock is not held.
enum fault_result trace_fault(struct mm *mm, uintptr_t address, enum fault_access access,
			      fault_handler handle);
