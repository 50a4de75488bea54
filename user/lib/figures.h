// SPDX-License-Identifier: MIT
//
// What the kernel counts about a process, from /proc/PID.
#pragma once

#include <stdbool.h>

struct figures {
	unsigned long size;     // VSZ: pages of address space in use
	unsigned long resident; // RSS: pages that have a frame
	unsigned long minor;    // page faults answered without waiting for a device
	unsigned long major;    // and with
	unsigned long tables;   // VmPTE: bytes of page tables
	char name[32];
};

// `pid` 0: the caller. False when there is no such process, or no /proc.
bool figures_read(int pid, struct figures *figures);

// A line of /proc/meminfo, in KiB. False when there is none of that name, or nothing could be
// read.
bool meminfo(const char *name, unsigned long *value);

// Free blocks of 2^0, 2^1, ... pages, from /proc/buddyinfo, all zones together: how many sizes
// there are, at most `most`.
unsigned free_blocks(unsigned long *blocks, unsigned most);

// A page's size in bytes, as the kernel told this program when it started it.
unsigned long page_size(void);
