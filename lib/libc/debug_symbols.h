// SPDX-License-Identifier: MIT
//
// From an address of code to function, file and line, for reports of a process about itself. Read
// from the files that are mapped: their .symtab (or .dynsym) and .debug_line, DWARF 2 to 5. Not
// here: compressed sections, debug information in files of its own, functions that were inlined
// (the line is theirs, the name the surrounding function's), C++ names in readable form.
#pragma once

#include "lib/libc/debug_maps.h"

#pragma GCC visibility push(hidden)

struct debug_place {
	char function[96]; // empty: not known
	size_t offset;     // of the address in the function
	char file[160];    // empty: not known
	unsigned int line;
	char module[DEBUG_PATH_MAX]; // the ELF file; empty: not known
	uint64_t module_address;     // the address as that file counts them, for addr2line
};

// One thread at a time: what was mapped of the files is kept. Always fills in `place`.
void debug_symbolise(uintptr_t address, struct debug_place *place);

// One section of an ELF file; `start` NULL where there is none.
struct debug_section {
	const uint8_t *start;
	size_t size;
};

// In debug_lines.c. False: the address is in none of the lines.
bool debug_find_line(const struct debug_section *lines, const struct debug_section *line_strings,
		     const struct debug_section *strings, uint64_t address,
		     struct debug_place *place);

#pragma GCC visibility pop
