// SPDX-License-Identifier: MIT
//
// mincore and msync: what is in memory, and what has reached the file.

#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// Whether the page at `address` could be touched without waiting for anything: it is mapped, or in
// its file's page cache.
static bool resident(struct mm *mm, const struct vma *vma, uintptr_t address)
{
	pte_t *slot = page_slot_find(mm, address);
	struct frame *frame;

	if (slot && (*slot & PTE_MAPS))
		return true;
	if (!vma->object)
		return false;
	frame = object_cached_page(vma->object,
				   vma->page_offset + ((address - vma->start) >> PAGE_SHIFT));
	if (frame)
		frame_put(frame);
	return frame != NULL;
}

int mm_mincore(struct mm *mm, uintptr_t start, size_t pages, unsigned char *vector)
{
	int error = 0;

	spin_lock(&mm->lock);
	for (size_t i = 0; i < pages && !error; i++) {
		uintptr_t at = start + i * PAGE_SIZE;
		struct vma *vma = vma_find(mm, at);

		if (vma && vma->start <= at)
			vector[i] = resident(mm, vma, at);
		else
			error = -ENOMEM;
	}
	spin_unlock(&mm->lock);
	return error;
}

// Files are read-only and shared memory has no file, so there is nothing to write anywhere.
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
