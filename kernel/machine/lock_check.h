// SPDX-License-Identifier: MIT
//
// What the two halves of the checks on locks share (debug builds only): spin locks, which a CPU
// holds (kernel/machine/lock_check.c), and locks that sleep, which a task holds
// (kernel/process/sleep_check.c). Who takes locks wants lib/spinlock.h.
#pragma once

#include "lib/lock_check.h"

#ifdef LOCK_CHECKS

#include "lib/lock_graph.h"

// The number of a lock's class; -1: there are too many.
int lock_class_of(struct lock_check *check, const char *name, const char *file);
// `to` is about to be taken with `from` held, by the caller of the function with this stack frame.
// Ends in a panic when that closes a circle.
void lock_order_add(unsigned from, unsigned to, uintptr_t frame);
// Whether the caller is the one to report: checks are off from here on.
bool lock_report_begin(void);

// A lock of this class is about to be taken: after what the running task holds.
void sleep_locks_order(unsigned class, uintptr_t frame);
// Panics when the running task holds one.
void sleep_locks_check_none(void);

// For tests: what counts as held, and as waited for, too long. Nanoseconds.
void lock_check_set_limits(uint64_t held, uint64_t wait);

#endif
