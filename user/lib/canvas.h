// SPDX-License-Identifier: MIT
//
// Pixels in memory to draw on. It knows what has changed since it was last shown, row by row.
// Colours are 0xRRGGBB; what lies outside is cut off.
#pragma once

#include "user/lib/font.h"
#include <stdbool.h>

struct canvas {
	int width, height;
	uint32_t *pixels; // rows from the top
	struct span {
		int from, to; // the pixels that changed lie in [from, to); none: from >= to
	} * changed;          // one for each row
};

// All of it in one colour, and as a whole changed. False when there is no memory.
bool canvas_start(struct canvas *canvas, int width, int height, uint32_t colour);

void canvas_rectangle(struct canvas *canvas, int x, int y, int width, int height, uint32_t colour);
// The edge of a square, one pixel wide.
void canvas_outline(struct canvas *canvas, int x, int y, int size, uint32_t colour);
void canvas_text(struct canvas *canvas, int x, int y, const struct font *font, uint32_t colour,
		 const char *text);
