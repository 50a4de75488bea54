// SPDX-License-Identifier: MIT
//
// The audit: see mm/audit.h. It runs while nothing else does and takes no locks. References are
// recounted in each frame's own scratch field, so the audit needs no memory of its own and works
// when there is none.

#include "lib/format.h"
#include "mm/audit_internal.h"
#include "mm/buddy.h"
#include "mm/commit.h"
#include "mm/device_memory.h"
#include "mm/kernel_map.h"
#include "mm/kernel_table.h"
#include "mm/machine.h"
#include "mm/mm_list.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/slab_internal.h"
#include <stdarg.h>

bool audit_fact(struct audit_report *report, bool holds, const char *format, ...)
{
	va_list arguments;

	report->checked++;
	if (holds)
		return true;
	if (report->wrong++ == 0) {
		va_start(arguments, format);
		vsnprintf(report->first, sizeof(report->first), format, arguments);
		va_end(arguments);
	}
	return false;
}

bool audit_same(struct audit_report *report, uint64_t counted, uint64_t believed, const char *what)
{
	return audit_fact(report, counted == believed, "%s: counted %lu, believed %lu", what,
			  counted, believed);
}

// What a walk over all frames adds up.
struct totals {
	struct audit_report *report;
	uint64_t kinds[FRAME_KIND_COUNT];
	uint64_t on_cpu;
	uint64_t large_blocks; // frames of kmalloc blocks without a cache
};

// Calls `visit` for the head of every block, by increasing number.
static void for_each_block(void (*visit)(struct totals *, struct frame *, uint64_t),
			   struct totals *totals)
{
	size_t count;
	const struct frame_extent *extents = frame_extents(&count);
	uint64_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (at < extents[i].first)
			at = extents[i].first;
		while (at < extents[i].end) {
			struct frame *frame = &frame_table[at];
			bool heads = frame->kind == FRAME_SLAB || frame->kind == FRAME_KERNEL ||
				     frame->place == FRAME_IN_BUDDY;
			uint64_t size =
				heads && frame->order <= FRAME_ORDER_MAX ? 1ul << frame->order : 1;

			visit(totals, frame, size);
			at += size;
		}
	}
}

static void clear_recount(struct totals *totals, struct frame *frame, uint64_t size)
{
	(void)totals;
	(void)size;
	frame->recount = 0;
}

static void audit_references(struct totals *totals, const struct frame *frame)
{
	uint64_t number = frame - frame_table, extra = frame->kind == FRAME_ZERO;

	switch (frame->kind) {
	case FRAME_ANON:
	case FRAME_FILE:
	case FRAME_ZERO:
		audit_fact(totals->report, frame->references == frame->recount + extra,
			   "frame %#lx (%s) has %u references, counted %lu", number,
			   frame_kind_name(frame->kind), frame->references,
			   frame->recount + extra);
		audit_fact(totals->report, frame->references > 0, "frame %#lx is lost", number);
		break;
	case FRAME_FREE:
		audit_fact(totals->report, frame->references == 0 && frame->recount == 0,
			   "free frame %#lx is referenced", number);
		break;
	default:
		audit_fact(totals->report, frame->recount == 0, "frame %#lx (%s) is mapped",
			   number, frame_kind_name(frame->kind));
	}
}

static void add_block(struct totals *totals, struct frame *frame, uint64_t size)
{
	totals->kinds[frame->kind] += size;
	totals->on_cpu += frame->place == FRAME_ON_CPU;
	if (frame->kind == FRAME_SLAB && !frame->cache)
		totals->large_blocks += size;
	audit_fact(totals->report, (frame->kind == FRAME_FREE) == (frame->place != FRAME_NOWHERE),
		   "frame %#lx is %s, and in place %u", (uint64_t)(frame - frame_table),
		   frame_kind_name(frame->kind), frame->place);
	audit_references(totals, frame);
}

static void audit_kinds(struct totals *totals)
{
	uint64_t sum = 0, declared = 0;
	size_t count;
	const struct frame_extent *extents = frame_extents(&count);

	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++) {
		audit_same(totals->report, totals->kinds[kind], frame_kind_count(kind),
			   frame_kind_name(kind));
		sum += totals->kinds[kind];
		if (kind != FRAME_FREE && kind != FRAME_RESERVED)
			totals->report->frames_in_use += totals->kinds[kind];
	}
	for (size_t i = 0; i < count; i++)
		declared += extents[i].end - extents[i].first;
	audit_same(totals->report, sum, declared, "all of RAM");
	audit_same(totals->report, totals->on_cpu, frame_cpu_listed(), "frames on CPU lists");
}

