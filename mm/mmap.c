// SPDX-License-Identifier: MIT
//
// mmap, munmap and mprotect: results and errors as Linux has them (mmap(2), and the order of the
// checks where several apply).

#include "mm/page_entry.h"
#include "mm/object.h"
#include "mm/shared.h"
#include "mm/trace.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>
#include <linux/mman.h>

// A mapping that is being asked for.
struct request {
	uintptr_t start, end;
	uint32_t flags; // VMA_*
	struct object *object;
	uint64_t page_offset;
};

bool mm_may_expand(const struct mm *mm, uint64_t pages, uint32_t vma_flags)
{
	bool data = (vma_flags & (VMA_WRITE | VMA_SHARED | VMA_GROWS_DOWN)) == VMA_WRITE;

	if (mm->mapped + pages > mm->space_limit >> PAGE_SHIFT)
		return false;
	return !data || mm->data + pages <= mm->data_limit >> PAGE_SHIFT;
}

static long hint_or_hole(struct mm *mm, uintptr_t hint, uint64_t length)
{
	uintptr_t hole;

	hint = PAGE_ALIGN_UP(hint);
	if (hint >= MMAP_MIN_ADDRESS && hint <= USER_END - length &&
	    vma_range_free(mm, hint, hint + length))
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
	if (address < MMAP_MIN_ADDRESS)
		return -EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *above = vma_find(mm, address);

		if (above && above->start < address + length)
			return -EEXIST;
	}
	return address;
}

static int add_vma(struct mm *mm, const struct request *request)
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
	struct request request = {start, end, flags, object, page_offset};
	struct vma *below = start ? vma_find(mm, start - 1) : NULL;

	// The common case is continuing what ends here: no new VMA at all.
	if (below && below->start < start &&
	    vma_can_extend(below, start, flags, object, page_offset)) {
		vma_resize(mm, below, below->start, end);
		vma_merge(mm, below);
		return 0;
	}
	if (mm->vma_count >= VMA_COUNT_LIMIT)
		return -ENOMEM;
	return add_vma(mm, &request);
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
	return result;
}

// Room first: MAP_FIXED replaces what is there.
static long map_at(struct mm *mm, uintptr_t address, uint64_t length, uint32_t flags,
		   struct object *object, uint64_t page_offset)
{
	int error;

	if (mm->vma_count >= VMA_COUNT_LIMIT)
		return -ENOMEM;
	if (!mm_may_expand(mm, length >> PAGE_SHIFT, flags))
		return -ENOMEM;
	error = unmap_range(mm, address, address + length);
	if (!error)
		error = mm_add_mapping(mm, address, address + length, flags, object,
				       object ? page_offset : address >> PAGE_SHIFT);
	return error ? error : (long)address;
}

static long map(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
		struct object *object, uint64_t page_offset, bool may_write)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	long start;

	if (!size)
		return -EINVAL;
	if (!length)
		return -ENOMEM;
	if (page_offset + (length >> PAGE_SHIFT) < page_offset)
		return -EOVERFLOW;
	start = choose_address(mm, address, length, flags);
	if (start < 0)
		return start;
	return map_at(mm, start, length, vma_flags_for(prot, flags, may_write), object,
		      page_offset);
}

long mm_mmap(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
	     struct object *object, uint64_t page_offset, bool may_write)
{
	int type = flags & MAP_TYPE;
	struct object *shared = NULL;
	long result;

	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (!object && type != MAP_PRIVATE) {
		if (!size)
			return -EINVAL;
		object = shared = shared_object_create(PAGE_ALIGN_UP(size));
		page_offset = 0;
		may_write = true;
		if (!object)
			return -ENOMEM;
	}
	spin_lock(&mm->lock);
	result = map(mm, address, size, prot, flags, object, page_offset, may_write);
	spin_unlock(&mm->lock);
	if (shared)
		object_put(shared);
	trace(TRACE_MMAP, result, size, prot, flags);
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

// Changes the part of `vma` in [start, end) to `prot`, splitting off what stays as it is. *next
// is where the following VMA must begin.
static int protect_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int prot,
			uintptr_t *next)
{
	uint32_t flags = (vma->flags & ~VMA_PROTECTION) | prot;
	int error;

	*next = vma->end < end ? vma->end : end;
	if (flags == vma->flags)
		return 0;
	if ((prot & PROT_WRITE) && !(vma->flags & VMA_MAY_WRITE))
		return -EACCES;
	if ((prot & PROT_WRITE) && !(vma->flags & (VMA_WRITE | VMA_SHARED)) &&
	    mm->data + ((*next - start) >> PAGE_SHIFT) > mm->data_limit >> PAGE_SHIFT)
		return -ENOMEM;
	if (vma->start < start) {
		error = vma_split(mm, vma, start);
		if (error)
			return error;
		vma = vma_next(vma);
	}
	if (vma->end > end) {
		error = vma_split(mm, vma, end);
		if (error) {
			vma_merge(mm, vma);
			return error;
		}
	}
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

int mm_mprotect(struct mm *mm, uintptr_t address, size_t size, int prot)
{
	uintptr_t end = address + PAGE_ALIGN_UP(size);
	int error;

	if (address & ~PAGE_MASK)
		return -EINVAL;
	if (!size)
		return 0;
	if (end <= address)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	spin_lock(&mm->lock);
	error = protect(mm, address, end, prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
	spin_unlock(&mm->lock);
	trace(TRACE_MPROTECT, address, size, prot, error);
	return error;
}
