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

// Takes [start, end) away from one VMA that overlaps it and of which at most one end stays. How
// many pages are no longer promised.
static uint64_t cut_vma(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end)
{
	uintptr_t from = vma->start > start ? vma->start : start;
	uintptr_t to = vma->end < end ? vma->end : end;
	uint64_t released = vma->flags & VMA_ACCOUNT ? (to - from) >> PAGE_SHIFT : 0;

	if (vma->start >= start && vma->end <= end)
		vma_unlink(mm, vma);
	else if (vma->start < start)
		vma_move_end(mm, vma, start);
	else
		vma_move_start(mm, vma, end);
	return released;
}

int unmap_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vma *vma = vma_find(mm, start), *next;
	struct flush_batch batch;
	uint64_t released = 0;

	if (!vma || vma->start >= end)
		return 0;
	// The one step that can fail comes first: a hole in the middle makes one VMA two.
	if (vma->start < start && vma->end > end) {
		int error = vma_split(mm, vma, end);

		if (error)
			return error;
	}
	note_peak(mm);
	flush_batch_start(&batch, mm);
	page_unmap(mm, start, end, &batch);
	flush_batch_finish(&batch);
	for (; vma && vma->start < end; vma = next) {
		next = vma_next(vma);
		released += cut_vma(mm, vma, start, end);
	}
	commit_release(released);
	return 0;
}
