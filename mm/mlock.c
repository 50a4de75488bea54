// SPDX-License-Identifier: MIT
//
// mlock and its relatives. Nothing is ever taken from a program's memory here, so locking means
// bringing pages in and keeping the count that Linux keeps. Everybody is root, whom RLIMIT_MEMLOCK
// does not bind (CAP_IPC_LOCK).

#include "mm/populate.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

static int set_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, bool lock)
{
	uint32_t flags = lock ? vma->flags | VMA_LOCKED : vma->flags & ~VMA_LOCKED;

	if (flags == vma->flags)
		return 0;
	return vma_change_flags(mm, vma, start, end, flags);
}

// What lies before a hole is done, then -ENOMEM.
static int set_range(struct mm *mm, uintptr_t start, uintptr_t end, bool lock)
{
	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		uintptr_t part_end;
		int error;

		if (!vma || vma->start > start)
			return -ENOMEM;
		part_end = vma->end < end ? vma->end : end;
		error = set_part(mm, vma, start, part_end, lock);
		if (error)
			return error;
		start = part_end;
	}
	return 0;
}

static int set_lock(struct mm *mm, uintptr_t address, size_t size, bool lock)
{
	uintptr_t start = PAGE_ALIGN_DOWN(address);
	uint64_t length = PAGE_ALIGN_UP(size + (address & ~PAGE_MASK));
	int error;

	if (start + length < start)
		return -EINVAL;
	if (!length)
		return 0;
	spin_lock(&mm->lock);
	error = set_range(mm, start, start + length, lock);
	spin_unlock(&mm->lock);
	return error;
}

int mm_mlock(struct mm *mm, uintptr_t address, size_t size, bool on_fault)
{
	int error = set_lock(mm, address, size, true);

	if (error || on_fault || !size)
		return error;
	error = mm_populate(mm, PAGE_ALIGN_DOWN(address), PAGE_ALIGN_UP(address + size),
			    POPULATE_AS_ALLOWED);
	return error == -EFAULT ? -ENOMEM : error;
}

int mm_munlock(struct mm *mm, uintptr_t address, size_t size)
{
	return set_lock(mm, address, size, false);
}

static void set_all(struct mm *mm, bool lock)
{
	struct vma *next;

	for (struct vma *vma = vma_first(mm); vma; vma = next) {
		uint32_t flags = lock ? vma->flags | VMA_LOCKED : vma->flags & ~VMA_LOCKED;

		if (flags != vma->flags)
			vma_set_flags(mm, vma, flags);
		next = vma_next(vma_merge(mm, vma));
	}
}

// The first VMA that ends after `address`, by value: populating lets the lock go.
static bool next_range(struct mm *mm, uintptr_t address, uintptr_t *start, uintptr_t *end)
{
	struct vma *vma;

	spin_lock(&mm->lock);
	vma = vma_find(mm, address);
	if (vma) {
		*start = vma->start;
		*end = vma->end;
	}
	spin_unlock(&mm->lock);
	return vma != NULL;
}

int mm_mlockall(struct mm *mm, int flags)
{
	uintptr_t start, end = 0;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	spin_lock(&mm->lock);
	mm->lock_future = flags & MCL_FUTURE ? VMA_LOCKED : 0;
	mm->populate_future = (flags & MCL_FUTURE) && !(flags & MCL_ONFAULT);
	if (flags & MCL_CURRENT)
		set_all(mm, true);
	spin_unlock(&mm->lock);
	if (!(flags & MCL_CURRENT) || (flags & MCL_ONFAULT))
		return 0;
	// What can not be brought in is passed over, as Linux does.
	while (next_range(mm, end, &start, &end))
		mm_populate(mm, start, end, POPULATE_AS_ALLOWED);
	return 0;
}

void mm_munlockall(struct mm *mm)
{
	spin_lock(&mm->lock);
	mm->lock_future = 0;
	mm->populate_future = false;
	set_all(mm, false);
	spin_unlock(&mm->lock);
}
