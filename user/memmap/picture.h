// SPDX-License-Identifier: MIT
//
// The picture on the screen: physical memory, one mark a frame, a legend with totals, and
// processes beside it. tools/draw/picture.py draws the same of a dump, with the same measures.
#pragma once

#include "user/lib/canvas.h"
#include "user/memmap/view.h"

#define PICTURE_WIDTH  1024
#define PICTURE_HEIGHT 768
// Marks of frames in a room: `scale` frames a mark, `columns` marks a row, a mark of `mark` pixels
// every `cell` pixels.
struct grid {
	size_t scale, columns;
	int cell, mark;
};

struct picture {
	struct canvas canvas;
	struct grid grid;
	uint8_t *shown;                    // enum owner of each mark as it is on the canvas
	unsigned long totals[OWNER_COUNT]; // as the legend says now
	uint64_t side;                     // a checksum of what is beside the map
	char caption[128];
	bool drawn; // the first time is over
};

// For the memory that has been read. False when there is no memory for it.
bool picture_start(struct picture *picture, const struct memory *memory);

// Draws what has changed since the last time.
void picture_draw(struct picture *picture, const struct view *view);
