// SPDX-License-Identifier: MIT
//
// Removing mappings: VMAs cut or taken away, entries emptied, frames freed after the flush.

#include "mm/unmap.h"
#include "mm/commit.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

static void note_peak(struct mm *mm)
{
	uint64_t resident = mm->anon_resident + mm->file_resident;

	if (resident > mm->peak_resident)
		mm->peak_resident = resident;
	if (mm->mapped > mm->peak_mapped)
		mm->peak_mapped = mm->mapped;
}

// Takes [start, end) away from one VMA that overlaps it and of which at most one end stays.
// Returns the next VMA. Pages that are no longer promised are added to *released.
static struct vma *cut_vma(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end,
			   uint64_t *released)
{
	uintptr_t from = vma->start > start ? vma->start : start;
	uintptr_t to = vma->end < end ? vma->end : end;

	if (vma->flags & VMA_ACCOUNT)
		*released += (to - from) >> PAGE_SHIFT;
	if (vma->start >= start && vma->end <= end)
		return vma_unlink(mm, vma);
	if (vma->start < start)
		vma_move_end(mm, vma, start);
	else
		vma_move_start(mm, vma, end);
	return vma_next(vma);
}

// The entries of [start, end); `vma` is the first of its VMAs.
static void empty(struct mm *mm, const struct vma *vma, uintptr_t start, uintptr_t end)
{
	struct flush_batch batch;

	while (!vma->touched) {
		vma = vma->end < end ? vma_next(vma) : NULL;
		if (!vma || vma->start >= end)
			return;
	}
	flush_batch_start(&batch, mm);
	page_unmap(mm, start, end, &batch);
	flush_batch_finish(&batch);
}

int unmap_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vma *vma = vma_find(mm, start);
	uint64_t released = 0;

	if (!vma || vma->start >= end)
		return 0;
	// The one step that can fail comes first: a hole in the middle makes one VMA two.
	if (vma->start < start && vma->end > end) {
		struct vma *upper;
		int error = vma_split(mm, vma, end, &upper);

		if (error)
			return error;
	}
	note_peak(mm);
	empty(mm, vma, start, end);
	while (vma && vma->start < end)
		vma = cut_vma(mm, vma, start, end, &released);
	commit_release(released);
	return 0;
}
