// SPDX-License-Identifier: MIT
//
// Frames as records: see frame_map.h. A frame inside a free block says what it was before it was
// freed: only the block's head is kept up to date. So reading begins at the boundary of a largest
// block and goes from head to head, with `buddy_lock` held for that one block.

#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/frame_map.h"

#define CHUNK (1ul << FRAME_ORDER_MAX) // frames read under the lock at a time

// Whether there is RAM in a chunk: where there is none, the table of frames may not be mapped.
static bool has_frames(uint64_t chunk)
{
	size_t count;
	const struct frame_extent *extents = frame_extents(&count);

	for (size_t i = 0; i < count; i++)
		if (extents[i].first < chunk + CHUNK && chunk < extents[i].end)
			return true;
	return false;
}

static struct frame_record record_of(const struct frame *frame)
{
	uint32_t references = __atomic_load_n(&frame->references, __ATOMIC_RELAXED);

	return (struct frame_record){
		.references = references < FRAME_RECORD_MANY ? references : FRAME_RECORD_MANY,
		.kind = frame->kind,
		.order = frame->order,
	};
}

static uint64_t minimum(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// The frames [first, end) of one chunk.
static void read_chunk(uint64_t first, uint64_t end, struct frame_record *records)
{
	uint64_t at = first & ~(CHUNK - 1);

	spin_lock(&buddy_lock);
	while (at < end) {
		const struct frame *frame = &frame_table[at];
		bool free_block = frame->place == FRAME_IN_BUDDY;
		uint64_t next = free_block ? at + (1ul << frame->order) : at + 1;

		if (at >= first)
			records[at - first] = record_of(frame);
		for (uint64_t tail = at + 1; tail < minimum(next, end); tail++)
			if (tail >= first)
				records[tail - first] = (struct frame_record){
					.kind = FRAME_FREE, .order = FRAME_RECORD_TAIL};
		at = next;
	}
	spin_unlock(&buddy_lock);
}

size_t frame_map_read(uint64_t first, size_t count, struct frame_record *records)
{
	uint64_t end, next;

	if (first >= frame_limit)
		return 0;
	end = first + minimum(count, frame_limit - first);
	for (uint64_t at = first; at < end; at = next) {
		uint64_t chunk = at & ~(CHUNK - 1);

		next = minimum(chunk + CHUNK, end);
		if (has_frames(chunk))
			read_chunk(at, next, records + (at - first));
		else
			memset(records + (at - first), 0, (next - at) * sizeof(*records));
	}
	return end - first;
}
