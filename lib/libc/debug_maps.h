// SPDX-License-Identifier: MIT
//
// What is mapped where in this process, read from /proc/self/maps without allocating anything.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define DEBUG_PATH_MAX 256

struct debug_mapping {
	uintptr_t start, end;
	uint64_t offset; // in the file
	bool readable, writable, executable;
	char path[DEBUG_PATH_MAX]; // empty where there is none; "[stack]" and the like
};

// Calls `visit` for each mapping, lowest first, until it returns false. False: /proc is not there.
bool debug_each_mapping(bool (*visit)(const struct debug_mapping *mapping, void *context),
			void *context);

// The mapping that an address lies in. False: none, or /proc is not there.
bool debug_find_mapping(uintptr_t address, struct debug_mapping *found);

// Fresh zeroed memory of the kernel's own; NULL: none.
void *debug_pages(size_t length);
void debug_pages_back(void *pages, size_t length); // length 0: nothing

#pragma GCC visibility pop
