// SPDX-License-Identifier: MIT
//
// mprotect: results and errors as Linux has them (mprotect(2), and the order of the checks where
// several apply). All of it under mm->lock.

#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// With VMA_ACCOUNT set when `vma` becomes writable memory of its own, and dropped when it is none
// any more: only while it has no pages, which would go on being private.
static uint32_t accounted_flags(const struct vma *vma, uint32_t flags)
{
	if (flags & VMA_WRITE)
		return vma_is_accountable(flags) ? flags | VMA_ACCOUNT : flags;
	return vma->object || vma->anon ? flags : flags & ~VMA_ACCOUNT;
}

// Changes the part of `vma` in [start, end) to `prot`, splitting off what stays as it is. *next
// is where the following VMA must begin.
static int protect_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int prot,
			uintptr_t *next)
{
	uint32_t before = vma->flags, flags = (before & ~VMA_PROTECTION) | prot;
	uint64_t pages;
	bool touched;
	int error;

	*next = vma->end < end ? vma->end : end;
	pages = (*next - start) >> PAGE_SHIFT;
	if (flags == before)
		return 0;
	if ((prot & PROT_WRITE) && !(before & VMA_MAY_WRITE))
		return -EACCES;
	// What was no data and becomes it is held to that limit; the others it has passed already.
	if ((prot & PROT_WRITE) && !mm_may_expand(mm, pages, flags) &&
	    mm_may_expand(mm, pages, before))
		return -ENOMEM;
	flags = accounted_flags(vma, flags);
	if ((flags & ~before & VMA_ACCOUNT) && commit_charge(mm, pages))
		return -ENOMEM;
	touched = vma->touched;
	error = vma_change_flags(mm, vma, start, *next, flags);
	if (error) {
		commit_release(flags & ~before & VMA_ACCOUNT ? pages : 0);
		return error;
	}
	commit_release(before & ~flags & VMA_ACCOUNT ? pages : 0);
	if (touched)
		page_protect(mm, start, *next, before, flags);
	return 0;
}

// Private locked memory that becomes writable is the program's own at once: *at is where to go on
// when its pages, from *populate on, are there. 0 there and at the end, or -errno.
static int protect(struct mm *mm, uintptr_t *at, uintptr_t end, int prot, uintptr_t *populate)
{
	while (*at < end) {
		struct vma *vma = vma_find(mm, *at);
		bool fixed;
		int error;

		if (!vma || vma->start > *at)
			return -ENOMEM;
		fixed = (vma->flags & (VMA_WRITE | VMA_SHARED | VMA_LOCKED)) == VMA_LOCKED;
		*populate = *at;
		error = protect_part(mm, vma, *at, end, prot, at);
		if (error)
			return error;
		if (fixed && (prot & PROT_WRITE))
			return 0;
	}
	*populate = *at;
	return 0;
}

// Takes and lets go mm->lock, as pages are brought in without it.
static int protect_and_populate(struct mm *mm, uintptr_t start, uintptr_t end, int prot)
{
	uintptr_t at = start, populate;
	int error;

	for (;;) {
		error = protect(mm, &at, end, prot, &populate);
		if (error || populate == at)
			return error;
		spin_unlock(&mm->lock);
		mm_populate(mm, populate, at, POPULATE_AS_ALLOWED);
		spin_lock(&mm->lock);
	}
}

// With PROT_GROWSDOWN the change begins where the stack does. Nothing here grows up.
static int widen(struct mm *mm, uintptr_t *start, uintptr_t end, int prot)
{
	struct vma *vma;

	if (!(prot & (PROT_GROWSDOWN | PROT_GROWSUP)))
		return 0;
	vma = vma_find(mm, *start);
	if (!vma || vma->start >= (prot & PROT_GROWSDOWN ? end : *start + 1))
		return -ENOMEM;
	if ((prot & PROT_GROWSUP) || !(vma->flags & VMA_GROWS_DOWN))
		return -EINVAL;
	*start = vma->start;
	return 0;
}

int mm_mprotect(struct mm *mm, uintptr_t address, size_t size, int prot)
{
	const int protection = PROT_READ | PROT_WRITE | PROT_EXEC;
	const int growth = PROT_GROWSDOWN | PROT_GROWSUP;
	uintptr_t start = address, end = address + PAGE_ALIGN_UP(size);
	int error;

	if ((address & ~PAGE_MASK) || (prot & growth) == growth)
		return -EINVAL;
	if (!size)
		return 0;
	if (end <= address)
		return -ENOMEM;
	if (prot & ~(protection | PROT_SEM | growth))
		return -EINVAL;
	spin_lock(&mm->lock);
	error = widen(mm, &start, end, prot);
	if (!error)
		error = protect_and_populate(mm, start, end, prot & protection);
	spin_unlock(&mm->lock);
	return error;
}
