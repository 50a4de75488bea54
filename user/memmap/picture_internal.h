// SPDX-License-Identifier: MIT
//
// What the parts of the picture share.
#pragma once

#include "user/memmap/picture.h"

#define MARGIN     24
#define BACKGROUND 0x0b0e14
#define BRIGHT     0xf2f5f9
#define DIM        0x9aa5b4

// "4 KiB", "1.5 MiB".
void size_text(char text[24], unsigned long size);

// The processes beside the map, if they are not as they were (picture_side.c).
void picture_draw_side(struct picture *picture, const struct view *view);
