// SPDX-License-Identifier: MIT
//
// Physical memory and an address space as rows of letters: see text.h.
#include "user/memmap/text.h"
#include "user/lib/figures.h"
#include "user/lib/screen.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_USUAL    32
#define COLUMNS_USUAL 64
#define MARGIN        14  // columns left of the letters
#define LEGEND_ROWS   14  // of a screen are not for the letters
#define NO_FRAME      '_' // a page that nothing is mapped at

// ---- letters in colour ----
static enum owner current; // whose colour the terminal writes in

static void colour(enum owner owner)
{
	if (*style(STYLE_BOLD) && owner != current)
		printf("\033[38;5;%dm", owner_looks[owner].terminal);
	current = owner;
}

static void colour_end(void)
{
	fputs(style(STYLE_PLAIN), stdout);
	current = OWNER_NONE;
}

// Small where not all frames are such; free frames have no letter.
static char letter_of(enum owner owner, bool mixed)
{
	if (owner == OWNER_FREE)
		return mixed ? ':' : '.';
	if (owner == OWNER_NONE)
		return ' ';
	return mixed ? (char)tolower(owner_looks[owner].letter) : owner_looks[owner].letter;
}

static void put(enum owner owner, char letter)
{
	if (letter != ' ')
		colour(owner);
	putchar(letter);
}

// ---- physical memory ----
struct screen_size {
	size_t rows, columns;
};

// What is left of the screen for letters, in a terminal; the columns a power of two, so that the
// addresses of the rows are round.
static struct screen_size room_for_letters(void)
{
	struct screen_size room = {ROWS_USUAL, COLUMNS_USUAL};
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return room;
	if (size.ws_row)
		room.rows = size.ws_row > LEGEND_ROWS + 4 ? size.ws_row - LEGEND_ROWS : 4;
	while (room.columns * 2 + MARGIN < size.ws_col)
		room.columns *= 2;
	while (room.columns > 8 && room.columns + MARGIN > size.ws_col && size.ws_col)
		room.columns /= 2;
	return room;
}

static size_t usual_scale(const struct memory *memory, struct screen_size room)
{
	size_t scale = 1;

	while (scale * room.rows * room.columns < memory->frames)
		scale *= 2;
	return scale;
}

static void put_row(const struct memory *memory, size_t first, size_t scale, size_t columns)
{
	printf("%#12lx  ", first * page_size());
	for (size_t i = 0; i < columns && first < memory->frames; i++, first += scale) {
		bool mixed;
		enum owner owner = memory_owner(memory, first, scale, &mixed);

		put(owner, letter_of(owner, mixed));
	}
	colour_end();
	putchar('\n');
}

static bool row_is_empty(const struct memory *memory, size_t first, size_t frames)
{
	for (size_t i = first; i < first + frames && i < memory->frames; i++)
		if (memory->owners[i] != OWNER_NONE)
			return false;
	return true;
}

static void put_memory(const struct memory *memory, size_t scale)
{
	struct screen_size room = room_for_letters();
	bool skipped = false;
	size_t row;

	if (!scale)
		scale = usual_scale(memory, room);
	row = scale * room.columns;
	printf("Physical memory: %lu MiB of RAM. One letter is %lu frame%s: %lu KiB.\n",
	       memory->ram * page_size() >> 20, scale, scale == 1 ? "" : "s",
	       scale * page_size() / 1024);
	for (size_t first = 0; first < memory->frames; first += row) {
		bool empty = row_is_empty(memory, first, row);

		if (!empty)
			put_row(memory, first, scale, room.columns);
		else if (!skipped)
			printf("         ...  no RAM\n");
		skipped = empty;
	}
}

static void put_legend(const struct memory *memory)
{
	for (int owner = OWNER_NONE + 1; owner < OWNER_COUNT; owner++) {
		const struct owner_look *look = &owner_looks[owner];

		fputs("  ", stdout);
		put((enum owner)owner, look->letter);
		colour_end();
		printf(" %-13s%8lu frames %8lu KiB  %s\n", look->name, memory->totals[owner],
		       memory->totals[owner] * page_size() / 1024, look->meaning);
	}
	printf("    %-13s%8lu frames %8lu KiB\n", "total", memory->ram,
	       memory->ram * page_size() / 1024);
	puts("  A small letter, or ':' for free: most of the frames there are such, not all.");
}

// ---- a process ----
static void put_pages(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++) {
		enum owner owner = area->owners[i];

		if (i % COLUMNS_USUAL == 0)
			printf("%*s", MARGIN, "");
		put(owner, owner == OWNER_NONE ? NO_FRAME : letter_of(owner, false));
		if (i % COLUMNS_USUAL == COLUMNS_USUAL - 1 || i == area->pages - 1) {
			colour_end();
			putchar('\n');
		}
	}
}

// Where most pages have no frame, only how many.
#define PAGES_SHOWN 1024

static void put_area(const struct area *area)
{
	size_t pages = (area->end - area->start) / page_size();

	printf("%012lx-%012lx %s %s: %lu page%s, %lu with a frame\n", area->start, area->end,
	       area->protection, *area->name ? area->name : "anonymous", pages,
	       pages == 1 ? "" : "s", area->resident);
	if (pages <= PAGES_SHOWN)
		put_pages(area);
}

static void put_space(const struct space *space)
{
	printf("\nProcess %d, %s: %lu pages. One letter is one page, by its frame; '%c': none "
	       "yet.\n",
	       space->pid, space->name, space->pages, NO_FRAME);
	for (size_t i = 0; i < space->areas; i++)
		put_area(&space->area[i]);
	if (space->areas_left_out)
		printf("and %lu more mappings\n", space->areas_left_out);
}

void text_view(const struct view *view, size_t scale)
{
	if (view->caption)
		puts(view->caption);
	put_memory(&view->memory, scale);
	put_legend(&view->memory);
	if (!view->right)
		puts("  The kernel counts otherwise: something has changed meanwhile.");
	for (size_t i = 0; i < view->spaces; i++)
		put_space(&view->space[i]);
	fflush(stdout);
}
