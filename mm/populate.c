// SPDX-License-Identifier: MIT
//
// Pages brought in before they are touched: see mm/populate.h. Each is faulted in as the program's
// own access would.

#include "mm/populate.h"
#include "mm/machine.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

#define NO_ACCESS 0

// The access to make at `address`, NO_ACCESS or -errno. *end becomes the end of the VMA there.
static int access_at(struct mm *mm, uintptr_t address, enum populate_access wanted, uintptr_t *end)
{
	struct vma *vma;
	int result = -ENOMEM;

	spin_lock(&mm->lock);
	vma = vma_find(mm, address);
	if (vma && vma->start <= address) {
		bool write = wanted == POPULATE_WRITE ||
			     (wanted == POPULATE_AS_ALLOWED &&
			      (vma->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE);

		*end = vma->end;
		result = write ? ACCESS_WRITE : ACCESS_READ;
		if (!(vma->flags & (write ? VMA_WRITE : VMA_PROTECTION)))
			result = wanted == POPULATE_AS_ALLOWED ? -ENOMEM : -EFAULT;
		if (wanted == POPULATE_AS_ALLOWED && (vma->flags & VMA_LOCK_ON_FAULT))
			result = NO_ACCESS;
	}
	spin_unlock(&mm->lock);
	return result;
}

static int populate_vma(struct mm *mm, uintptr_t start, uintptr_t end, enum fault_access access)
{
	for (uintptr_t at = start; at < end; at += PAGE_SIZE) {
		enum fault_result result;

		if (machine_killed())
			return -EINTR;
		result = mm_fault(mm, at, access);
		if (result == FAULT_NO_MEMORY)
			return -ENOMEM;
		if (result > FAULT_LAST_RESOLVED)
			return -EFAULT;
	}
	return 0;
}

int mm_populate(struct mm *mm, uintptr_t start, uintptr_t end, enum populate_access wanted)
{
	while (start < end) {
		uintptr_t vma_end = end;
		int access = access_at(mm, start, wanted, &vma_end), error;

		if (access < 0)
			return access;
		if (vma_end > end)
			vma_end = end;
		error = access == NO_ACCESS ? 0 : populate_vma(mm, start, vma_end, access);
		if (error)
			return error;
		start = vma_end;
	}
	return 0;
}
