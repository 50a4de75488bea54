// SPDX-License-Identifier: MIT
//
// /proc/self/maps, line by line. System calls are made directly and nothing is allocated: this is
// called where the heap may be broken.
#include "lib/libc/debug_maps.h"
#include "lib/libc/system_call.h"
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <string.h>

struct text {
	const char *at;
};

static uint64_t hexadecimal(struct text *text)
{
	uint64_t value = 0;

	for (;; text->at++) {
		char c = *text->at;

		if (c >= '0' && c <= '9')
			value = value * 16 + (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (uint64_t)(c - 'a' + 10);
		else
			return value;
	}
}

static void skip_word(struct text *text)
{
	while (*text->at && *text->at != ' ')
		text->at++;
	while (*text->at == ' ')
		text->at++;
}

// START-END rwxp OFFSET DEVICE INODE   PATH
static void parse(const char *line, struct debug_mapping *mapping)
{
	struct text text = {line};
	size_t length;

	mapping->start = hexadecimal(&text);
	text.at += *text.at == '-';
	mapping->end = hexadecimal(&text);
	text.at += *text.at == ' ';
	mapping->readable = text.at[0] == 'r';
	mapping->writable = text.at[0] && text.at[1] == 'w';
	mapping->executable = text.at[0] && text.at[1] && text.at[2] == 'x';
	skip_word(&text);
	mapping->offset = hexadecimal(&text);
	for (int i = 0; i < 3; i++)
		skip_word(&text);
	length = strlen(text.at);
	if (length >= DEBUG_PATH_MAX)
		length = DEBUG_PATH_MAX - 1;
	memcpy(mapping->path, text.at, length);
	mapping->path[length] = '\0';
}

struct lines {
	int fd;
	size_t next, available;
	char buffer[1024];
};

static int next_byte(struct lines *lines)
{
	if (lines->next == lines->available) {
		long got = system_call3(__NR_read, lines->fd, (long)lines->buffer,
					sizeof(lines->buffer));

		if (got <= 0)
			return -1;
		lines->next = 0;
		lines->available = (size_t)got;
	}
	return (unsigned char)lines->buffer[lines->next++];
}

// What does not fit is cut off. False at the end.
static bool next_line(struct lines *lines, char *line, size_t size)
{
	size_t length = 0;
	int byte;

	while ((byte = next_byte(lines)) >= 0 && byte != '\n')
		if (length + 1 < size)
			line[length++] = (char)byte;
	line[length] = '\0';
	return byte >= 0 || length > 0;
}

bool debug_each_mapping(bool (*visit)(const struct debug_mapping *, void *), void *context)
{
	struct lines lines = {.next = 0};
	struct debug_mapping mapping;
	char line[128 + DEBUG_PATH_MAX];

	lines.fd = (int)system_call4(__NR_openat, AT_FDCWD, (long)"/proc/self/maps",
				     O_RDONLY | O_CLOEXEC, 0);
	if (lines.fd < 0)
		return false;
	while (next_line(&lines, line, sizeof(line))) {
		parse(line, &mapping);
		if (!visit(&mapping, context))
			break;
	}
	system_call1(__NR_close, lines.fd);
	return true;
}

struct wanted {
	uintptr_t address;
	struct debug_mapping *found;
	bool done;
};

static bool is_wanted(const struct debug_mapping *mapping, void *context)
{
	struct wanted *wanted = context;

	if (wanted->address < mapping->start || wanted->address >= mapping->end)
		return true;
	*wanted->found = *mapping;
	wanted->done = true;
	return false;
}

bool debug_find_mapping(uintptr_t address, struct debug_mapping *found)
{
	struct wanted wanted = {address, found, false};

	debug_each_mapping(is_wanted, &wanted);
	return wanted.done;
}

void *debug_pages(size_t length)
{
	long result = system_call6(__NR_mmap, 0, (long)length, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result < 0 && result >= -4095 ? NULL : (void *)result;
}

void debug_pages_back(void *pages, size_t length)
{
	if (length)
		system_call2(__NR_munmap, pages, length);
}
