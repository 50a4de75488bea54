// SPDX-License-Identifier: MIT
//
// Marks: moments of a program at which it wants a picture of memory. It takes part when memmap
// runs it (memmap --run PROGRAM); elsewhere marks cost nothing.
#pragma once

#include <stdbool.h>

// Asks for a picture with this line over it, and waits until it has been drawn and kept. False
// when nobody draws.
bool mark(const char *caption);

// For memmap: execve with the descriptors for the marks in the environment.
void mark_execute(char **program, const char *descriptors);
