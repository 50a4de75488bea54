// SPDX-License-Identifier: MIT
//
// The picture as text: one letter a frame, or a block of frames where there is no room for all.
#pragma once

#include "user/memmap/space.h"

// `scale`: frames a letter; 0: as many as it takes to fit on a screen.
void text_memory(const struct memory *memory, size_t scale);
void text_legend(const struct memory *memory);
void text_space(const struct space *space);

// Everything about memory and a process as lines for tools/picture; `space` may be NULL.
void dump_memory(const struct memory *memory, const char *caption);
void dump_space(const struct space *space);
