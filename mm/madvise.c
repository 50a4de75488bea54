// SPDX-License-Identifier: MIT
//
// madvise: what a program says about how it will use its memory, and what follows from it. Advice
// that changes nothing here is accepted as Linux accepts it.

#include "mm/page_entry.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// Lets the pages of one VMA's part go: anonymous ones read as zeros afterwards, a file's as the
// file. MADV_FREE may do the same whenever it likes, and does so at once.
static int drop_pages(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
	struct flush_batch batch;

	if (vma->flags & VMA_LOCKED)
		return -EINVAL;
	if (advice == MADV_FREE && (vma->object || (vma->flags & VMA_SHARED)))
		return -EINVAL;
	if (!vma->touched)
		return 0;
	flush_batch_start(&batch, mm);
	page_unmap(mm, start, end, &batch);
	flush_batch_finish(&batch);
	return 0;
}

static int change_flags(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end,
			uint32_t flags)
{
	int error;

	if (flags == vma->flags)
		return 0;
	error = vma_change_flags(mm, vma, start, end, flags);
	return error == -ENOMEM ? -EAGAIN : error;
}

static int advise_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
	uint32_t flags = vma->flags;

	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
		return drop_pages(mm, vma, start, end, advice);
	case MADV_DONTFORK:
		return change_flags(mm, vma, start, end, flags | VMA_NO_FORK);
	case MADV_DOFORK:
		return change_flags(mm, vma, start, end, flags & ~VMA_NO_FORK);
	case MADV_WIPEONFORK:
		if (vma->object || (flags & VMA_SHARED))
			return -EINVAL;
		return change_flags(mm, vma, start, end, flags | VMA_WIPE_ON_FORK);
	case MADV_KEEPONFORK:
		return change_flags(mm, vma, start, end, flags & ~VMA_WIPE_ON_FORK);
	default:
		return 0;
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
	spin_lock(&mm->lock);
	result = advise(mm, start, end, advice);
	spin_unlock(&mm->lock);
	return result;
}
