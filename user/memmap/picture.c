// SPDX-License-Identifier: MIT
//
// The map of physical memory, its title and its legend: see picture.h. What is beside it is in
// picture_side.c.
#include "user/lib/figures.h"
#include "user/memmap/picture_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_X       80
#define MAP_Y       80
#define MAP_WIDTH   656 // room for the marks of the frames
#define MAP_HEIGHT  520
#define LEGEND_Y    614
#define LEGEND_STEP 34 // there is room for a fourth row of owners
#define BAR_WIDTH   (MAP_X + MAP_WIDTH - MARGIN)
#define CELL_MAX    12
#define COLUMN_STEP 32
#define LABEL_ROOM  30 // pixels from one label of a row to the next
#define CAPTION     0xffd48a

void size_text(char text[24], unsigned long size)
{
	unsigned long tenths = (size & 0xfffff) * 10 >> 20;

	if (size < 1 << 20)
		snprintf(text, 24, "%lu KiB", size >> 10);
	else if (tenths)
		snprintf(text, 24, "%lu.%lu MiB", size >> 20, tenths);
	else
		snprintf(text, 24, "%lu MiB", size >> 20);
}

// ---- where the marks are ----
static bool fits(size_t frames, size_t columns, int cell, size_t scale)
{
	return columns && columns * (size_t)(MAP_HEIGHT / cell) * scale >= frames;
}

// The largest marks that fit; as many in a row as is round, if there is room for more rows.
static struct grid choose_grid(size_t frames)
{
	struct grid grid = {.scale = 1};

	for (;; grid.scale *= 2) {
		for (grid.cell = CELL_MAX; grid.cell > 1; grid.cell--) {
			size_t columns = (size_t)(MAP_WIDTH / grid.cell) & ~(COLUMN_STEP - 1ul);
			size_t round = COLUMN_STEP;

			if (!fits(frames, columns, grid.cell, grid.scale))
				continue;
			while (round * 2 <= columns)
				round *= 2;
			grid.columns =
				fits(frames, round, grid.cell, grid.scale) ? round : columns;
			grid.mark = grid.cell > 2 ? grid.cell - 1 : grid.cell;
			return grid;
		}
	}
}

bool picture_start(struct picture *picture, const struct memory *memory)
{
	memset(picture, 0, sizeof(*picture));
	picture->grid = choose_grid(memory->frames);
	picture->shown = calloc(memory->frames / picture->grid.scale + 1, 1);
	return picture->shown &&
	       canvas_start(&picture->canvas, PICTURE_WIDTH, PICTURE_HEIGHT, BACKGROUND);
}

// ---- what stays ----
static void draw_title(struct picture *picture, const struct memory *memory)
{
	char text[128], size[24], frames[32] = "one frame";
	const char *most = picture->grid.scale > 1 ? ", as most of them" : "";

	size_text(size, memory->ram * page_size());
	if (picture->grid.scale > 1)
		snprintf(frames, sizeof(frames), "%lu frames", picture->grid.scale);
	snprintf(text, sizeof(text), "%s of RAM in %lu frames: one mark is %s of %lu KiB%s", size,
		 memory->ram, frames, page_size() >> 10, most);
	canvas_text(&picture->canvas, MARGIN, 18, &font_large, BRIGHT, "Physical memory");
	canvas_text(&picture->canvas, MARGIN + 16 * 12, 24, &font_plain, DIM, text);
}

static void draw_labels(struct picture *picture, const struct memory *memory)
{
	size_t row_frames = picture->grid.columns * picture->grid.scale, rows = 1;
	char label[24];

	while ((int)rows * picture->grid.cell < LABEL_ROOM)
		rows *= 2;
	for (size_t first = 0; first < memory->frames; first += rows * row_frames) {
		int y = MAP_Y + (int)(first / row_frames) * picture->grid.cell - 3;

		size_text(label, first * page_size());
		if (!first)
			strcpy(label, "0");
		canvas_text(&picture->canvas, MAP_X - 8 - 6 * (int)strlen(label), y, &font_small,
			    DIM, label);
	}
}

