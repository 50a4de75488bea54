// SPDX-License-Identifier: MIT
//
// Reading the kernel's records of its frames: see memory.h.
#include "user/memmap/memory.h"
#include "lib/frame_map.h"
#include "user/lib/kernel_files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Colours that people who confuse red and green can tell apart (Okabe and Ito), but for those
// that are meant to stay in the background.
const struct owner_look owner_looks[OWNER_COUNT] = {
	[OWNER_NONE] = {"no RAM", "nothing at this address", ' ', 0, 0x0b0e14},
	[OWNER_FREE] = {"free", "nobody's", '.', 238, 0x2a313c},
	[OWNER_ANON] = {"anonymous", "heap, stack, data of one process", 'A', 75, 0x56b4e9},
	[OWNER_SHARED] = {"copy-on-write", "shared since fork, until written", 'C', 208, 0xe69f00},
	[OWNER_FILE] = {"file", "page cache: programs and files", 'F', 36, 0x009e73},
	[OWNER_ZERO] = {"zero", "the one frame of zeros", 'Z', 231, 0xffffff},
	[OWNER_TABLE] = {"page table", "entries from address to frame", 'T', 175, 0xcc79a7},
	[OWNER_SLAB] = {"slab", "the kernel's small objects", 'S', 227, 0xf0e442},
	[OWNER_KERNEL] = {"kernel", "its image, stacks, frame table", 'K', 32, 0x2f7fd0},
	[OWNER_RESERVED] = {"reserved", "kept by the firmware", 'R', 244, 0x8a8f98},
};

static const uint8_t owner_of_kind[FRAME_KIND_COUNT] = {
	[FRAME_ABSENT] = OWNER_NONE,        [FRAME_RESERVED] = OWNER_RESERVED,
	[FRAME_FREE] = OWNER_FREE,          [FRAME_IMAGE] = OWNER_KERNEL,
	[FRAME_BOOT] = OWNER_KERNEL,        [FRAME_MODULE] = OWNER_KERNEL,
	[FRAME_FRAME_TABLE] = OWNER_KERNEL, [FRAME_PAGE_TABLE] = OWNER_TABLE,
	[FRAME_SLAB] = OWNER_SLAB,          [FRAME_STACK] = OWNER_KERNEL,
	[FRAME_KERNEL] = OWNER_KERNEL,      [FRAME_ZERO] = OWNER_ZERO,
	[FRAME_ANON] = OWNER_ANON,          [FRAME_FILE] = OWNER_FILE,
};

static enum owner owner_of(const struct frame_record *record)
{
	if (record->kind >= FRAME_KIND_COUNT)
		return OWNER_NONE;
	if (record->kind == FRAME_ANON && record->references > 1)
		return OWNER_SHARED;
	return owner_of_kind[record->kind];
}

// All records there are; how many, or -1. What does not fit is counted only.
static long read_records(int file, struct frame_record *records, size_t room)
{
	struct frame_record spare[256];
	const long size = sizeof(*records);
	long count = 0, got;

	do {
		bool fits = (size_t)count < room;
		size_t bytes = fits ? (room - (size_t)count) * sizeof(*records) : sizeof(spare);

		got = pread(file, fits ? records + count : spare, bytes, count * size);
		count += got > 0 ? got / size : 0;
	} while (got > 0);
	return got < 0 ? -1 : count;
}

bool memory_start(struct memory *memory)
{
	long count;

	memset(memory, 0, sizeof(*memory));
	memory->map_file = open(KERNEL_FILES "frame_map", O_RDONLY);
	memory->count_file = open(KERNEL_FILES "frames", O_RDONLY);
	if (memory->map_file < 0 || memory->count_file < 0)
		return false;
	count = read_records(memory->map_file, NULL, 0);
	if (count < 0)
		return false;
	memory->room = (size_t)count;
	memory->records = calloc(memory->room + 1, sizeof(*memory->records));
	memory->owners = calloc(memory->room + 1, 1);
	if (!memory->records || !memory->owners) {
		errno = ENOMEM;
		return false;
	}
	// The pages are there from now on, and the kernel's own allocations are made.
	memset(memory->records, 0xff, memory->room * sizeof(*memory->records));
	memset(memory->owners, 0xff, memory->room);
	return memory_read(memory);
}

bool memory_read(struct memory *memory)
{
	long count = read_records(memory->map_file, memory->records, memory->room);

	if (count < 0)
		return false;
	memory->frames = (size_t)count < memory->room ? (size_t)count : memory->room;
	memset(memory->totals, 0, sizeof(memory->totals));
	for (size_t i = 0; i < memory->frames; i++) {
		memory->owners[i] = (uint8_t)owner_of(&memory->records[i]);
		memory->totals[memory->owners[i]]++;
	}
	memory->ram = memory->frames - memory->totals[OWNER_NONE];
	return true;
}

enum owner owner_vote(const uint8_t *owners, size_t count, bool *mixed)
{
	unsigned long votes[OWNER_COUNT] = {0};
	enum owner most = owners[0];

	*mixed = false;
	if (count == 1)
		return most;
	for (size_t i = 0; i < count; i++)
		votes[owners[i]]++;
	for (size_t i = 0; i < count; i++)
		if (votes[owners[i]] > votes[most])
			most = owners[i];
	*mixed = votes[most] != count;
	return most;
}

enum owner memory_owner(const struct memory *memory, size_t first, size_t count, bool *mixed)
{
	if (count > memory->frames - first)
		count = memory->frames - first;
	return owner_vote(memory->owners + first, count, mixed);
}

// ---- the kernel's own counts ----
static void add_kind(const char *line, unsigned long *counted)
{
	const char *blank = strchr(line, ' ');

	for (int kind = FRAME_ABSENT + 1; blank && kind < FRAME_KIND_COUNT; kind++) {
		const char *name = frame_kind_name((enum frame_kind)kind);
		size_t length = strlen(name);

		if (length == (size_t)(blank - line) && strncmp(name, line, length) == 0)
			counted[owner_of_kind[kind]] += strtoul(blank + 1, NULL, 10);
	}
}

bool memory_check(struct memory *memory)
{
	unsigned long counted[OWNER_COUNT] = {0};
	long length = pread(memory->count_file, memory->kinds, sizeof(memory->kinds) - 1, 0);
	const char *line = memory->kinds;

	memory->kinds[length > 0 ? length : 0] = '\0';
	for (; *line; line += strcspn(line, "\n") + 1)
		add_kind(line, counted);
	// To the kernel both are memory of processes.
	counted[OWNER_SHARED] = memory->totals[OWNER_SHARED];
	counted[OWNER_ANON] -= memory->totals[OWNER_SHARED];
	for (int owner = OWNER_NONE + 1; owner < OWNER_COUNT; owner++)
		if (counted[owner] != memory->totals[owner])
			return false;
	return true;
}
