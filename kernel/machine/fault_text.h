// SPDX-License-Identifier: MIT
//
// Exceptions in words: what was attempted and why it was refused, for the log and for reports.
#pragma once

#include "kernel/machine/registers.h"
#include "mm/mm.h"
#include <stddef.h>

// All return what snprintf does.

// "page fault: write to 0x10, page not present (error code 0x2)"
int exception_describe(char *text, size_t size, const struct registers *registers, unsigned vector,
		       uintptr_t address);

// "write to 0x10: nothing is mapped there"
int page_fault_describe_user(char *text, size_t size, uint64_t error, uintptr_t address,
			     enum fault_result result);

// "cli: a privileged instruction". Reads the instruction from the running program's memory.
int exception_describe_user(char *text, size_t size, const struct registers *registers,
			    unsigned vector);
