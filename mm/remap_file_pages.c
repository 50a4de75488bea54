// SPDX-License-Identifier: MIT
//
// remap_file_pages: other pages of its file at a part of a shared mapping. As in Linux it is a
// mapping of its own that replaces the part, so it costs a VMA, which the call was once to save.

#include "mm/object.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// What the part is mapped of: 0 with a reference of the object, or -EINVAL. It may consist of
// several VMAs if they are alike.
static int part_of(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t *flags,
		   struct object **object)
{
	const uint32_t writable = VMA_SHARED | VMA_MAY_WRITE;
	struct vma *first = vma_find(mm, start), *vma = first;

	if (!first || first->start > start || (first->flags & writable) != writable)
		return -EINVAL;
	while (vma->end < end) {
		uintptr_t at = vma->end;

		vma = vma_next(vma);
		if (!vma || vma->start != at || vma->object != first->object ||
		    !vma_same_flags(vma, first->flags))
			return -EINVAL;
	}
	*flags = first->flags;
	*object = object_get(first->object);
	return 0;
}

int mm_remap_file_pages(struct mm *mm, uintptr_t start, size_t size, int prot,
			uint64_t page_offset, int flags)
{
	uint64_t length = size & PAGE_MASK;
	struct object *object;
	uint32_t vma_flags;
	int error;
	long result;

	start &= PAGE_MASK;
	if (prot || start + length <= start || page_offset + (length >> PAGE_SHIFT) < page_offset)
		return -EINVAL;
	spin_lock(&mm->lock);
	error = part_of(mm, start, start + length, &vma_flags, &object);
	spin_unlock(&mm->lock);
	if (error)
		return error;
	flags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE |
		(vma_flags & VMA_LOCKED ? MAP_LOCKED : 0);
	result = mm_mmap(mm, start, length, vma_flags & VMA_PROTECTION, flags, object, page_offset,
			 true);
	object_put(object);
	return result < 0 ? (int)result : 0;
}
