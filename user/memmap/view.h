// SPDX-License-Identifier: MIT
//
// All that memmap looks at, at one moment: physical memory, and some processes.
#pragma once

#include "user/memmap/space.h"

#define SPACES_SHOWN 2

struct view {
	struct memory memory;
	bool right; // the kernel counts the same
	struct space space[SPACES_SHOWN];
	size_t spaces;
	const char *caption; // NULL: none
};

// Which processes: those called so, or with this number; or a process and its children.
struct choice {
	const char *process; // NULL: not by name
	pid_t head;          // 0: nobody's family
};

// Room for all of it: looking takes no memory from then on. False: errno.
bool view_start(struct view *view, const struct choice *choice);

void view_look(struct view *view, const struct choice *choice);
