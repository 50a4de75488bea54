// SPDX-License-Identifier: MIT
//
// Names for addresses of kernel text. The table is made from the kernel's own symbols after a
// first link and linked in by a second; a kernel without it reports bare addresses.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	const char *name;
};

// By ascending address. Weak: the first link has neither.
extern const struct symbol kernel_symbols[] __attribute__((weak));
extern const size_t kernel_symbol_count __attribute__((weak));

// The name of the function that `address` lies in, or NULL.
const char *symbol_name(uintptr_t address);

// "name+0x12" for an address of kernel text, "0x..." for any other. Returns `buffer`.
const char *symbol_describe(uintptr_t address, char *buffer, size_t size);

// Logs where `rip` is and the chain of its callers, from frame pointer `rbp` up. `rsp` helps where
// there is no frame yet, as after a call to nowhere; 0: not known.
// Reads only memory that is mapped and stops at the first frame that can not be one.
void backtrace_log(uintptr_t rip, uintptr_t rsp, uintptr_t rbp);
