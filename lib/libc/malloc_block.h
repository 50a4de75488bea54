// SPDX-License-Identifier: MIT
//
// A block of the heap as it lies in memory, and the checks on it. For malloc.c only, which
// explains how blocks make up the heap.
//
//   in use:  header | caller's bytes               | header of the block above
//   cached:  header | next  guard                  |
//   free:    header | next  before            size |
//            ^ struct block    ^ caller's bytes begin after 8, at a multiple of 16
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT      16ul
#define HEADER    8ul
#define UNITS_MIN 2u // a free block holds two links and its size

// Who has a block. From 1 to CACHES_MAX: the program, which got it through the cache of that
// number.
enum holder {
	HOLDER_PROGRAM = 0, // the program, straight from the heap
	CACHES_MAX = 0xef,
	NO_CACHE = 0xf0,        // the number of no cache that has blocks
	HOLDER_CACHE = 0xf1,    // a cache, or its inbox
	HOLDER_FREE = 0xf2,     // a bin
	HOLDER_MAPPED = 0xf3,   // the program, and it is alone in a mapping
	HOLDER_FENCE = 0xf4,    // nobody: the end of a segment
	HOLDER_ABSORBED = 0xf5, // nobody: freed, and now inside of a larger free block
};

enum below {
	BELOW_USED = 'u',
	BELOW_FREE = 'f', // its size stands in front of this header
};

// `size` and `check` change under the heap's lock or while the block is with one thread alone;
// `holder` is written by who has the block; `below` under the heap's lock. The last two are bytes
// of their own for that reason, and are not covered by the check.
struct block {
	uint32_t size; // in units, header included; 0 in a mapping and a fence
	uint16_t check;
	uint8_t holder;
	uint8_t below;
	struct block *next; // from here on the caller's bytes while it is in use
	union {
		struct block *before; // in a bin
		uint64_t guard;       // in a cache
	};
};

// Stands directly below the header of a mapped block, and is covered by its check.
struct mapping {
	size_t length; // bytes, a multiple of PAGE
	size_t offset; // of the block's header from the mapping's start
};

// Differs from run to run, so that nobody who can write to a free block knows a check that fits.
static uint64_t malloc_key;

static inline void *payload_of(const struct block *block)
{
	return (char *)block + HEADER;
}

static inline struct block *block_of(const void *payload)
{
	return (struct block *)((uintptr_t)payload - HEADER);
}

static inline struct mapping *mapping_of(const struct block *block)
{
	return (struct mapping *)block - 1;
}

static inline struct block *above(const struct block *block)
{
	return (struct block *)((char *)block + block->size * UNIT);
}

// A block for `size` bytes.
static inline size_t units_without_minimum(size_t size)
{
	return (size + HEADER + UNIT - 1) / UNIT;
}

static inline size_t units_for(size_t size)
{
	size_t units = units_without_minimum(size);

	return units < UNITS_MIN ? UNITS_MIN : units;
}

static inline uint8_t holder_of(const struct block *block)
{
	return __atomic_load_n(&block->holder, __ATOMIC_RELAXED);
}

static inline void set_holder(struct block *block, uint8_t holder)
{
	__atomic_store_n(&block->holder, holder, __ATOMIC_RELAXED);
}

// Where a free block repeats its size, for the block above to find it.
static inline uint64_t *size_again(const struct block *block)
{
	return (uint64_t *)above(block) - 1;
}

static inline uint64_t mix(uint64_t value)
{
	return (value + malloc_key) * 0x9e3779b97f4a7c15; // 2^64 / golden ratio: spreads every bit
}

// Of a block that is with a program or a cache.
static inline uint16_t check_of(const struct block *block)
{
	return (uint16_t)(mix(block->size ^ (uintptr_t)block) >> 48);
}

static inline uint16_t check_of_any(const struct block *block)
{
	uint64_t more = 0;

	if (holder_of(block) == HOLDER_FREE)
		more = mix((uintptr_t)block->next) ^ mix((uintptr_t)block->before) >> 7;
	else if (holder_of(block) == HOLDER_MAPPED)
		more = mix(mapping_of(block)->length) ^ mix(mapping_of(block)->offset) >> 7;
	return check_of(block) ^ (uint16_t)(more >> 41);
}

static inline void seal(struct block *block, enum holder holder)
{
	set_holder(block, (uint8_t)holder);
	block->check = check_of_any(block);
}

// In a cache, `next` is believed when this agrees with it.
static inline uint64_t guard_of(const struct block *block, const struct block *next)
{
	return mix((uintptr_t)next ^ (uintptr_t)block);
}
