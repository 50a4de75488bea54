// SPDX-License-Identifier: MIT
//
// brk: the end of the heap, as Linux has it. The result is always where the heap ends now; a
// caller learns of failure by comparing.

#include "lib/mutant.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/trace.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"

#define HEAP_FLAGS (VMA_READ | VMA_WRITE | VMA_MAY_WRITE | VMA_HEAP | VMA_ACCOUNT)

static bool grow(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	struct vma *above;

	// A page of distance to what comes next stays free.
	if (!vma_range_free(mm, start, end + PAGE_SIZE, &above) ||
	    !mm_may_expand(mm, pages, HEAP_FLAGS))
		return false;
	if (vma_count_left(mm) < 0 || commit_charge(mm, pages))
		return false;
	if (!mm_add_anonymous(mm, start, end, HEAP_FLAGS, above))
		return true;
	commit_release(pages);
	return false;
}

// As on Linux, a heap of which nothing is mapped there any more does not shrink.
static bool shrink(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vma *vma = vma_find(mm, start);

	if (!vma || vma->start >= end)
		return false;
	return MUTANT(brk_keeps_pages) || unmap_range(mm, start, end) == 0;
}

static bool move_brk(struct mm *mm, uintptr_t address)
{
	uintptr_t before = PAGE_ALIGN_UP(mm->brk), after = PAGE_ALIGN_UP(address);

	if (address < mm->brk_start || address > USER_END)
		return false;
	if (address - mm->brk_start > mm->data_limit)
		return false;
	if (after == before)
		return true;
	if (after > before)
		return grow(mm, before, after);
	return shrink(mm, after, before);
}

uintptr_t mm_brk(struct mm *mm, uintptr_t address)
{
	uintptr_t before, after;

	spin_lock(&mm->lock);
	before = mm->brk;
	if (move_brk(mm, address))
		mm->brk = address;
	after = mm->brk;
	spin_unlock(&mm->lock);
	trace(TRACE_BRK, address, before, after, 0);
	return after;
}
