// SPDX-License-Identifier: MIT
//
// A block of the heap as it lies in memory, and the seal on its header. For malloc.c only, which
// explains how blocks make up the heap.
//
//     header | caller's bytes            | header | next  before  (free)   | fence
//     ^ struct block, 16-byte aligned      ^ previous, size: in 16-byte units
#pragma once

#include <stddef.h>
#include <stdint.h>

#define UNIT      16ul
#define HEADER    16ul
#define UNITS_MIN 2u // a free block holds its two links

// Words a reader of a memory dump recognises, in little-endian order.
enum block_state {
	BLOCK_USED = 0x64657375,     // "used"
	BLOCK_FREE = 0x65657266,     // "free"
	BLOCK_MAPPED = 0x7070616d,   // "mapp": alone in a mapping
	BLOCK_FENCE = 0x636e6566,    // "fenc": end of a segment
	BLOCK_ABSORBED = 0x736f7267, // "gros": freed, and now inside a larger free block
};

struct block {
	uint32_t previous; // size of the block below, 0 at a segment's start
	uint32_t size;     // header included; 0 in a mapping and a fence
	uint32_t state;
	uint32_t check;
	struct block *next, *before; // neighbours in the bin; the caller's bytes while in use
};

// Stands directly below the header of a mapped block, and is covered by its checksum.
struct mapping {
	size_t length; // bytes, a multiple of PAGE
	size_t offset; // of the block's header from the mapping's start
};

static inline void *payload_of(const struct block *block)
{
	return (char *)block + HEADER;
}

static inline struct block *block_of(const void *payload)
{
	return (struct block *)((char *)payload - HEADER);
}

static inline struct mapping *mapping_of(const struct block *block)
{
	return (struct mapping *)block - 1;
}

static inline struct block *at_units(const struct block *block, long units)
{
	return (struct block *)((char *)block + units * (long)UNIT);
}

static inline size_t bytes_of(const struct block *block)
{
	return block->size * UNIT;
}

static inline uint32_t checksum(const struct block *block)
{
	const uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 / golden ratio: spreads every bit
	uint64_t sum = ((uint64_t)block->size << 32 | block->previous) + (uintptr_t)block;

	if (block->state == BLOCK_FREE)
		sum = (sum * odd ^ (uintptr_t)block->next) * odd ^ (uintptr_t)block->before;
	else if (block->state == BLOCK_MAPPED)
		sum = (sum * odd ^ mapping_of(block)->length) * odd ^ mapping_of(block)->offset;
	return (uint32_t)(sum * odd >> 32) ^ block->state;
}

static inline void seal(struct block *block)
{
	block->check = checksum(block);
}
