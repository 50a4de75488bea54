// SPDX-License-Identifier: MIT
//
// Reading /proc/PID/maps. The text is read whole before the first line is looked at, so that a
// visitor may change the address space.
#include "user/lib/maps.h"
#include "user/lib/file_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_FIELD 5 // counted from 0: range, protection, offset, device, inode, name

static char text[16384];

static const char *field(const char *line, int number)
{
	while (number-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

static void parse(const char *line, struct mapping *mapping)
{
	char *at;

	mapping->start = strtoul(line, &at, 16);
	mapping->end = strtoul(at + 1, NULL, 16);
	snprintf(mapping->protection, sizeof(mapping->protection), "%s", field(line, 1));
	snprintf(mapping->name, sizeof(mapping->name), "%s", field(line, NAME_FIELD));
	snprintf(mapping->line, sizeof(mapping->line), "%s", line);
}

void maps_each_of(int pid, bool (*visit)(const struct mapping *mapping, void *context),
		  void *context)
{
	struct mapping mapping;
	char path[32] = "/proc/self/maps", *at = text, *line;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	if (file_read(path, text, sizeof(text)) < 0)
		return;
	while ((line = next_line(&at))) {
		parse(line, &mapping);
		if (!visit(&mapping, context))
			return;
	}
}

void maps_each(bool (*visit)(const struct mapping *mapping, void *context), void *context)
{
	maps_each_of(0, visit, context);
}

struct search {
	uintptr_t address;
	const char *name; // NULL: by address
	struct mapping *found;
	bool hit;
};

static bool compare(const struct mapping *mapping, void *context)
{
	struct search *search = context;

	if (search->name)
		search->hit = strcmp(mapping->name, search->name) == 0;
	else
		search->hit = search->address >= mapping->start && search->address < mapping->end;
	if (search->hit)
		*search->found = *mapping;
	return !search->hit;
}

bool maps_find(const void *address, struct mapping *mapping)
{
	struct search search = {.address = (uintptr_t)address, .found = mapping};

	maps_each(compare, &search);
	return search.hit;
}

bool maps_named(const char *name, struct mapping *mapping)
{
	struct search search = {.name = name, .found = mapping};

	maps_each(compare, &search);
	return search.hit;
}
