// SPDX-License-Identifier: MIT
//
// The size of an object, and pages taken away from it: see mm/object.h.
//
// A page that goes is taken out of the cache under object->lock, after the size was set there: no
// fault can find it from then on. A fault that found it before holds its mm->lock until it is
// mapped; so whoever then takes each mm->lock in turn finds every mapping there is. A space that
// comes later by fork has its VMAs on the list before it has their entries. Only then is the page
// freed.

#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

#define EVERY_PAGE (~0ul)

// Pages that are being taken away: [first, end).
struct removal {
	struct object *object;
	uint64_t first, end;
	struct list pages; // out of the cache, by frame->link
	bool copies;       // private copies go as well
};

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes >> PAGE_SHIFT) + (bytes % PAGE_SIZE != 0);
}

// ---- out of the cache ----
static void take_out_all(struct removal *removal)
{
	struct object *object = removal->object;
	uint64_t at = removal->first;
	struct frame *frame;

	while ((frame = page_index_next(&object->index, &at)) && at < removal->end) {
		object_take_out(object, frame);
		list_add_tail(&removal->pages, &frame->link);
		at++;
	}
}

static void free_all(struct removal *removal)
{
	struct frame *frame, *next;

	list_for_each_entry_safe (frame, next, &removal->pages, link) {
		list_del(&frame->link);
		frame->owner = NULL;
		frame_put(frame);
	}
}

// ---- out of the mappings ----
// The addresses at which `vma` maps pages of the removal; false: none.
static bool overlap(const struct removal *removal, const struct vma *vma, uintptr_t *start,
		    uintptr_t *end)
{
	uint64_t first = vma->page_offset;
	uint64_t last = first + ((vma->end - vma->start) >> PAGE_SHIFT);

	if (first >= removal->end || last <= removal->first)
		return false;
	*start = vma->start;
	if (first < removal->first)
		*start += (removal->first - first) << PAGE_SHIFT;
	*end = vma->end;
	if (last > removal->end)
		*end -= (last - removal->end) << PAGE_SHIFT;
	return true;
}

// Only the object's own pages, and only those that went.
static void unmap_originals(struct removal *removal, struct vma *vma, uintptr_t start,
			    uintptr_t end, struct flush_batch *batch)
{
	struct frame *frame;

	list_for_each_entry (frame, &removal->pages, link) {
		uint64_t offset = (frame->index - vma->page_offset) << PAGE_SHIFT;
		uintptr_t at = vma->start + offset;
		pte_t *slot;

		if (frame->index < vma->page_offset || at < start || at >= end)
			continue;
		slot = page_slot_find(vma->mm, at);
		if (slot && (*slot & PTE_MAPS) && entry_frame(*slot) == frame)
			page_unmap(vma->mm, at, at + PAGE_SIZE, batch);
	}
}

// Under mm->lock.
static void unmap_from(struct removal *removal, struct vma *vma)
{
	struct flush_batch batch;
	uintptr_t start, end;

	if (!overlap(removal, vma, &start, &end))
		return;
	flush_batch_start(&batch, vma->mm);
	if (removal->copies)
		page_unmap(vma->mm, start, end, &batch);
	else
		unmap_originals(removal, vma, start, end, &batch);
	flush_batch_finish(&batch);
}

static void mark_seen(struct object *object, struct vma *vma)
{
	list_del(&vma->object_link);
	list_add_tail(&object->seen, &vma->object_link);
}

// A space that still maps pages, with a reference; NULL when every one has been seen. One that is
// being destroyed runs nowhere and drops its pages itself.
static struct mm *next_space(struct object *object)
{
	struct vma *vma, *next;
	struct mm *mm = NULL;

	spin_lock(&object->lock);
	list_for_each_entry_safe (vma, next, &object->vmas, object_link) {
		if (mm_get_unless_zero(vma->mm)) {
			mm = vma->mm;
			break;
		}
		mark_seen(object, vma);
	}
	spin_unlock(&object->lock);
	return mm;
}

// The next VMA of a space that has not been seen; now it is.
static struct vma *next_vma(struct object *object, const struct mm *mm)
{
	struct vma *vma, *found = NULL;

	spin_lock(&object->lock);
	list_for_each_entry (vma, &object->vmas, object_link) {
		if (vma->mm == mm) {
			found = vma;
			break;
		}
	}
	if (found)
		mark_seen(object, found);
	spin_unlock(&object->lock);
	return found;
}

static void unmap_from_space(struct removal *removal, struct mm *mm)
{
	struct vma *vma;

	spin_lock(&mm->lock);
	while ((vma = next_vma(removal->object, mm)))
		unmap_from(removal, vma);
	spin_unlock(&mm->lock);
}

// All are to be looked at again the next time.
static void forget_seen(struct object *object)
{
	spin_lock(&object->lock);
	list_splice_tail(&object->vmas, &object->seen);
	spin_unlock(&object->lock);
}

