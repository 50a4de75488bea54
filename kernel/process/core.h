// SPDX-License-Identifier: MIT
//
// Core files: what a process leaves of itself when a signal ends it for a mistake.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct process;
struct registers;

// Whether the end of the process by this signal is to leave a core file: the signal is one of
// those, RLIMIT_CORE has room for a page and the process may be looked into. process_lock held.
bool core_wanted(const struct process *process, int signal);

// Ends the other threads of the running process and writes `core` into its working directory.
// Whether there is one now, be it cut off at RLIMIT_CORE. Sleeps. `registers` are ring 3's.
bool core_dump(const struct registers *registers, int signal);

// /proc/sys/kernel/core_pattern: the file's name, with %p and the like. It is cut to what fits.
#define CORE_PATTERN_SIZE 128
void core_pattern_get(char pattern[CORE_PATTERN_SIZE]);
void core_pattern_set(const char *pattern, size_t length);

// /proc/PID/coredump_filter: which memory goes into the file. What Linux has beside these stands
// for nothing here.
enum {
	CORE_ANONYMOUS = 1,
	CORE_SHARED_ANONYMOUS = 2,
	CORE_FILE = 4,
	CORE_SHARED_FILE = 8,
	CORE_FILTER_DEFAULT = 0x33,
	CORE_FILTER_ALL = 0x1ff,
};
