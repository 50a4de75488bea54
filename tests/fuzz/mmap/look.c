// SPDX-License-Identifier: MIT
//
// What the window holds, for the transcript of the mmap fuzzer: mappings as /proc/self/smaps tells
// of them, and the contents of what can be read.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

struct page_info pages[MOST_PAGES];

static char text[1 << 20];

uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 1099511628211ul;
	return hash ^ hash >> 29;
}

static char *read_file(const char *path)
{
	int descriptor = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t count;

	while (length < sizeof(text) - 1 &&
	       (count = read(descriptor, text + length, sizeof(text) - 1 - length)) > 0)
		length += count;
	close(descriptor);
	text[length] = 0;
	return text;
}

struct mapping {
	unsigned long start, end, offset;
	char protection[8];
	enum kind kind;
	bool near; // the window
};

static enum kind kind_of(const char *protection, const char *name)
{
	if (strstr(name, "mmap") || strstr(name, "/tmp/"))
		return KIND_FILE;
	return protection[3] == 's' ? KIND_SHARED : KIND_PRIVATE;
}

static void note(const struct mapping *mapping)
{
	unsigned long at =
		mapping->start < (unsigned long)window ? (unsigned long)window : mapping->start;

	for (; at < mapping->end && at < (unsigned long)window + window_pages * PAGE; at += PAGE)
		pages[(at - (unsigned long)window) / PAGE] = (struct page_info){
			mapping->kind, (mapping->protection[0] == 'r' ? PROT_READ : 0) |
					       (mapping->protection[1] == 'w' ? PROT_WRITE : 0) |
					       (mapping->protection[2] == 'x' ? PROT_EXEC : 0)};
}

// A line that begins a mapping; false: another one.
static bool parse(const char *line, struct mapping *mapping)
{
	int at = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %*x:%*x %*u %n", &mapping->start, &mapping->end,
		   mapping->protection, &mapping->offset, &at) < 4)
		return false;
	mapping->kind = kind_of(mapping->protection, line + at);
	if (mapping->kind == KIND_PRIVATE)
		mapping->offset = 0;
	mapping->near = mapping->end > (unsigned long)window - 4096 * PAGE &&
			mapping->start < (unsigned long)window + 4096 * PAGE;
	return true;
}

static uint64_t mapping_hash(uint64_t hash, const struct mapping *mapping)
{
	static const char kinds[] = "-pSf";

	note(mapping);
	if (verbose)
		say("\n    %ld-%ld %s %c %lx", ((long)mapping->start - (long)window) / (long)PAGE,
		    ((long)mapping->end - (long)window) / (long)PAGE, mapping->protection,
		    kinds[mapping->kind], mapping->offset);
	hash = mix(hash, mapping->start);
	hash = mix(hash, mapping->end);
	hash = mix(hash, *(uint32_t *)mapping->protection);
	hash = mix(hash, mapping->offset);
	return mix(hash, mapping->kind);
}

// Private pages, and flags. (`sd` is there only where Linux is made to track it.)
static uint64_t detail_hash(uint64_t hash, char *line)
{
	char *found;

	if (strncmp(line, "Anonymous:", 10) != 0 && strncmp(line, "VmFlags:", 8) != 0)
		return hash;
	found = strstr(line, " sd");
	if (found)
		memmove(found, found + 3, strlen(found + 3) + 1);
	if (verbose)
		say(" %s", strchr(line, ':') + 1 + strspn(strchr(line, ':') + 1, " "));
	for (; *line; line++)
		hash = mix(hash, *line);
	return hash;
}

uint64_t look_at_mappings(void)
{
	struct mapping mapping = {};
	uint64_t hash = 1;

	memset(pages, 0, sizeof(pages));
	for (char *line = strtok(read_file("/proc/self/smaps"), "\n"); line;
	     line = strtok(NULL, "\n")) {
		if (*line >= 'A' && *line <= 'Z') {
			if (mapping.near)
				hash = detail_hash(hash, line);
		} else if (parse(line, &mapping) && mapping.near) {
			hash = mapping_hash(hash, &mapping);
		}
	}
	return hash;
}

static uint64_t sum;

// Stores go to these places of a page.
static void read_page(volatile char *page)
{
	for (unsigned at = 0; at < PAGE; at += 1000)
		sum = mix(sum, (unsigned char)page[at]);
}

uint64_t look_at_contents(void)
{
	sum = 1;
	look_at_mappings();
	for (unsigned i = 0; i < window_pages; i++) {
		char *fault;

		sum = mix(sum, pages[i].kind);
		if (pages[i].protection & PROT_READ)
			sum = mix(sum, try_access(read_page, window + i * PAGE, &fault));
	}
	return sum;
}
