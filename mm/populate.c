// SPDX-License-Identifier: MIT
//
// Pages brought in before they are touched: see mm/populate.h. Each is faulted in as the program's
// own access would.

#include "mm/populate.h"
#include "mm/machine.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

// The part of a VMA that comes next, by value: populating lets the lock go.
struct part {
	uintptr_t start, end;
	enum fault_access access;
};

// The access to make to pages of `vma`, or -errno.
static int access_wanted(const struct vma *vma, enum populate_access wanted)
{
	if (vma->flags & VMA_DEVICE)
		return -EFAULT;
	if (wanted == POPULATE_READ)
		return vma->flags & VMA_READ ? ACCESS_READ : -EINVAL;
	if (wanted == POPULATE_WRITE)
		return vma->flags & VMA_WRITE ? ACCESS_WRITE : -EINVAL;
	if (!(vma->flags & VMA_PROTECTION))
		return -EFAULT;
	return (vma->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

// What of [start, end) to do first: 1 with *part set, 0 when nothing is left, or -errno, then
// part->end is where to go on.
static int next_part(struct mm *mm, uintptr_t start, uintptr_t end, enum populate_access wanted,
		     struct part *part)
{
	struct vma *vma = vma_find(mm, start);
	int access;

	if (wanted >= POPULATE_TO_LOCK) {
		while (vma && (vma->flags & (VMA_LOCK_ON_FAULT | VMA_DEVICE)))
			vma = vma_next(vma);
		if (!vma || vma->start >= end)
			return 0;
	} else if (!vma || vma->start > start) {
		return -ENOMEM;
	}
	access = access_wanted(vma, wanted);
	*part = (struct part){vma->start > start ? vma->start : start,
			      vma->end < end ? vma->end : end, access};
	return access < 0 ? access : 1;
}

// When memory has run out somebody is ended for it, as for a touch.
static int populate_vma(struct mm *mm, uintptr_t start, uintptr_t end, enum fault_access access)
{
	for (uintptr_t at = start; at < end; at += PAGE_SIZE) {
		enum fault_result result;

		do {
			if (machine_killed())
				return -EINTR;
			result = mm_fault(mm, at, access);
		} while (result == FAULT_NO_MEMORY && machine_make_room());
		if (result == FAULT_NO_MEMORY)
			return machine_killed() ? -EINTR : -ENOMEM;
		if (result > FAULT_LAST_RESOLVED)
			return -EFAULT;
	}
	return 0;
}

int mm_populate(struct mm *mm, uintptr_t start, uintptr_t end, enum populate_access wanted)
{
	while (start < end) {
		struct part part;
		int result;

		spin_lock(&mm->lock);
		result = next_part(mm, start, end, wanted, &part);
		spin_unlock(&mm->lock);
		if (!result)
			return 0;
		if (result > 0)
			result = populate_vma(mm, part.start, part.end, part.access);
		if (result == -EINTR || (result && wanted < POPULATE_AS_ALLOWED))
			return result;
		start = part.end;
	}
	return 0;
}
