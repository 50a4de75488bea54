// SPDX-License-Identifier: MIT
//
// Processes beside the map: for each mapping a line and its pages, coloured like the frames they
// have. The marks are as large as fits; where there are too many pages, a mark is several of them.
#include "user/memmap/picture_internal.h"
#include <stdio.h>
#include <string.h>

#define SIDE_X      764
#define SIDE_Y      80
#define SIDE_WIDTH  236
#define SIDE_HEIGHT 664
#define CELL_MAX    10
#define CELL_MIN    4
// Rows of marks that one mapping may have: all it needs, or else fewer and fewer.
#define ROWS_ALL    1024
#define ROWS_MAX    16
#define HEAD_HEIGHT 36 // of a process, and what is left below it
#define FOOT_HEIGHT 18
#define LINE_HEIGHT 14 // of a mapping, and what is left below it
#define LINE_GAP    6
#define OUTLINE     0x46505e

// How the processes are shown.
struct fit {
	int cell;
	size_t columns, rows; // marks in a row, and rows a mapping may have
};

static size_t area_scale(const struct area *area, const struct fit *fit)
{
	size_t scale = 1;

	while (area->pages > scale * fit->columns * fit->rows)
		scale *= 2;
	return scale;
}

static int area_height(const struct area *area, const struct fit *fit)
{
	size_t row = area_scale(area, fit) * fit->columns;

	return (int)((area->pages + row - 1) / row) * fit->cell + LINE_HEIGHT + LINE_GAP;
}

static int whole_height(const struct view *view, const struct fit *fit)
{
	int height = 0;

	for (size_t i = 0; i < view->spaces; i++) {
		const struct space *space = &view->space[i];

		height += HEAD_HEIGHT + FOOT_HEIGHT;
		for (size_t area = 0; area < space->areas; area++)
			height += area_height(&space->area[area], fit);
	}
	return height;
}

static struct fit choose_fit(const struct view *view)
{
	struct fit fit = {0};

	for (fit.rows = ROWS_ALL; fit.rows > 0;
	     fit.rows = fit.rows == ROWS_ALL ? ROWS_MAX : fit.rows / 2) {
		for (fit.cell = CELL_MAX; fit.cell >= CELL_MIN; fit.cell--) {
			fit.columns = (size_t)(SIDE_WIDTH / fit.cell);
			if (whole_height(view, &fit) <= SIDE_HEIGHT)
				return fit;
		}
	}
	return (struct fit){CELL_MIN, SIDE_WIDTH / CELL_MIN, 1};
}

static void draw_pages(struct canvas *canvas, const struct area *area, int y,
		       const struct fit *fit)
{
	size_t scale = area_scale(area, fit), mark = 0;

	for (size_t first = 0; first < area->pages; first += scale, mark++) {
		size_t left = area->pages - first;
		bool mixed;
		enum owner owner =
			owner_vote(area->owners + first, left < scale ? left : scale, &mixed);
		int x = SIDE_X + (int)(mark % fit->columns) * fit->cell;
		int row = y + (int)(mark / fit->columns) * fit->cell;

		if (owner == OWNER_NONE)
			canvas_outline(canvas, x, row, fit->cell - 1, OUTLINE);
		else
			canvas_rectangle(canvas, x, row, fit->cell - 1, fit->cell - 1,
					 owner_looks[owner].colour);
	}
}

static void draw_area(struct canvas *canvas, const struct area *area, int y, const struct fit *fit)
{
	size_t scale = area_scale(area, fit);
	const char *slash = strrchr(area->name, '/'), *name = slash ? slash + 1 : area->name;
	char text[64];

	snprintf(text, sizeof(text), "%.18s %s", *name ? name : "anonymous", area->protection);
	canvas_text(canvas, SIDE_X, y, &font_small, BRIGHT, text);
	snprintf(text, sizeof(text), "%lu page%s", area->pages, area->pages == 1 ? "" : "s");
	if (scale > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %lu a mark", scale);
	canvas_text(canvas, SIDE_X + SIDE_WIDTH - 6 * (int)strlen(text), y, &font_small, DIM,
		    text);
	draw_pages(canvas, area, y + LINE_HEIGHT, fit);
}

static int draw_space(struct canvas *canvas, const struct space *space, int y,
		      const struct fit *fit)
{
	unsigned long seen = 0;
	char text[96];

	for (int owner = 0; owner < OWNER_COUNT; owner++)
		seen += space->totals[owner];
	snprintf(text, sizeof(text), "Process %d: %s", space->pid, space->name);
	canvas_text(canvas, SIDE_X, y, &font_plain, BRIGHT, text);
	snprintf(text, sizeof(text), "%lu pages, %lu with a frame", space->pages,
		 seen - space->totals[OWNER_NONE]);
	canvas_text(canvas, SIDE_X, y + 18, &font_small, DIM, text);
	y += HEAD_HEIGHT;
	for (size_t i = 0; i < space->areas; i++) {
		const struct area *area = &space->area[i];

		if (y + area_height(area, fit) > SIDE_Y + SIDE_HEIGHT + FOOT_HEIGHT)
			return PICTURE_HEIGHT;
		draw_area(canvas, area, y, fit);
		y += area_height(area, fit);
	}
	return y + FOOT_HEIGHT;
}

// FNV-1a over everything that is drawn here.
static uint64_t mix(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

static uint64_t checksum(const struct view *view)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < view->spaces; i++) {
		const struct space *space = &view->space[i];

		sum = mix(sum, &space->pid, sizeof(space->pid));
		sum = mix(sum, space->name, strlen(space->name));
		for (size_t area = 0; area < space->areas; area++) {
			sum = mix(sum, &space->area[area].start, sizeof(uintptr_t));
			sum = mix(sum, space->area[area].protection, 4);
			sum = mix(sum, space->area[area].owners, space->area[area].pages);
		}
	}
	return sum;
}

void picture_draw_side(struct picture *picture, const struct view *view)
{
	struct canvas *canvas = &picture->canvas;
	struct fit fit = choose_fit(view);
	uint64_t sum = checksum(view);
	int y = SIDE_Y;

	if (picture->drawn && picture->side == sum)
		return;
	picture->side = sum;
	canvas_rectangle(canvas, SIDE_X, SIDE_Y, PICTURE_WIDTH - SIDE_X, PICTURE_HEIGHT - SIDE_Y,
			 BACKGROUND);
	for (size_t i = 0; i < view->spaces && y < PICTURE_HEIGHT; i++)
		y = draw_space(canvas, &view->space[i], y, &fit);
	if (view->spaces)
		canvas_text(canvas, SIDE_X, PICTURE_HEIGHT - 20, &font_small, DIM,
			    "an outline: a page without a frame");
}
