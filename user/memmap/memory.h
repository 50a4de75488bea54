// SPDX-License-Identifier: MIT
//
// Physical memory as memmap shows it: for each frame, what kind of owner it has.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The kernel's kinds of owner (enum frame_kind), fewer of them, and one more: memory of processes
// divides into what has one owner and what fork has left with several.
enum owner {
	OWNER_NONE, // no RAM at this address; for a page of a process: no frame yet
	OWNER_FREE,
	OWNER_ANON,
	OWNER_SHARED,
	OWNER_FILE,
	OWNER_ZERO,
	OWNER_TABLE,
	OWNER_SLAB,
	OWNER_KERNEL,
	OWNER_RESERVED,
	OWNER_COUNT,
};

struct owner_look {
	const char *name;
	const char *meaning; // some words for who has never seen it
	char letter;         // of a frame; the small letter where most of several frames are such
	uint8_t terminal;    // colour in a terminal of 256 colours
	uint32_t colour;     // 0xRRGGBB
};
extern const struct owner_look owner_looks[OWNER_COUNT];

struct memory {
	size_t frames;                     // from frame 0 to the last one of RAM
	uint8_t *owners;                   // enum owner of each
	unsigned long totals[OWNER_COUNT]; // frames of each owner
	unsigned long ram;                 // all but OWNER_NONE
	struct frame_record *records;      // as read
	size_t room;                       // records that there is room for
	char kinds[768];                   // the kernel's own count: lines "kind frames"
	int map_file, count_file;          // kept open, with what the kernel needs for them
};

// Makes room for all of RAM, so that reading takes no memory. False: errno.
bool memory_start(struct memory *memory);

// Looks at all frames anew.
bool memory_read(struct memory *memory);

// What most of `count` owners are; of several the one that comes first.
enum owner owner_vote(const uint8_t *owners, size_t count, bool *mixed);

// The owner that most of `count` frames from `first` have; *mixed when not all of them have it.
enum owner memory_owner(const struct memory *memory, size_t first, size_t count, bool *mixed);

// Asks the kernel for its own count: whether the totals are the same. Only where nothing else runs
// must they be.
bool memory_check(struct memory *memory);
