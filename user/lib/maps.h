// SPDX-License-Identifier: MIT
//
// Mappings, from /proc/PID/maps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mapping {
	uintptr_t start, end;
	char protection[5]; // "rw-p"
	char name[96];      // a path, "[heap]", "[stack]", or ""
	char line[192];     // as the kernel wrote it
};

// Calls `visit` for each mapping of the caller by increasing address until it returns false.
void maps_each(bool (*visit)(const struct mapping *mapping, void *context), void *context);

// The same for process `pid`; 0: the caller.
void maps_each_of(int pid, bool (*visit)(const struct mapping *mapping, void *context),
		  void *context);

// The caller's mapping that holds `address`, or the one with that name.
bool maps_find(const void *address, struct mapping *mapping);
bool maps_named(const char *name, struct mapping *mapping);
