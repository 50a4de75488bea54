// SPDX-License-Identifier: MIT
//
// /proc/PID/statm, stat, status, /proc/meminfo and buddyinfo, whose formats are Linux's: proc(5).
#include "user/lib/figures.h"
#include "user/lib/file_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[4096];

static bool read_of(int pid, const char *file)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", file);
	return file_read(path, text, sizeof(text)) > 0;
}

static void parse_statm(struct figures *figures)
{
	char *at = text;

	figures->size = strtoul(at, &at, 10);
	figures->resident = strtoul(at, &at, 10);
}

// Field 2 is the name in parentheses, which may itself hold blanks: fields count from the last
// ')'.
static void parse_stat(struct figures *figures)
{
	char *at = strrchr(text, ')');
	unsigned long value[13] = {0};

	if (!at)
		return;
	at += 3; // field 3 is a letter
	for (int field = 4; field <= 12; field++)
		value[field] = strtoul(at + 1, &at, 10);
	figures->minor = value[10];
	figures->major = value[12];
}

static const char *value_of(const char *key)
{
	char *at = strstr(text, key);

	return at ? at + strlen(key) : NULL;
}

static void parse_status(struct figures *figures)
{
	const char *name = value_of("Name:\t"), *tables = value_of("VmPTE:");

	if (name)
		snprintf(figures->name, sizeof(figures->name), "%.*s", (int)strcspn(name, "\n"),
			 name);
	if (tables)
		figures->tables = strtoul(tables, NULL, 10) << 10;
}

bool figures_read(int pid, struct figures *figures)
{
	memset(figures, 0, sizeof(*figures));
	if (!read_of(pid, "statm"))
		return false;
	parse_statm(figures);
	if (!read_of(pid, "stat"))
		return false;
	parse_stat(figures);
	if (!read_of(pid, "status"))
		return false;
	parse_status(figures);
	return true;
}

bool meminfo(const char *name, unsigned long *value)
{
	char *at = text, *line;

	if (file_read("/proc/meminfo", text, sizeof(text)) < 0)
		return false;
	while ((line = next_line(&at))) {
		size_t length = strlen(name);

		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		*value = strtoul(line + length + 1, NULL, 10);
		return true;
	}
	return false;
}

// "Node 0, zone   Normal      1      0 ...": after the zone's name come the numbers.
unsigned free_blocks(unsigned long *blocks, unsigned most)
{
	char *at = text, *line;
	unsigned count = 0;

	memset(blocks, 0, most * sizeof(*blocks));
	if (file_read("/proc/buddyinfo", text, sizeof(text)) < 0)
		return 0;
	while ((line = next_line(&at))) {
		char *zone = strstr(line, "zone"),
		     *number = zone ? strpbrk(zone, "0123456789") : 0;
		unsigned order = 0;

		for (char *end; number && order < most; number = end, order++) {
			unsigned long value = strtoul(number, &end, 10);

			if (end == number)
				break;
			blocks[order] += value;
		}
		count = order > count ? order : count;
	}
	return count;
}

unsigned long page_size(void)
{
	return (unsigned long)getpagesize();
}
