// SPDX-License-Identifier: MIT
//
// mincore and msync: what is in memory, and what has reached the file.

#include "lib/string.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// A page that was only allocated ahead (fallocate) has yet to become anything.
static bool is_cached(struct object *object, uint64_t index)
{
	struct frame *frame = object_cached_page(object, index);
	bool filled = frame && !(frame->file_state & FRAME_UNUSED);

	if (frame)
		frame_put(frame);
	return filled;
}

// Of a file that is neither the process's own nor one it may write, all pages count as being in
// memory: what others do with it shall not be seen.
static bool is_secret(struct object *object)
{
	return object && object->ops->observable && !object->ops->observable(object);
}

// Whether pages could be touched without waiting for anything: they are mapped, or in their file's
// page cache. Within one VMA and one lowest table.
static void look(struct mm *mm, const struct vma *vma, uintptr_t start, size_t pages,
		 unsigned char *vector)
{
	uint64_t index = vma->page_offset + ((start - vma->start) >> PAGE_SHIFT);
	const pte_t *slot = page_slot_find(mm, start);

	if ((vma->flags & VMA_DEVICE) || is_secret(vma->object)) {
		memset(vector, 1, pages);
		return;
	}
	if (!slot && !vma->object) {
		memset(vector, 0, pages);
		return;
	}
	for (size_t i = 0; i < pages; i++)
		vector[i] = (slot && (slot[i] & PTE_MAPS)) ||
			    (vma->object && is_cached(vma->object, index + i));
}

size_t mm_mincore(struct mm *mm, uintptr_t start, size_t pages, unsigned char *vector)
{
	uintptr_t at = start, end = start + pages * PAGE_SIZE;

	spin_lock(&mm->lock);
	while (at < end) {
		struct vma *vma = vma_find(mm, at);
		uintptr_t next = (at | (level_span(2) - 1)) + 1;

		if (!vma || vma->start > at)
			break;
		next = next < end ? next : end;
		next = next < vma->end ? next : vma->end;
		look(mm, vma, at, (next - at) >> PAGE_SHIFT, vector);
		vector += (next - at) >> PAGE_SHIFT;
		at = next;
	}
	spin_unlock(&mm->lock);
	return (at - start) >> PAGE_SHIFT;
}

// Files live in the page cache and nowhere else, so there is nothing to write anywhere.
int mm_msync(struct mm *mm, uintptr_t start, size_t size, int flags)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	uintptr_t end = start + length;
	int result = 0;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & ~PAGE_MASK) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	spin_lock(&mm->lock);
	while (start < end) {
		struct vma *vma = vma_find(mm, start);

		if (!vma || vma->start > start)
			result = -ENOMEM;
		if (!vma)
			break;
		if ((flags & MS_INVALIDATE) && (vma->flags & VMA_LOCKED) && vma->start < end) {
			result = -EBUSY;
			break;
		}
		start = vma->end;
	}
	spin_unlock(&mm->lock);
	return result;
}
