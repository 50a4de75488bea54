// SPDX-License-Identifier: MIT
//
// mlock and its relatives. Nothing is ever taken from a program's memory here, so locking means
// bringing pages in and keeping the count that Linux keeps, within RLIMIT_MEMLOCK for those
// without CAP_IPC_LOCK.

#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/mman.h>

static uint64_t limit_pages(void)
{
	return machine_limits()->locked >> PAGE_SHIFT;
}

// Whether one may ask for locks at all.
bool mm_lock_permitted(void)
{
	return machine_limits()->locked || machine_capable(CAP_IPC_LOCK);
}

bool mm_lock_allowed(const struct mm *mm, uint64_t pages)
{
	return mm->locked + pages <= limit_pages() + MUTANT(lock_limit_off_by_one) ||
	       machine_capable(CAP_IPC_LOCK);
}

// How many pages of [start, end) are locked.
static uint64_t locked_pages(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t bytes = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end; vma = vma_next(vma)) {
		if (vma->flags & VMA_LOCKED)
			bytes += (vma->end < end ? vma->end : end) -
				 (vma->start > start ? vma->start : start);
	}
	return bytes >> PAGE_SHIFT;
}

// Whether all of [start, end) may be locked: what is already does not count again.
static bool range_allowed(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT;

	return mm_lock_allowed(mm, pages) ||
	       mm_lock_allowed(mm, pages - locked_pages(mm, start, end));
}

// `lock`: VMA_LOCKED, with VMA_LOCK_ON_FAULT or without, or 0.
static int set_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, uint32_t lock)
{
	uint32_t flags = (vma->flags & ~VMA_LOCK_MASK) | lock;

	if (flags == vma->flags || (vma->flags & VMA_DEVICE))
		return 0;
	return vma_change_flags(mm, vma, start, end, flags);
}

// What lies before a hole is done, then -ENOMEM.
static int set_range(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t lock)
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

static int set_lock(struct mm *mm, uintptr_t address, size_t size, uint32_t lock)
{
	uintptr_t start = PAGE_ALIGN_DOWN(address);
	uint64_t length = PAGE_ALIGN_UP(size + (address & ~PAGE_MASK));
	int error = -ENOMEM;

	spin_lock(&mm->lock);
	if (!lock || range_allowed(mm, start, start + length))
		error = start + length < start ? -EINVAL
					       : set_range(mm, start, start + length, lock);
	spin_unlock(&mm->lock);
	return error;
}

int mm_mlock(struct mm *mm, uintptr_t address, size_t size, bool on_fault)
{
	int error;

	if (!mm_lock_permitted())
		return -EPERM;
	error = set_lock(mm, address, size, on_fault ? VMA_LOCK_MASK : VMA_LOCKED);
	if (error)
		return error;
	error = mm_populate(mm, PAGE_ALIGN_DOWN(address), PAGE_ALIGN_UP(address + size),
			    POPULATE_TO_LOCK);
	if (error == -ENOMEM)
		return -EAGAIN;
	return error == -EFAULT ? -ENOMEM : error;
}

int mm_munlock(struct mm *mm, uintptr_t address, size_t size)
{
	return set_lock(mm, address, size, 0);
}

static void set_all(struct mm *mm, uint32_t lock)
{
	struct vma *next;

	for (struct vma *vma = vma_first(mm); vma; vma = next) {
		uint32_t flags = (vma->flags & ~VMA_LOCK_MASK) | lock;

		if (flags != vma->flags && !(vma->flags & VMA_DEVICE)) {
			vma_set_flags(mm, vma, flags);
			vma = vma_merge(mm, vma);
		}
		next = vma_next(vma);
	}
}

// Under mm->lock. What is mapped already need not be in the limit when only the future is asked
// for.
static int lock_all(struct mm *mm, int flags)
{
	uint32_t lock = flags & MCL_ONFAULT ? VMA_LOCK_MASK : VMA_LOCKED;

	if ((flags & MCL_CURRENT) && mm->mapped > limit_pages() && !machine_capable(CAP_IPC_LOCK))
		return -ENOMEM;
	mm->lock_future = flags & MCL_FUTURE ? lock : 0;
	if (flags & MCL_CURRENT)
		set_all(mm, lock);
	return 0;
}

int mm_mlockall(struct mm *mm, int flags)
{
	int error;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!mm_lock_permitted())
		return -EPERM;
	spin_lock(&mm->lock);
	error = lock_all(mm, flags);
	spin_unlock(&mm->lock);
	if (error || !(flags & MCL_CURRENT))
		return error;
	mm_populate(mm, 0, USER_END, POPULATE_AS_ALLOWED);
	return 0;
}

void mm_munlockall(struct mm *mm)
{
	spin_lock(&mm->lock);
	mm->lock_future = 0;
	set_all(mm, 0);
	spin_unlock(&mm->lock);
}
