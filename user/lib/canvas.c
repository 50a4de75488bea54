// SPDX-License-Identifier: MIT
//
// Drawing into memory: see canvas.h.
#include "user/lib/canvas.h"
#include <stdlib.h>
#include <string.h>

bool canvas_start(struct canvas *canvas, int width, int height, uint32_t colour)
{
	memset(canvas, 0, sizeof(*canvas));
	canvas->width = width;
	canvas->height = height;
	canvas->pixels = malloc((size_t)width * (size_t)height);
	canvas->changed = calloc((size_t)height, sizeof(*canvas->changed));
	if (!canvas->pixels || !canvas->changed)
		return false;
	canvas_rectangle(canvas, 0, 0, width, height, colour);
	return true;
}

static int within(int value, int limit)
{
	if (value < 0)
		return 0;
	return value < limit ? value : limit;
}

static void change(struct canvas *canvas, int y, int from, int to)
{
	struct span *span = &canvas->changed[y];

	if (span->from >= span->to) {
		*span = (struct span){from, to};
		return;
	}
	if (from < span->from)
		span->from = from;
	if (to > span->to)
		span->to = to;
}

// Past the last one there is room for, it is that one.
static uint8_t number_of(struct canvas *canvas, uint32_t colour)
{
	int number = 0;

	while (number < canvas->colour_count && canvas->colours[number] != colour)
		number++;
	if (number == CANVAS_COLOURS)
		return CANVAS_COLOURS - 1;
	if (number == canvas->colour_count)
		canvas->colours[canvas->colour_count++] = colour;
	return (uint8_t)number;
}

void canvas_rectangle(struct canvas *canvas, int x, int y, int width, int height, uint32_t colour)
{
	int left = within(x, canvas->width), right = within(x + width, canvas->width);
	int bottom = within(y + height, canvas->height);
	uint8_t number = number_of(canvas, colour);

	if (left >= right)
		return;
	for (int row = within(y, canvas->height); row < bottom; row++) {
		memset(canvas->pixels + (long)row * canvas->width + left, number,
		       (size_t)(right - left));
		change(canvas, row, left, right);
	}
}

void canvas_outline(struct canvas *canvas, int x, int y, int size, uint32_t colour)
{
	canvas_rectangle(canvas, x, y, size, 1, colour);
	canvas_rectangle(canvas, x, y + size - 1, size, 1, colour);
	canvas_rectangle(canvas, x, y, 1, size, colour);
	canvas_rectangle(canvas, x + size - 1, y, 1, size, colour);
}

static void draw_character(struct canvas *canvas, int x, int y, const struct font *font,
			   uint32_t colour, char character)
{
	int words = (font->width * font->height + 63) / 64, bit = 0;
	const uint64_t *bits;

	if (character < ' ' || character > '~')
		character = '?';
	bits = font->bits + (character - ' ') * words;
	for (int row = 0; row < font->height; row++) {
		for (int column = 0; column < font->width; column++, bit++)
			if (bits[bit / 64] >> (63 - bit % 64) & 1)
				canvas_rectangle(canvas, x + column, y + row, 1, 1, colour);
	}
}

void canvas_text(struct canvas *canvas, int x, int y, const struct font *font, uint32_t colour,
		 const char *text)
{
	for (; *text; text++, x += font->width)
		draw_character(canvas, x, y, font, colour, *text);
}
