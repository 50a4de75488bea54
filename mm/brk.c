// SPDX-License-Identifier: MIT
//
// brk: the end of the heap, as Linux has it. The result is always where the heap ends now; a
// caller learns of failure by comparing.

#include "lib/mutant.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"

#define HEAP_FLAGS (VMA_READ | VMA_WRITE | VMA_MAY_WRITE | VMA_ACCOUNT)

static bool grow(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	uint32_t flags = HEAP_FLAGS | mm->lock_future;
	struct vma *above;

	// A page of distance to what comes next stays free.
	if ((!mm_may_lock(mm, pages, flags) && !MUTANT(brk_ignores_lock_limit)) ||
	    !vma_range_free(mm, start, end + PAGE_SIZE, &above))
		return false;
	if (!mm_may_expand(mm, pages, flags) || vma_count_left(mm) < 0)
		return false;
	if (commit_charge(mm, pages))
		return false;
	if (!mm_add_anonymous(mm, start, end, flags, above))
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
	if (address - mm->brk_start + mm->data_bytes > machine_limits()->data)
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
	bool populate;

	spin_lock(&mm->lock);
	before = mm->brk;
	if (move_brk(mm, address))
		mm->brk = address;
	after = mm->brk;
	populate = mm->lock_future && after > before;
	spin_unlock(&mm->lock);
	if (__builtin_expect(populate, 0))
		mm_populate(mm, PAGE_ALIGN_UP(before), PAGE_ALIGN_UP(after), POPULATE_AS_ALLOWED);
	return after;
}
