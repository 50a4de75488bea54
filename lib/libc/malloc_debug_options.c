// SPDX-License-Identifier: MIT
//
// The words of MALLOC_DEBUG.
#include "lib/libc/malloc_debug.h"
#include <stdio.h>
#include <string.h>

#define STACKS   16u
#define RED_ZONE 32ul
#define WIDE     256ul
#define HELD     (1ul << 20) // in quarantine
#define LARGE    DEBUG_PAGE  // from here up "all" gives guard pages

struct debug_options debug_options = {.guard_from = 1, .stacks = STACKS};

// 12, 4K, 1M, 1G. False: there is something else.
static bool read_size(const char **text, size_t *size)
{
	const char *at = *text;
	unsigned int shift = 0;

	for (*size = 0; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*size, 10, size) ||
		    __builtin_add_overflow(*size, (size_t)(*at - '0'), size))
			return false;
	if (at == *text)
		return false;
	if (*at == 'K' || *at == 'k')
		shift = 10;
	else if (*at == 'M' || *at == 'm')
		shift = 20;
	else if (*at == 'G' || *at == 'g')
		shift = 30;
	at += shift != 0;
	if (*size > (size_t)PTRDIFF_MAX >> shift)
		return false;
	*size <<= shift;
	*text = at;
	return true;
}

// A whole value: nothing may follow.
static bool whole_size(const char *value, size_t *size)
{
	return read_size(&value, size) && *value == '\0';
}

static bool set_red_zone(const char *value)
{
	size_t size = RED_ZONE;

	if (value && (!whole_size(value, &size) || size > 1ul << 20))
		return false;
	debug_options.red_zone = (size + 15) & -16ul;
	return true;
}

static bool set_fill(const char *value)
{
	debug_options.fill = true;
	return !value;
}

static bool set_quarantine(const char *value)
{
	debug_options.quarantine = HELD;
	return !value || whole_size(value, &debug_options.quarantine);
}

// All blocks, those from N bytes on, or those from N to M.
static bool set_guard(const char *value)
{
	size_t from = 0, to = SIZE_MAX;

	if (value && !read_size(&value, &from))
		return false;
	if (value && *value == '-') {
		value++;
		if (!read_size(&value, &to))
			return false;
	}
	if ((value && *value) || from > to)
		return false;
	debug_options.guard_from = from;
	debug_options.guard_to = to;
	return true;
}

static bool set_align(const char *value)
{
	size_t align;

	if (!value || !whole_size(value, &align) || (align & (align - 1)) || align > DEBUG_PAGE)
		return false;
	debug_options.align = align;
	return true;
}

static bool set_leaks(const char *value)
{
	if (!value || strcmp(value, "lost") == 0)
		debug_options.leaks = LEAKS_LOST;
	else if (strcmp(value, "all") == 0)
		debug_options.leaks = LEAKS_ALL;
	else if (strcmp(value, "fail") == 0)
		debug_options.leaks_fail = true;
	else
		return false;
	if (!debug_options.leaks)
		debug_options.leaks = LEAKS_LOST;
	return true;
}

static bool set_stacks(const char *value)
{
	size_t count;

	if (!value || !whole_size(value, &count) || count < 1 || count > DEBUG_FRAMES_MAX)
		return false;
	debug_options.stacks = (unsigned int)count;
	return true;
}

// With red zones wide enough for most jumps over a block's end.
static bool set_watch(const char *value)
{
	debug_options.watch = true;
	if (debug_options.red_zone < WIDE)
		debug_options.red_zone = WIDE;
	if (!debug_options.quarantine)
		debug_options.quarantine = HELD;
	if (!debug_options.leaks)
		debug_options.leaks = LEAKS_LOST;
	return !value;
}

static bool set_all(const char *value)
{
	if (debug_options.red_zone < RED_ZONE)
		set_red_zone(NULL);
	set_fill(NULL);
	set_quarantine(NULL);
	debug_options.guard_from = LARGE;
	debug_options.guard_to = SIZE_MAX;
	if (!debug_options.align)
		debug_options.align = 16;
	set_leaks("all");
	return !value;
}

static const struct {
	const char *name;
	bool (*set)(const char *value); // NULL: without =VALUE
} words[] = {
	{"redzone", set_red_zone}, {"fill", set_fill},   {"quarantine", set_quarantine},
	{"guard", set_guard},      {"align", set_align}, {"leaks", set_leaks},
	{"stacks", set_stacks},    {"all", set_all},     {"1", set_all},
	{"watch", set_watch},
};

static bool obey(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, word) == 0)
			return words[i].set(value);
	return false;
}

void debug_read_options(const char *text)
{
	char word[64], copy[64];

	while (*text) {
		size_t length = 0;

		while (text[length] && text[length] != ',')
			length++;
		snprintf(word, sizeof(word), "%.*s", (int)(length < 63 ? length : 63), text);
		memcpy(copy, word, sizeof(copy));
		text += length + (text[length] == ',');
		if (!*word || strcmp(word, "0") == 0)
			continue;
		if (obey(word)) {
			debug_options.on = true;
			continue;
		}
		debug_say("MALLOC_DEBUG: \"%s\" is ignored; known are all redzone=BYTES fill "
			  "quarantine=BYTES guard=BYTES guard=FROM-TO align=BYTES leaks "
			  "leaks=all leaks=fail stacks=COUNT watch\n",
			  copy);
		debug_say_done();
	}
}
