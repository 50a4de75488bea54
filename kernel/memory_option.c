// SPDX-License-Identifier: MIT
//
// A memory map of one's own, to see how little RAM is enough and what holes do, and to test maps
// that no machine at hand has. It may lie: mm_start() tries what it is told is RAM.
#include "kernel/memory_option.h"
#include "kernel/boot_info.h"
#include "lib/parse.h"
#include "lib/string.h"

#define PIECES_MAX 32
#define PIECE_SIZE 48

// "START-END" or "!START-END"; changes `text`.
static bool parse_piece(char *text, struct memory_range *range)
{
	char *dash;

	range->type = *text == '!' ? MEMORY_RESERVED : MEMORY_USABLE;
	text += *text == '!';
	dash = strchr(text, '-');
	if (!dash)
		return false;
	*dash = '\0';
	return parse_size(text, &range->start) && parse_size(dash + 1, &range->end) &&
	       range->start < range->end;
}

// How many pieces, 0 when one of them makes no sense.
static size_t parse_list(const char *list, struct memory_range ranges[PIECES_MAX])
{
	size_t count = 0;

	while (count < PIECES_MAX) {
		const char *comma = strchr(list, ',');
		size_t length = comma ? (size_t)(comma - list) : strlen(list);
		char piece[PIECE_SIZE];

		if (length >= sizeof(piece))
			return 0;
		memcpy(piece, list, length);
		piece[length] = '\0';
		if (!parse_piece(piece, &ranges[count++]))
			return 0;
		if (!comma)
			return count;
		list = comma + 1;
	}
	return 0;
}

bool memory_option_apply(const char *list)
{
	struct memory_range ranges[PIECES_MAX];
	size_t count = parse_list(list, ranges), kept = 0;

	if (count == 0)
		return false;
	for (size_t i = 0; i < boot_info.range_count; i++)
		if (boot_info.ranges[i].type != MEMORY_USABLE)
			boot_info.ranges[kept++] = boot_info.ranges[i];
	boot_info.range_count = kept;
	for (size_t i = 0; i < count && boot_info.range_count < BOOT_RANGES_MAX; i++)
		boot_info.ranges[boot_info.range_count++] = ranges[i];
	return true;
}
