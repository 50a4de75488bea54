// SPDX-License-Identifier: MIT
//
// Memory before there is an allocator: see mm/boot_memory.h. Runs on one CPU, without locks.

#include "mm/boot_memory.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/layout.h"

struct boot_memory boot_memory;

#define TAKEN_MAX 128

static struct boot_taken taken[TAKEN_MAX];
static size_t taken_count;

// Who wins where ranges overlap: the lower number.
static int precedence(enum memory_type type)
{
	const int order[] = {
		[MEMORY_KERNEL] = 0, [MEMORY_MODULE] = 1,
		[MEMORY_BOOT] = 2,   [MEMORY_RESERVED] = MUTANT(reserved_ram_used) ? 5 : 3,
		[MEMORY_USABLE] = 4,
	};

	return order[type];
}

// Usable RAM shrinks to whole pages, everything else grows to them. Empty when nothing is left.
static struct memory_range align_range(struct memory_range range)
{
	if (range.end > PHYSICAL_LIMIT)
		range.end = PHYSICAL_LIMIT;
	if (range.start >= range.end)
		return (struct memory_range){0};
	if (range.type == MEMORY_USABLE) {
		range.start = PAGE_ALIGN_UP(range.start);
		range.end = PAGE_ALIGN_DOWN(range.end);
	} else {
		range.start = PAGE_ALIGN_DOWN(range.start);
		range.end = PAGE_ALIGN_UP(range.end);
	}
	if (range.start >= range.end || range.type > MEMORY_MODULE)
		return (struct memory_range){0};
	return range;
}

// The first place after `from` where some range begins or ends; 0: none.
static phys_t next_border(const struct memory_range *ranges, size_t count, phys_t from)
{
	phys_t next = 0;

	for (size_t i = 0; i < count; i++) {
		struct memory_range range = align_range(ranges[i]);

		if (range.start > from && (!next || range.start < next))
			next = range.start;
		if (range.end > from && (!next || range.end < next))
			next = range.end;
	}
	return next;
}

// What wins at `address`: RESERVED where nothing is said.
static enum memory_type type_at(const struct memory_range *ranges, size_t count, phys_t address)
{
	enum memory_type best = MEMORY_RESERVED;
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		struct memory_range range = align_range(ranges[i]);

		if (address < range.start || address >= range.end)
			continue;
		if (!found || precedence(range.type) < precedence(best))
			best = range.type;
		found = true;
	}
	return best;
}

// The shortest usable range; NULL: there is none.
static struct memory_range *shortest_usable(struct boot_memory *memory)
{
	struct memory_range *shortest = NULL;

	for (size_t i = 0; i < memory->count; i++) {
		struct memory_range *range = &memory->ranges[i];

		if (range->type == MEMORY_USABLE &&
		    (!shortest || range->end - range->start < shortest->end - shortest->start))
			shortest = range;
	}
	return shortest;
}

// A full table loses its shortest usable range, so that neither the kernel nor most of RAM goes
// missing because crumbs came first.
static void make_room(struct boot_memory *memory)
{
	struct memory_range *victim = shortest_usable(memory);
	struct memory_range *end = &memory->ranges[memory->count];

	if (!victim)
		return;
	memmove(victim, victim + 1, (end - (victim + 1)) * sizeof(*victim));
	memory->count--;
}

static void append(struct boot_memory *memory, phys_t start, phys_t end, enum memory_type type)
{
	struct memory_range *last = memory->count ? &memory->ranges[memory->count - 1] : NULL;

	if (last && last->end == start && last->type == type) {
		last->end = end;
		return;
	}
	if (memory->count == BOOT_MEMORY_RANGES) {
		memory->dropped++;
		make_room(memory);
	}
	if (memory->count < BOOT_MEMORY_RANGES)
		memory->ranges[memory->count++] = (struct memory_range){start, end, type};
}

void boot_memory_sort(struct boot_memory *memory, const struct memory_range *ranges, size_t count)
{
	phys_t at = 0, next;

	memory->count = 0;
	memory->dropped = 0;
	while ((next = next_border(ranges, count, at))) {
		enum memory_type type = type_at(ranges, count, at);

		if (type != MEMORY_RESERVED)
			append(memory, at, next, type);
		at = next;
	}
}

static bool record(phys_t start, phys_t end, enum frame_kind kind)
{
	for (size_t i = 0; i < taken_count; i++) {
		if (taken[i].kind == kind && taken[i].start == end) {
			taken[i].start = start;
			return true;
		}
	}
	if (taken_count == TAKEN_MAX)
		return false;
	taken[taken_count++] = (struct boot_taken){start, end, kind};
	return true;
}

// Makes [start, end of range i) a range of its own behind range i, if there is anything to keep.
static void keep_rest(struct boot_memory *memory, size_t i, phys_t start)
{
	struct memory_range *range = &memory->ranges[i];

	if (start >= range->end || memory->count == BOOT_MEMORY_RANGES)
		return;
	memmove(range + 1, range, (memory->count - i) * sizeof(*range));
	memory->count++;
	range[1].start = start;
}

phys_t boot_memory_take_aligned(struct boot_memory *memory, uint64_t size, phys_t limit,
				enum frame_kind kind)
{
	for (size_t i = memory->count; i-- > 0;) {
		struct memory_range *range = &memory->ranges[i];
		phys_t start;

		if (range->type != MEMORY_USABLE || range->end > limit)
			continue;
		start = (range->end - size) & ~(size - 1);
		if (range->end - range->start <= size || start <= range->start)
			continue;
		// What alignment leaves over above goes back as a range of its own, or is lost.
		if (!record(start, start + size, kind))
			continue;
		keep_rest(memory, i, start + size);
		memory->ranges[i].end = start;
		return start;
	}
	return 0;
}

phys_t boot_memory_take(struct boot_memory *memory, uint64_t frames, phys_t limit,
			enum frame_kind kind)
{
	return boot_memory_take_aligned(memory, frames << PAGE_SHIFT, limit, kind);
}

const struct boot_taken *boot_memory_taken(size_t *count)
{
	*count = taken_count;
	return taken;
}
