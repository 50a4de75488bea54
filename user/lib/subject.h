// SPDX-License-Identifier: MIT
//
// What a program needs that watches its own memory: a quiet start, memory nobody has touched, and
// children to be done with.
#pragma once

#include <stddef.h>

// Touches every page that this program will need for itself, so that the faults which follow are
// those of what it does: its text and data, and the stack that it will use.
void settle(void);

// Fresh anonymous memory that nobody has touched; ends the program when there is none.
char *reserve(size_t size);

// A child process that does `work` and exits with its result; the parent gets the wait status.
int in_child(int (*work)(void *context), void *context, int *pid);

// A child that goes on by itself: 0 in the child, its number in the parent. Ends the program when
// there can be none.
int child_start(void);

// A column of the figures' table: KiB of so many pages.
unsigned long kib(unsigned long pages);
