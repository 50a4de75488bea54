// SPDX-License-Identifier: MIT
//
// A block of malloc's heap as it lies in memory: its header, and what of it is checked before it
// is believed. For malloc.c, whose head says how blocks make up the heap.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define PAGE   4096ul
#define UNIT   16ul // sizes of blocks are multiples of this, and so are callers' addresses
#define HEADER 8ul
#define LEAST  32ul // a free block holds two links and its size

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

// For what other threads look at meanwhile: GCC gives each atomic access an instruction of its
// own, where a plain one is part of the instruction that uses it. Both are one access here.
#ifdef __SANITIZE_THREAD__
#define SHARED _Atomic
#else
#define SHARED
#endif

enum holder {
	PROGRAM = 0, // straight from the heap. From 1 to CACHES_MAX: from the cache of that number
	CACHES_MAX = 0xef,
	NO_CACHE = 0xf0, // the number of no cache that has blocks
	FREE = 0xf1,     // a bin
	MAPPED = 0xf2,   // the program; the block is alone in a mapping
	FENCE = 0xf3,    // nobody
	ABSORBED = 0xf4, // nobody: freed, and inside of a larger free block now
	CACHED = 0x100,  // and a cache's number: in one of its lists or its inbox
	HOLDERS = 0x200,
};

// `size` is written with the heap's lock held, `tag` by who has the block: both atomic, as others
// look at their neighbours' meanwhile.
struct block {
	SHARED uint32_t size; // bytes, header included; 0 in a mapping and a fence. And BELOW_FREE
	SHARED uint32_t tag;
	struct block *next; // from here on the caller's bytes while it is in use
	union {
		struct block *before; // in a bin
		uint64_t guard;       // in a cache
	};
};

#define BELOW_FREE (1u << 31) // in `size`: the block below is free, its size is before this header
#define SIZE_MOST  (BELOW_FREE - UNIT)

// Stands directly below the header of a mapped block.
struct mapping {
	size_t length; // bytes, a multiple of PAGE
	size_t offset; // of the block's header from the mapping's start
};

static uint64_t malloc_key; // another one in each run; more than HOLDERS in its lower half

static uint64_t random_number(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM); // 16 bytes
	uint64_t number = (uintptr_t)&random;

	if (random)
		memcpy(&number, random, sizeof(number));
	return number | HOLDERS;
}

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

static inline size_t size_of(const struct block *block)
{
	return block->size & ~BELOW_FREE;
}

static inline struct block *at(const struct block *block, size_t offset)
{
	return (struct block *)((char *)block + offset);
}

static inline struct block *above(const struct block *block)
{
	return at(block, size_of(block));
}

// Where a free block repeats its size, for the block above to find it.
static inline uint64_t *size_again(const struct block *block)
{
	return (uint64_t *)above(block) - 1;
}

// Of a block for `size` bytes of a caller, which may be as many as there are addresses.
static inline size_t block_size(size_t size)
{
	return size <= LEAST - HEADER ? LEAST : (size + HEADER + UNIT - 1) & ~(UNIT - 1);
}

static inline uintptr_t round_up(uintptr_t value, uintptr_t step)
{
	return (value + step - 1) & -step;
}

// -- sizes: the bin, or the list of a cache, that a block belongs into

#define SMALL      2048ul // below this it is for one size
#define BINS_SMALL (SMALL / UNIT)
#define BINS       448u // from there on sixteen for each doubling

static inline unsigned int bin_of(size_t size)
{
	unsigned int power;

	if (size < SMALL)
		return (unsigned int)(size / UNIT);
	power = 63 - (unsigned int)__builtin_clzl(size); // 11 to 30
	return (unsigned int)(BINS_SMALL - 16 + (power - 11) * 16 + (size >> (power - 4)));
}

// The smallest in it.
static inline size_t size_of_bin(unsigned int bin)
{
	return bin < BINS_SMALL ? bin * UNIT : (16ul + bin % 16) << (bin / 16 - 1);
}

// -- who has it: tags

// What the tag of a block says beside its holder, less the key. Any change of one but a very large
// one changes more than the bits that a holder has.
static inline uint32_t tag_base(const struct block *block, size_t size)
{
	return ((uint32_t)(uintptr_t)block ^ (uint32_t)size) * 0x9e3779b1u;
}

// And of a mapping's extent: leaves the holder's bits alone.
static inline uint32_t tag_more(const struct block *block)
{
	const struct mapping *mapping = mapping_of(block);
	uint64_t mixed = (mapping->length ^ mapping->offset << 32) * 0x9e3779b97f4a7c15;

	return (uint32_t)(mixed >> 32) & -(uint32_t)HOLDERS;
}

// HOLDERS or more: this is no block, or its header is overwritten.
static inline unsigned int holder_of(const struct block *block)
{
	uint32_t tag = block->tag ^ (uint32_t)malloc_key ^ tag_base(block, size_of(block));

	return unlikely(tag % HOLDERS == MAPPED) ? tag ^ tag_more(block) : tag;
}

static inline void set_holder(struct block *block, unsigned int holder)
{
	uint32_t tag = (uint32_t)malloc_key ^ tag_base(block, size_of(block)) ^ holder;

	block->tag = holder == MAPPED ? tag ^ tag_more(block) : tag;
}

// A new header: whatever stood there is nothing.
static inline void put(struct block *block, size_t size, uint32_t below, unsigned int holder)
{
	block->size = (uint32_t)size | below;
	set_holder(block, holder);
}

static inline uint32_t below_of(const struct block *block)
{
	return block->size & BELOW_FREE;
}

static inline void set_below(struct block *block, uint32_t below)
{
	block->size = (uint32_t)size_of(block) | below;
}
