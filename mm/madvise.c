// SPDX-License-Identifier: MIT
//
// madvise: what a program says about how it will use its memory, and what follows from it. Advice
// that changes nothing here is accepted as Linux accepts it.

#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// Lets the pages of one VMA's part go: anonymous ones read as zeros afterwards, a file's as the
// file.
static int drop_pages(struct vma *vma, uintptr_t start, uintptr_t end)
{
	struct mm *mm = vma->mm;
	struct flush_batch batch;

	if (!vma->touched)
		return 0;
	flush_batch_start(&batch, mm);
	page_unmap(mm, start, end, &batch);
	flush_batch_finish(&batch);
	return 0;
}

// Advice that ends in other flags of the VMA: 0 with *flags changed, or -errno.
static int advised_flags(const struct vma *vma, int advice, uint32_t *flags)
{
	switch (advice) {
	case MADV_NORMAL:
		*flags &= ~(VMA_RANDOM | VMA_SEQUENTIAL);
		return 0;
	case MADV_RANDOM:
		*flags = (*flags & ~VMA_SEQUENTIAL) | VMA_RANDOM;
		return 0;
	case MADV_SEQUENTIAL:
		*flags = (*flags & ~VMA_RANDOM) | VMA_SEQUENTIAL;
		return 0;
	case MADV_DONTFORK:
		*flags |= VMA_NO_FORK;
		return 0;
	case MADV_DOFORK:
		*flags &= ~VMA_NO_FORK;
		return 0;
	case MADV_WIPEONFORK:
		*flags |= VMA_WIPE_ON_FORK;
		return vma->object ? -EINVAL : 0;
	case MADV_KEEPONFORK:
		*flags &= ~VMA_WIPE_ON_FORK;
		return 0;
	case MADV_DONTDUMP:
		*flags |= VMA_NO_DUMP;
		return 0;
	case MADV_DODUMP:
		*flags &= ~VMA_NO_DUMP;
		return 0;
	case MADV_HUGEPAGE:
		*flags = (*flags & ~VMA_NO_HUGE) | VMA_HUGE;
		return 0;
	case MADV_NOHUGEPAGE:
		*flags = (*flags & ~VMA_HUGE) | VMA_NO_HUGE;
		return 0;
	case MADV_MERGEABLE: // of no effect on shared mappings
		*flags |= vma->flags & (VMA_SHARED | VMA_DEVICE) ? 0 : VMA_MERGEABLE;
		return 0;
	case MADV_UNMERGEABLE:
		*flags &= ~VMA_MERGEABLE;
		return 0;
	default:
		return -EINVAL;
	}
}

static int change_flags(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
	uint32_t flags = vma->flags;
	int error = advised_flags(vma, advice, &flags);

	if (error || flags == vma->flags)
		return error;
	error = vma_change_flags(mm, vma, start, end, flags);
	return error == -ENOMEM ? -EAGAIN : error;
}

// A device's pages can not be let go, and what its mappings are is not the program's to change.
static bool device_allows(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_DOFORK:
	case MADV_DODUMP:
	case MADV_HUGEPAGE:
		return false;
	default:
		return true;
	}
}

static int advise_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
	if ((vma->flags & VMA_DEVICE) && !device_allows(advice))
		return -EINVAL;
	switch (advice) {
	case MADV_DONTNEED:
		return vma->flags & VMA_LOCKED ? -EINVAL : drop_pages(vma, start, end);
	case MADV_DONTNEED_LOCKED:
		return drop_pages(vma, start, end);
	case MADV_FREE: // they may go when memory is short, which is never noticed: they are kept
		return (vma->flags & VMA_LOCKED) || vma->object ? -EINVAL : 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return vma->flags & VMA_LOCKED ? -EINVAL : 0;
	case MADV_WILLNEED:
		return 0;
	default:
		return change_flags(mm, vma, start, end, advice);
	}
}

static bool known(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
		return true;
	default:
		return false;
	}
}

// Holes are passed over and reported at the end.
static int advise(struct mm *mm, uintptr_t start, uintptr_t end, int advice)
{
	int hole = 0;

	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		uintptr_t part_end;
		int error;

		if (!vma || vma->start >= end)
			return -ENOMEM;
		if (vma->start > start) {
			hole = -ENOMEM;
			start = vma->start;
		}
		part_end = vma->end < end ? vma->end : end;
		error = advise_part(mm, vma, start, part_end, advice);
		if (error)
			return error;
		start = part_end;
	}
	return hole;
}

// What of an object is mapped where MADV_REMOVE has come to.
struct removal {
	struct object *object; // held
	uint64_t first, end;   // pages
	int hole;              // -ENOMEM when there was one
};

// The part of [*start, end) in the first VMA there; *start goes on behind it. 0 or -errno.
static int find_removal(struct mm *mm, uintptr_t *start, uintptr_t end, struct removal *removal)
{
	const uint32_t needed = VMA_SHARED | VMA_MAY_WRITE;
	struct vma *vma = vma_find(mm, *start);

	if (!vma || vma->start >= end)
		return -ENOMEM;
	if (vma->start > *start) {
		removal->hole = -ENOMEM;
		*start = vma->start;
	}
	if ((vma->flags & VMA_LOCKED) || !vma->object)
		return -EINVAL;
	if ((vma->flags & needed) != needed)
		return -EACCES;
	if (end > vma->end)
		end = vma->end;
	removal->object = object_get(vma->object);
	removal->first = vma->page_offset + ((*start - vma->start) >> PAGE_SHIFT);
	removal->end = removal->first + ((end - *start) >> PAGE_SHIFT);
	*start = end;
	return 0;
}

// MADV_REMOVE: the file itself gets a hole. Without mm->lock, as every mapping of it changes.
static int remove_pages(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct removal removal = {0};

	while (start < end) {
		int error;

		spin_lock(&mm->lock);
		error = find_removal(mm, &start, end, &removal);
		spin_unlock(&mm->lock);
		if (error)
			return error;
		if (removal.object->ops->punch)
			error = removal.object->ops->punch(removal.object, removal.first,
							   removal.end);
		else
			error = object_punch(removal.object, removal.first, removal.end);
		object_put(removal.object);
		if (error)
			return error;
	}
	return removal.hole;
}

int mm_madvise(struct mm *mm, uintptr_t start, size_t size, int advice)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	uintptr_t end = start + length;
	int result;

	if (!known(advice) || (start & ~PAGE_MASK) || (size && !length) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return mm_populate(mm, start, end,
				   advice == MADV_POPULATE_READ ? POPULATE_READ : POPULATE_WRITE);
	if (advice == MADV_REMOVE)
		return remove_pages(mm, start, end);
	spin_lock(&mm->lock);
	result = advise(mm, start, end, advice);
	spin_unlock(&mm->lock);
	return result;
}