static void audit_buddy(struct totals *totals)
{
	uint64_t frames = 0;

	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
		uint64_t blocks = 0;
		struct frame *frame;

		list_for_each_entry (frame, buddy_list(order), link) {
			uint64_t number = frame - frame_table;
			struct frame *buddy = &frame_table[number ^ (1ul << order)];

			blocks++;
			audit_fact(totals->report,
				   frame->order == order && frame->place == FRAME_IN_BUDDY &&
					   !(number & ((1ul << order) - 1)),
				   "block %#lx on the list of order %u", number, order);
			audit_fact(totals->report,
				   order == FRAME_ORDER_MAX || buddy->place != FRAME_IN_BUDDY ||
					   buddy->order != order,
				   "blocks %#lx and its buddy are both free", number);
		}
		audit_same(totals->report, blocks, buddy_blocks(order), "free blocks");
		frames += blocks << order;
	}
	audit_same(totals->report, frames + frame_cpu_listed(), totals->kinds[FRAME_FREE],
		   "free frames on lists");
}

static void audit_cache(struct totals *totals, struct cache *cache)
{
	uint64_t free_objects = 0, listed = 0, empty = 0;
	struct frame *slab;

	list_for_each_entry (slab, &cache->partial, link) {
		uint64_t here = 0;

		for (void *object = slab->free_objects; object && here <= cache->per_slab;
		     object = *(void **)object)
			here++;
		audit_same(totals->report, here + slab->objects, cache->per_slab, cache->name);
		free_objects += here;
		empty += slab->objects == 0;
		listed++;
	}
	audit_fact(totals->report, listed <= cache->slabs, "%s has lost a slab", cache->name);
	audit_same(totals->report, cache->in_use + free_objects, cache->slabs * cache->per_slab,
		   cache->name);
	audit_same(totals->report, empty, cache->empty, "empty slabs");
}

static void audit_slabs(struct totals *totals)
{
	uint64_t frames = totals->large_blocks;
	struct cache *cache;

	list_for_each_entry (cache, &caches, link) {
		audit_cache(totals, cache);
		frames += cache->slabs << cache->order;
	}
	audit_same(totals->report, frames, totals->kinds[FRAME_SLAB], "frames of slabs");
}

// The kept pages of one object, its cached pages checked on the way.
static uint64_t audit_object(struct audit_report *report, struct object *object)
{
	uint64_t cached = 0, kept = 0;
	struct frame *frame;

	list_for_each_entry (frame, &object->pages, link) {
		cached++;
		kept += frame->file_state & FRAME_KEPT;
		frame->recount++;
		audit_fact(report,
			   frame->kind == FRAME_FILE && frame->owner == object &&
				   page_index_get(&object->index, frame->index) == frame,
			   "cached page %lu is not where its object looks", frame->index);
	}
	audit_same(report, cached, object->cached, "cached pages");
	return kept;
}

static void audit_objects(struct audit_report *report, struct audit_sums *sums)
{
	struct object *object;
	uint64_t total = 0;

	list_for_each_entry (object, &object_list, link)
		if (object->quota)
			object->quota->recount = 0;
	list_for_each_entry (object, &object_list, link) {
		uint64_t kept = audit_object(report, object);

		total += kept;
		sums->charged += object->charged + (object->charges_pages ? kept : 0);
		if (object->quota)
			object->quota->recount += kept;
	}
	audit_same(report, total, object_kept_pages(), "kept pages");
	list_for_each_entry (object, &object_list, link)
		if (object->quota)
			audit_same(report, object->quota->recount, object->quota->used,
				   "pages of a quota");
}

bool mm_audit(struct audit_report *report)
{
	struct totals totals = {.report = report};
	struct audit_sums sums = {0};
	struct mm *mm;

	machine_hold_others();
	sums.tables = page_table_kept() + kernel_table_count();
	*report = (struct audit_report){0};
	for_each_block(clear_recount, &totals);
	device_memory_clear_recount();
	list_for_each_entry (mm, &mm_list, link)
		audit_space(report, mm, &sums);
	audit_objects(report, &sums);
	device_memory_audit(report);
	for_each_block(add_block, &totals);
	audit_kinds(&totals);
	audit_buddy(&totals);
	audit_slabs(&totals);
	audit_same(report, sums.tables, totals.kinds[FRAME_PAGE_TABLE], "frames of page tables");
	audit_same(report, kernel_stack_frames(), totals.kinds[FRAME_STACK], "kernel stacks");
	audit_same(report, sums.charged, commit_total(), "pages promised");
	machine_release_others();
	return report->wrong == 0;
}
