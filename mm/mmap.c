// SPDX-License-Identifier: MIT
//
// mmap, munmap and mprotect: results and errors as Linux has them (mmap(2), and the order of the
// checks where several apply).

#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/object.h"
#include "mm/populate.h"
#include "mm/shared.h"
#include "mm/trace.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/mman.h>

uint64_t mmap_min_address = MMAP_MIN_DEFAULT;

// A mapping that is being asked for.
struct request {
	uintptr_t start, end;
	uint32_t flags; // VMA_*
	struct object *object;
	uint64_t page_offset;
};

static long hint_or_hole(struct mm *mm, uintptr_t hint, uint64_t length)
{
	uintptr_t hole;

	hint = PAGE_ALIGN_DOWN(hint);
	if (hint && hint < mmap_min_address)
		hint = PAGE_ALIGN_UP(mmap_min_address);
	if (hint && hint <= USER_END - length && vma_range_free(mm, hint, hint + length))
		return hint;
	hole = vma_find_hole(mm, length, mm->mmap_top);
	if (!hole)
		hole = vma_find_hole(mm, length, USER_END);
	return hole ? (long)hole : -ENOMEM;
}

// Where the mapping goes; `length` is whole pages.
static long choose_address(struct mm *mm, uintptr_t address, uint64_t length, int flags)
{
	if (length > USER_END)
		return -ENOMEM;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return hint_or_hole(mm, address, length);
	if (address > USER_END - length)
		return -ENOMEM;
	if (address & ~PAGE_MASK)
		return -EINVAL;
	if (address < mmap_min_address && !machine_capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *above = vma_find(mm, address);

		if (above && above->start < address + length)
			return -EEXIST;
	}
	return address;
}

static __attribute__((noinline)) int add_vma(struct mm *mm, const struct request *request)
{
	struct vma *vma = vma_alloc(mm, request->start, request->end, request->flags);

	if (!vma)
		return -ENOMEM;
	vma->object = request->object ? object_get(request->object) : NULL;
	vma->page_offset = request->page_offset;
	vma_link(mm, vma);
	vma_merge(mm, vma);
	return 0;
}

int mm_add_mapping(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags,
		   struct object *object, uint64_t page_offset)
{
	struct vma *below = start ? vma_find(mm, start - 1) : NULL, *above;

	// The common case is continuing what ends here: no new VMA at all.
	if (!below || !vma_can_extend(below, start, flags, object, page_offset))
		return add_vma(mm, &(struct request){start, end, flags, object, page_offset});
	vma_move_end(mm, below, end);
	above = vma_next(below);
	if (above && above->start == end)
		vma_merge(mm, below);
	return 0;
}

static uint32_t vma_flags_for(int prot, int flags, bool may_write)
{
	uint32_t result = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		result |= VMA_SHARED | (may_write ? VMA_MAY_WRITE : 0);
	else
		result |= VMA_MAY_WRITE;
	if (flags & MAP_GROWSDOWN)
		result |= VMA_GROWS_DOWN;
	if (flags & MAP_LOCKED)
		result |= VMA_LOCKED;
	if ((flags & MAP_NORESERVE) && commit_settings.policy != OVERCOMMIT_NEVER)
		result |= VMA_NO_RESERVE;
	return result;
}

// How many pages of [start, end) are in VMAs with all of these flags.
static uint64_t pages_mapped(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags)
{
	uint64_t bytes = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end; vma = vma_next(vma)) {
		if ((vma->flags & flags) == flags)
			bytes += (vma->end < end ? vma->end : end) -
				 (vma->start > start ? vma->start : start);
	}
	return bytes >> PAGE_SHIFT;
}

// Promises the pages of [start, end) to a mapping that replaces what is there. Only what goes
// beyond that must be allowed; what is there is released when it is unmapped.
static int charge_replacing(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT, replaced;

	if (!commit_charge(mm, pages))
		return 0;
	replaced = pages_mapped(mm, start, end, VMA_ACCOUNT);
	if (!replaced || commit_charge(mm, pages - replaced))
		return -ENOMEM;
	commit_add((int64_t)replaced);
	return 0;
}

// Room first: MAP_FIXED replaces what is there, and only what goes beyond that must be allowed.
static long map_at(struct mm *mm, uintptr_t address, uint64_t length, uint32_t flags,
		   struct object *object, uint64_t page_offset)
{
	uint64_t pages = length >> PAGE_SHIFT, charged = 0;
	uintptr_t end = address + length;
	int error;

