// SPDX-License-Identifier: MIT
//
// The caller's own mappings, from /proc/self/maps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mapping {
	uintptr_t start, end;
	char protection[5]; // "rw-p"
	char name[96];      // a path, "[heap]", "[stack]", or ""
	char line[192];     // as the kernel wrote it
};

// Calls `visit` for each mapping by increasing address until it returns false.
void maps_each(bool (*visit)(const struct mapping *mapping, void *context), void *context);

// The mapping that holds `address`, or the one with that name.
bool maps_find(const void *address, struct mapping *mapping);
bool maps_named(const char *name, struct mapping *mapping);
