// SPDX-License-Identifier: MIT
//
// Waiting for a thread of this process to sleep, however long a busy machine lets it wait before.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include "tests/ring3/tap.h"

// By its own number. What it does before the sleep that is meant must not sleep.
static inline void until_asleep(int tid)
{
	char path[64], text[128] = {0}, *end;
	int file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	do {
		sched_yield();
		file = open(path, O_RDONLY);
		if (file < 0 || read(file, text, sizeof(text) - 1) <= 0) {
			check(false, "a thread that is to sleep");
			return;
		}
		close(file);
		end = strrchr(text, ')');
	} while (!end || end[2] != 'S');
}