// ---- what changes ----
static void draw_caption(struct picture *picture, const char *caption)
{
	if (!caption)
		caption = "";
	if (strncmp(picture->caption, caption, sizeof(picture->caption) - 1) == 0)
		return;
	snprintf(picture->caption, sizeof(picture->caption), "%s", caption);
	canvas_rectangle(&picture->canvas, MARGIN, 50, PICTURE_WIDTH - MARGIN, 16, BACKGROUND);
	canvas_text(&picture->canvas, MARGIN, 50, &font_plain, CAPTION, picture->caption);
}

static void draw_marks(struct picture *picture, const struct memory *memory)
{
	const struct grid *grid = &picture->grid;
	size_t mark = 0;

	for (size_t first = 0; first < memory->frames; first += grid->scale, mark++) {
		bool mixed;
		enum owner owner = memory_owner(memory, first, grid->scale, &mixed);

		if (picture->shown[mark] == owner)
			continue;
		picture->shown[mark] = (uint8_t)owner;
		canvas_rectangle(&picture->canvas,
				 MAP_X + (int)(mark % grid->columns) * grid->cell,
				 MAP_Y + (int)(mark / grid->columns) * grid->cell, grid->mark,
				 grid->mark, owner_looks[owner].colour);
	}
}

// What share of RAM each owner has. One that has little still gets a pixel.
static void draw_bar(struct picture *picture, const struct memory *memory)
{
	unsigned long done = 0;
	int at = 0;

	for (int owner = OWNER_FREE + 1; owner < OWNER_COUNT; owner++) {
		int end;

		done += memory->totals[owner];
		end = (int)(BAR_WIDTH * done / memory->ram);
		if (end <= at && memory->totals[owner])
			end = at + 1;
		if (end <= at)
			continue;
		canvas_rectangle(&picture->canvas, MARGIN + at, LEGEND_Y, end - at, 10,
				 owner_looks[owner].colour);
		at = end;
	}
	canvas_rectangle(&picture->canvas, MARGIN + at, LEGEND_Y, BAR_WIDTH - at, 10,
			 owner_looks[OWNER_FREE].colour);
}

static void draw_entry(struct canvas *canvas, enum owner owner, unsigned long frames)
{
	const struct owner_look *look = &owner_looks[owner];
	int place = (int)owner - 1;
	int x = MARGIN + place % 3 * 240, y = LEGEND_Y + 20 + place / 3 * LEGEND_STEP;
	char size[24], count[48];

	size_text(size, frames * page_size());
	snprintf(count, sizeof(count), "%lu = %s", frames, size);
	canvas_rectangle(canvas, x, y, 236, 30, BACKGROUND);
	canvas_rectangle(canvas, x, y + 2, 13, 13, look->colour);
	canvas_text(canvas, x + 20, y, &font_plain, BRIGHT, look->name);
	canvas_text(canvas, x + 224 - 6 * (int)strlen(count), y + 2, &font_small, BRIGHT, count);
	canvas_text(canvas, x + 20, y + 17, &font_small, DIM, look->meaning);
}

static void draw_legend(struct picture *picture, const struct memory *memory)
{
	bool changed = !picture->drawn;

	for (int owner = OWNER_FREE; owner < OWNER_COUNT; owner++) {
		unsigned long frames = memory->totals[owner];

		if (picture->drawn && picture->totals[owner] == frames)
			continue;
		changed = true;
		picture->totals[owner] = frames;
		draw_entry(&picture->canvas, (enum owner)owner, frames);
	}
	if (changed && memory->ram)
		draw_bar(picture, memory);
}

void picture_draw(struct picture *picture, const struct view *view)
{
	if (!picture->drawn) {
		draw_title(picture, &view->memory);
		draw_labels(picture, &view->memory);
	}
	draw_caption(picture, view->caption);
	draw_marks(picture, &view->memory);
	draw_legend(picture, &view->memory);
	picture_draw_side(picture, view);
	picture->drawn = true;
}
