// SPDX-License-Identifier: MIT
//
// Reading this kernel's own files; see kernel_files.h.
#include "user/lib/kernel_files.h"
#include "user/lib/file_text.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[8192];

// Lines of a ledger are a name, blanks, a number, and whatever explains it.
bool ledger_each(const char *file, void (*visit)(const char *name, unsigned long value))
{
	char path[96], *at = text, *line;

	snprintf(path, sizeof(path), KERNEL_FILES "%s", file);
	if (file_read(path, text, sizeof(text)) < 0)
		return false;
	while ((line = next_line(&at))) {
		char *blank = strchr(line, ' ');

		if (!blank)
			continue;
		*blank = '\0';
		visit(line, strtoul(blank + 1, NULL, 10));
	}
	return true;
}

static const char *wanted;
static unsigned long wanted_value;

static void pick(const char *name, unsigned long value)
{
	if (strcmp(name, wanted) == 0)
		wanted_value = value;
}

static unsigned long ledger_value(const char *file, const char *name)
{
	wanted = name;
	wanted_value = 0;
	ledger_each(file, pick);
	return wanted_value;
}

unsigned long counter(const char *name)
{
	return ledger_value("counters", name);
}

unsigned long frames_of_kind(const char *kind)
{
	return ledger_value("frames", kind);
}

bool audit_line(char *line, size_t size)
{
	if (file_read(KERNEL_FILES "audit", text, sizeof(text)) <= 0)
		return false;
	snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

static bool has_word(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at && (at[strlen(word)] == ' ' || at[strlen(word)] == '\0');
}

// "PT  [ 12] = 0x8000000001234067 frame 0x1234 present ...": one table's entry.
static void parse_level(struct walk *walk, const char *line)
{
	struct walk_level *level = &walk->level[walk->levels++];
	const char *index = strchr(line, '['), *equals = strchr(line, '=');

	snprintf(level->name, sizeof(level->name), "%.*s", (int)strcspn(line, " ["), line);
	snprintf(level->text, sizeof(level->text), "%s", line);
	level->index = (unsigned)strtoul(index + 1, NULL, 10);
	level->entry = equals ? strtoul(equals + 1, NULL, 16) : 0;
	walk->present = !strstr(line, "not present");
	walk->writable = has_word(line, "writable");
	walk->user = has_word(line, "user");
	walk->executable = walk->present && !has_word(line, "no-execute");
}

// "frame 0x1234: anonymous, 2 references": what the path leads to.
static void parse_frame(struct walk *walk, const char *line)
{
	const char *colon = strchr(line, ':'), *comma = strchr(line, ',');

	walk->frame = strtoul(line + strlen("frame "), NULL, 16);
	if (!colon || !comma)
		return;
	snprintf(walk->kind, sizeof(walk->kind), "%.*s", (int)(comma - colon) - 2, colon + 2);
	walk->references = strtoul(comma + 1, NULL, 10);
}

bool walk_address(const void *address, struct walk *walk)
{
	char question[32], *at = text, *line;

	memset(walk, 0, sizeof(*walk));
	snprintf(question, sizeof(question), "%lx", (unsigned long)address);
	if (file_ask(KERNEL_FILES "walk", question, text, sizeof(text)) <= 0)
		return false;
	while ((line = next_line(&at))) {
		if (line[0] == 'P' && strchr(line, '[') && walk->levels < 4)
			parse_level(walk, line);
		else if (strncmp(line, "frame ", 6) == 0)
			parse_frame(walk, line);
	}
	return walk->levels > 0;
}

bool log_find(const char *part, char *line, size_t size)
{
	static char log[65536];
	char *at = log, *next;

	line[0] = '\0';
	if (file_read(KERNEL_FILES "log", log, sizeof(log)) < 0)
		return false;
	while ((next = next_line(&at)))
		if (strstr(next, part))
			snprintf(line, size, "%s", next);
	return line[0] != '\0';
}
