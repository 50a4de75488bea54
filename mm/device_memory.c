// SPDX-License-Identifier: MIT
//
// See device_memory.h. Left out: more than one such memory, and caching by any other rule than the
// processor's own for addresses of devices.
//
// Locks: constant once made, but for the frames' references, which are atomic.

#include "mm/device_memory.h"
#include "lib/string.h"
#include "mm/audit_internal.h"
#include "mm/frame.h"
#include "mm/kernel_table.h"
#include <linux/errno.h>

static struct object device_object;
static uint64_t first_frame, frame_count;

// There is nothing to fill: every page is there from the start.
static int no_fill(struct object *object, uint64_t index, void *page)
{
	(void)object, (void)index, (void)page;
	return -EIO;
}

static int no_punch(struct object *object, uint64_t first, uint64_t end)
{
	(void)object, (void)first, (void)end;
	return -ENODEV;
}

static const struct object_ops device_ops = {.fill = no_fill, .punch = no_punch};

// The part of the table of frames that [first, end) lies in, where it is not there yet.
static int map_frames(uint64_t first, uint64_t end)
{
	uintptr_t at = PAGE_ALIGN_DOWN((uintptr_t)&frame_table[first]);

	for (; at < (uintptr_t)&frame_table[end]; at += PAGE_SIZE) {
		struct frame *frame;

		if (kernel_table_maps(at))
			continue;
		frame = frame_alloc_zeroed(FRAME_FRAME_TABLE);
		if (!frame)
			return -ENOMEM;
		if (kernel_table_map(at, frame_to_phys(frame), PAGE_SIZE,
				     KERNEL_BITS | PTE_WRITE | PTE_NX)) {
			frame_put(frame);
			return -ENOMEM;
		}
	}
	return 0;
}

void device_memory_init(struct object *object, uint64_t first, uint64_t count)
{
	object_init(object, &device_ops, count << PAGE_SHIFT);
	object->device = true;
	first_frame = first;
	frame_count = count;
	for (uint64_t i = 0; i < count; i++) {
		struct frame *frame = &frame_table[first + i];

		frame->kind = FRAME_DEVICE;
		frame->order = FRAME_TAIL;
		frame->references = 1; // ours, for ever
		frame->owner = object;
		frame->index = i;
	}
}

// What was mapped before memory ran out stays mapped, and nobody uses it.
struct object *device_memory_create(phys_t start, uint64_t size)
{
	uint64_t first = start >> PAGE_SHIFT, count = size >> PAGE_SHIFT;

	if (map_frames(first, first + count) ||
	    kernel_table_map(DIRECT_MAP_BASE + start, start, size,
			     KERNEL_BITS | PTE_WRITE | PTE_NX | PTE_NOCACHE))
		return NULL;
	device_memory_init(&device_object, first, count);
	return &device_object;
}

struct frame *device_memory_page(struct object *object, uint64_t index)
{
	struct frame *frame = &frame_table[first_frame + index];

	if (index >= object->size >> PAGE_SHIFT)
		return NULL;
	frame_get(frame);
	return frame;
}

void device_memory_clear_recount(void)
{
	for (uint64_t i = 0; i < frame_count; i++)
		frame_table[first_frame + i].recount = 0;
}

void device_memory_audit(struct audit_report *report)
{
	for (uint64_t i = 0; i < frame_count; i++) {
		const struct frame *frame = &frame_table[first_frame + i];

		audit_same(report, frame->recount + 1, frame->references,
			   "references of a device's page");
	}
}
