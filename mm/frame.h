// SPDX-License-Identifier: MIT
//
// Frames: 4 KiB pieces of RAM, and the allocator that hands them out in blocks of 2^order.
// `struct frame`, one for each frame, is the only truth about it: how often it is referenced,
// what kind of owner it has, and where it is mapped from.
#pragma once

#include "lib/list.h"
#include "lib/memory_words.h"
#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_ORDER_MAX 10 // the largest block: 4 MiB

// Where a free frame is.
enum frame_place {
	FRAME_NOWHERE,  // allocated, or inside a block that another frame heads
	FRAME_IN_BUDDY, // head of a block on one of the buddy lists
	FRAME_ON_CPU,   // on a CPU's list of single frames
};

#define FRAME_TAIL 0xff

// Size counts: there is one for each 4 KiB of RAM.
struct frame {
	uint32_t references; // mappings, the page cache, and temporary holders; atomic
	uint8_t kind;        // enum frame_kind; written by whoever holds the frame
	uint8_t order;       // of the block this frame heads; FRAME_TAIL: it heads none
	uint8_t place;       // enum frame_place; guarded by the zone's lock
	uint8_t file_state;  // FILE: FRAME_KEPT and the like (mm/object.h); object->lock
	struct list link;    // FREE: list of its place; FILE: object's list; SLAB: cache's list;
			     // STACK, PAGE_TABLE: of those on their way to be freed
	union {
		void *owner;         // ANON: struct anon; FILE: struct object; PAGE_TABLE: mm
		struct cache *cache; // SLAB
	};
	union {
		uint64_t index;     // ANON: virtual page number at first touch; FILE: page in file
		void *free_objects; // SLAB: first free object
	};
	union {
		uint32_t entries; // PAGE_TABLE: entries in use
		uint32_t objects; // SLAB: objects handed out
	};
	uint32_t recount; // scratch of the audit; nothing else uses it
};
_Static_assert(sizeof(struct frame) == 48, "struct frame is multiplied by all of RAM");

extern struct frame *frame_table; // indexed by frame number; constant once mm/ has started

static inline struct frame *phys_to_frame(phys_t address)
{
	return &frame_table[address >> PAGE_SHIFT];
}

static inline phys_t frame_to_phys(const struct frame *frame)
{
	return (phys_t)(frame - frame_table) << PAGE_SHIFT;
}

static inline void *frame_to_virt(const struct frame *frame)
{
	return phys_to_virt(frame_to_phys(frame));
}

// A block of 2^order frames, aligned to its size, contents undefined, one reference.
// NULL when there is none (or fail-nth says so): an ordinary result.
struct frame *frame_alloc(unsigned order, enum frame_kind kind);

// The same, one frame, filled with zeros.
struct frame *frame_alloc_zeroed(enum frame_kind kind);

// Gives a block back. The caller holds the last reference and no CPU can still reach it.
void frame_free(struct frame *frame, unsigned order);

static inline void frame_get(struct frame *frame)
{
	__atomic_add_fetch(&frame->references, 1, __ATOMIC_RELAXED);
}

// Drops a reference unless it is the only one, which then stays the caller's; whether it did.
static inline bool frame_put_unless_last(struct frame *frame)
{
	if (__atomic_load_n(&frame->references, __ATOMIC_ACQUIRE) == 1)
		return false;
	if (__builtin_expect(__atomic_sub_fetch(&frame->references, 1, __ATOMIC_ACQ_REL) != 0, 1))
		return true;
	// The other holder dropped its own in between.
	frame->references = 1;
	return false;
}

// Drops a reference of a single frame and frees it with the last one.
void frame_put(struct frame *frame);
// The same for many, which is cheaper than one by one.
void frame_put_all(struct frame *const *frames, size_t count);

// Starting: declares what the frames [first, end) are, all of which must be FRAME_ABSENT yet. As
// FRAME_FREE they go to the allocator.
void frame_add(uint64_t first, uint64_t end, enum frame_kind kind);

// Starting is over: hands frames declared by frame_add as something else to the allocator.
void frame_give_back(uint64_t first, uint64_t end);

// Called when an allocation finds nothing: gives back what is only kept for speed. Frames freed.
// mm/reclaim.c.
uint64_t frame_reclaim(void);

// One past the highest frame number that was declared.
extern uint64_t frame_limit;

// What was declared, by increasing number, neighbours of whatever kind joined.
struct frame_extent {
	uint64_t first, end;
};
const struct frame_extent *frame_extents(size_t *count);

// Free blocks of an order in the buddy lists.
uint64_t frame_free_blocks(unsigned order);

// Frames on the CPUs' lists, and on one of them.
#define CPU_LIST_LIMIT 128 // that a CPU may keep
#define CPU_LIST_BATCH 32  // moved at a time
uint64_t frame_cpu_listed(void);
uint64_t frame_cpu_listed_by(unsigned cpu);

// Moves the CPUs' lists back to the buddy lists, so that neighbours can merge.
void frame_drain(void);

// Frames that were freed on this CPU less those that were taken, since boot.
int64_t frame_cpu_balance(void);

// Frames of each kind, right now; the sum over all kinds but FRAME_ABSENT is all of RAM.
uint64_t frame_kind_count(enum frame_kind kind);
uint64_t frame_total(void);

// What a frame is, for who has only its number and no lock. Inside a free block frames say nothing
// of themselves; their block's head does.
enum frame_kind frame_kind_at(uint64_t number);

// What programs could ever have of it: Linux's MemTotal.
static inline uint64_t memory_total(void)
{
	return frame_total() - frame_kind_count(FRAME_RESERVED);
}
