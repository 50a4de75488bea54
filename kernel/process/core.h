// SPDX-License-Identifier: MIT
//
// Core files: what a process leaves of itself when a signal ends it for a mistake.
#pragma once

#include <stdbool.h>

struct process;
struct registers;

// Whether the end of the process by this signal is to leave a core file: the signal is one of
// those, RLIMIT_CORE has room for a page and the process may be looked into. process_lock held.
bool core_wanted(const struct process *process, int signal);

// Ends the other threads of the running process and writes `core` into its working directory.
// Whether there is one now, be it cut off at RLIMIT_CORE. Sleeps. `registers` are ring 3's.
bool core_dump(const struct registers *registers, int signal);
