// SPDX-License-Identifier: MIT
//
// The picture as text: one letter a frame, or a block of frames where there is no room for all.
#pragma once

#include "user/memmap/view.h"

// `scale`: frames a letter; 0: as many as it takes to fit on a screen.
void text_view(const struct view *view, size_t scale);

// The same as lines for tools/picture (dump.c).
void dump_view(const struct view *view);
