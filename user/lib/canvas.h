// SPDX-License-Identifier: MIT
//
// Pixels in memory to draw on, a byte each, so that the drawing is not the largest thing in the
// picture. It knows what has changed since it was last shown, row by row. Colours are 0xRRGGBB,
// not too many different ones; what lies outside is cut off.
#pragma once

#include "user/lib/font.h"
#include <stdbool.h>

#define CANVAS_COLOURS 64

struct canvas {
	int width, height;
	uint8_t *pixels;                  // rows from the top: numbers of colours
	uint32_t colours[CANVAS_COLOURS]; // used so far
	int colour_count;
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
