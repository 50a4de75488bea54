// SPDX-License-Identifier: MIT
//
// The address space of a process as memmap shows it: its mappings, and for each page what the
// frame behind it is.
#pragma once

#include "user/memmap/memory.h"
#include <sys/types.h>

#define SPACE_AREAS 48    // mappings shown of a process; the others are counted
#define SPACE_PAGES 65536 // pages looked at in all of them

struct area {
	uintptr_t start, end;
	char protection[5];     // "rw-p"
	char name[64];          // a path, "[heap]", or ""
	size_t pages;           // shown of it, from its start
	const uint8_t *owners;  // enum owner of each; OWNER_NONE: no frame yet
	unsigned long resident; // of them with a frame
};

struct space {
	pid_t pid;
	char name[32];
	size_t areas, areas_left_out;
	unsigned long pages;               // of all areas
	unsigned long totals[OWNER_COUNT]; // pages by owner, of those looked at
	struct area area[SPACE_AREAS];
	uint8_t *owners; // of all areas, one after the other
};

// Room for a process; false when there is no memory.
bool space_start(struct space *space);

// Looks at a process. `memory` has been read just before. False: it is not there (any more).
bool space_read(struct space *space, pid_t pid, const struct memory *memory);

// Processes called so, or with this number, by number, but for the caller; how many, at most
// `room`.
size_t space_find(const char *what, pid_t *pids, size_t room);
// A process and its children.
size_t space_family(pid_t pid, pid_t *pids, size_t room);