	if (!mm_may_expand(mm, pages, flags) &&
	    !mm_may_expand(mm, pages - pages_mapped(mm, address, end, 0), flags))
		return -ENOMEM;
	if (vma_is_accountable(flags)) {
		if (charge_replacing(mm, address, end))
			return -ENOMEM;
		charged = pages;
		flags |= VMA_ACCOUNT;
	}
	error = unmap_range(mm, address, end);
	if (!error)
		error = mm_add_mapping(mm, address, end, flags, object,
				       object ? page_offset : address >> PAGE_SHIFT);
	if (!error)
		return (long)address;
	commit_release(charged);
	return error;
}

static long map_shared_anonymous(struct mm *mm, uintptr_t address, uint64_t length, uint32_t flags)
{
	struct object *object = shared_object_create(mm, length, !(flags & VMA_NO_RESERVE));
	long result;

	if (!object)
		return -ENOMEM;
	result = map_at(mm, address, length, flags, object, 0);
	object_put(object);
	return result;
}

static bool type_allowed(int flags, const struct object *object)
{
	int type = flags & MAP_TYPE;

	if (type == MAP_PRIVATE)
		return !object || !(flags & MAP_GROWSDOWN);
	if (flags & MAP_GROWSDOWN)
		return false;
	return type == MAP_SHARED || (type == MAP_SHARED_VALIDATE && object);
}

static long map(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
		struct object *object, uint64_t page_offset, bool may_write)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	uint32_t vma_flags = vma_flags_for(prot, flags, may_write || !object) | mm->lock_future;
	uint64_t length = PAGE_ALIGN_UP(size);
	long start;

	if (!size)
		return -EINVAL;
	if (!length)
		return -ENOMEM;
	if (page_offset + (length >> PAGE_SHIFT) < page_offset)
		return -EOVERFLOW;
	// Not >=: one more than the limit is what Linux lets mmap reach.
	if (vma_count_left(mm) < 0)
		return -ENOMEM;
	start = choose_address(mm, address, length, flags);
	if (start < 0)
		return start;
	if (object && page_offset > (INT64_MAX - length) >> PAGE_SHIFT)
		return -EOVERFLOW; // beyond what a file can be long
	if (!type_allowed(flags, object))
		return -EINVAL;
	if ((vma_flags & VMA_WRITE) && !(vma_flags & VMA_MAY_WRITE))
		return -EACCES;
	if (shared && !object)
		return map_shared_anonymous(mm, start, length, vma_flags);
	return map_at(mm, start, length, vma_flags, object, page_offset);
}

long mm_mmap(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
	     struct object *object, uint64_t page_offset, bool may_write)
{
	long result;

	spin_lock(&mm->lock);
	result = map(mm, address, size, prot, flags, object, page_offset, may_write);
	spin_unlock(&mm->lock);
	trace(TRACE_MMAP, result, size, prot, flags);
	// What can not be brought in comes, or fails, when it is touched.
	if (result >= 0 && ((flags & (MAP_POPULATE | MAP_LOCKED)) || mm->populate_future) &&
	    !(flags & MAP_NONBLOCK))
		mm_populate(mm, result, result + PAGE_ALIGN_UP(size), POPULATE_AS_ALLOWED);
	return result;
}

int mm_munmap(struct mm *mm, uintptr_t address, size_t size)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	int error;

	if ((address & ~PAGE_MASK) || address > USER_END || size > USER_END - address || !length)
		return -EINVAL;
	spin_lock(&mm->lock);
	error = unmap_range(mm, address, address + length);
	spin_unlock(&mm->lock);
	trace(TRACE_MUNMAP, address, size, error, 0);
	return error;
}

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
	error = vma_isolate(mm, &vma, start, end);
	if (error) {
		commit_release(flags & ~before & VMA_ACCOUNT ? pages : 0);
		return error;
	}
	commit_release(before & ~flags & VMA_ACCOUNT ? pages : 0);
	vma_set_flags(mm, vma, flags);
	page_protect(mm, vma->start, vma->end, flags);
	vma_merge(mm, vma);
	return 0;
}

static int protect(struct mm *mm, uintptr_t start, uintptr_t end, int prot)
{
	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		uintptr_t next;
		int error;

		if (!vma || vma->start > start)
			return -ENOMEM;
		error = protect_part(mm, vma, start, end, prot, &next);
		if (error)
			return error;
		start = next;
	}
	return 0;
}

// With PROT_GROWSDOWN the change begins where the stack does. Nothing here grows up.
static int widen(struct mm *mm, uintptr_t *start, uintptr_t end, int prot)
{
	struct vma *vma = vma_find(mm, *start);

	if (!(prot & (PROT_GROWSDOWN | PROT_GROWSUP)))
		return 0;
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
		error = protect(mm, start, end, prot & protection);
	spin_unlock(&mm->lock);
	trace(TRACE_MPROTECT, address, size, prot, error);
	return error;
}