static void unmap_everywhere(struct removal *removal)
{
	struct mm *mm;

	while (!MUTANT(truncate_keeps_mappings) && (mm = next_space(removal->object))) {
		unmap_from_space(removal, mm);
		mm_put(mm);
	}
	forget_seen(removal->object);
}

// ---- the interface ----
// The rest of a page that stays. A page that is not cached comes as zeros, or ends where `source`
// does.
static void zero_rest(struct object *object, uint64_t size)
{
	uint64_t within = size % PAGE_SIZE;
	struct frame *frame = within ? object_cached_page(object, size >> PAGE_SHIFT) : NULL;

	if (!frame)
		return;
	memset((char *)frame_to_virt(frame) + within, 0, PAGE_SIZE - within);
	frame_put(frame);
}

void object_resize(struct object *object, uint64_t size)
{
	struct removal removal = {object, pages_of(size), EVERY_PAGE, .copies = true};
	uint64_t old;

	list_init(&removal.pages);
	spin_lock(&object->shrink_lock);
	spin_lock(&object->lock);
	old = object->size;
	__atomic_store_n(&object->size, size, __ATOMIC_RELAXED);
	// What was allocated ahead beyond a smaller end stays when that moves up.
	if (size <= old)
		take_out_all(&removal);
	if (object->source > size)
		object->source = size;
	spin_unlock(&object->lock);
	if (pages_of(size) < pages_of(old) || !list_empty(&removal.pages))
		unmap_everywhere(&removal);
	if (size < old)
		zero_rest(object, size);
	spin_unlock(&object->shrink_lock);
	free_all(&removal);
}

void object_extend(struct object *object, uint64_t size)
{
	spin_lock(&object->lock);
	if (size > object->size)
		__atomic_store_n(&object->size, size, __ATOMIC_RELAXED);
	spin_unlock(&object->lock);
}

// What would come again as it was is made zeros where it is.
static int clear_source(struct object *object, uint64_t first, uint64_t end)
{
	for (uint64_t index = first; index < end && index < pages_of(object->source); index++) {
		struct frame *frame;
		int error = object_page_to_write(object, index, &frame);

		if (error)
			return error;
		page_clear(frame_to_virt(frame));
		frame_put(frame);
	}
	return 0;
}

int object_punch(struct object *object, uint64_t first, uint64_t end)
{
	struct removal removal = {object, first, end, .copies = false};
	int error = clear_source(object, first, end);

	if (error)
		return error;
	if (removal.first < pages_of(object->source))
		removal.first = pages_of(object->source);
	if (removal.first >= end)
		return 0;
	list_init(&removal.pages);
	spin_lock(&object->shrink_lock);
	spin_lock(&object->lock);
	take_out_all(&removal);
	spin_unlock(&object->lock);
	if (!list_empty(&removal.pages))
		unmap_everywhere(&removal);
	spin_unlock(&object->shrink_lock);
	free_all(&removal);
	return 0;
}

uint64_t object_next_data(struct object *object, uint64_t index)
{
	struct frame *frame;

	if (index < pages_of(object->source))
		return index;
	spin_lock(&object->lock);
	while ((frame = page_index_next(&object->index, &index)) &&
	       (frame->file_state & FRAME_UNUSED))
		index++;
	spin_unlock(&object->lock);
	return frame ? index : EVERY_PAGE;
}

uint64_t object_next_hole(struct object *object, uint64_t index)
{
	struct frame *frame;

	if (index < pages_of(object->source))
		index = pages_of(object->source);
	spin_lock(&object->lock);
	while ((frame = page_index_get(&object->index, index)) &&
	       !(frame->file_state & FRAME_UNUSED))
		index++;
	spin_unlock(&object->lock);
	return index;
}

// ---- who may write through mappings ----
int object_hold_writable(struct object *object)
{
	int error = 0;

	spin_lock(&object->lock);
	if (object->deny_write)
		error = -EPERM;
	else
		object->mapping_writable++;
	spin_unlock(&object->lock);
	return error;
}

void object_drop_writable(struct object *object)
{
	spin_lock(&object->lock);
	object->mapping_writable--;
	spin_unlock(&object->lock);
}

// Mappings on a list: all, or those that may be written.
static uint64_t count_mappings(const struct list *vmas, uint32_t flags)
{
	uint64_t count = 0;
	struct vma *vma;

	list_for_each_entry (vma, vmas, object_link)
		count += (vma->flags & flags) == flags;
	return count;
}

static uint64_t count_all_mappings(const struct object *object, uint32_t flags)
{
	return count_mappings(&object->vmas, flags) + count_mappings(&object->seen, flags);
}

int object_deny_write(struct object *object)
{
	bool busy;

	spin_lock(&object->lock);
	busy = object->mapping_writable || count_all_mappings(object, VMA_SHARED | VMA_MAY_WRITE);
	object->deny_write |= !busy;
	spin_unlock(&object->lock);
	return busy ? -EBUSY : 0;
}

uint64_t object_mappings(struct object *object)
{
	uint64_t count;

	spin_lock(&object->lock);
	count = count_all_mappings(object, 0);
	spin_unlock(&object->lock);
	return count;
}
