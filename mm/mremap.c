// SPDX-License-Identifier: MIT
//
// mremap: a mapping made larger, smaller, or moved, as Linux has it (mremap(2), and the order of
// its checks).

#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/populate.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/mman.h>

#define TABLE_SPAN (PAGE_SIZE * TABLE_ENTRIES)

// What was asked for; lengths in whole pages.
struct remap {
	struct mm *mm;
	uintptr_t from, to; // to: only with MREMAP_FIXED or MREMAP_DONTUNMAP
	uint64_t old_length, new_length;
	int flags;
};

// Whether `vma` may be remapped so: 0 or -errno. What a smaller size cuts off need not be of
// `vma`.
static int check_resize(const struct remap *remap, const struct vma *vma)
{
	uint64_t more = remap->new_length - remap->old_length;
	bool smaller = remap->new_length < remap->old_length;

	if (!remap->old_length && !(vma->flags & VMA_SHARED))
		return -EINVAL;
	if ((smaller ? remap->new_length : remap->old_length) > vma->end - remap->from)
		return -EFAULT;
	if (remap->new_length <= remap->old_length)
		return 0;
	if (vma->page_offset + ((remap->from - vma->start + remap->new_length) >> PAGE_SHIFT) <
	    vma->page_offset)
		return -EINVAL;
	if (!mm_may_lock(remap->mm, more >> PAGE_SHIFT, vma->flags))
		return -EAGAIN;
	return mm_may_expand(remap->mm, more >> PAGE_SHIFT, vma->flags) ? 0 : -ENOMEM;
}

// Promises what the part of `vma` will have more: with MREMAP_DONTUNMAP all of the new range. As
// on Linux, under the strict policy even no more may be too much. 0 or -ENOMEM.
static int charge(const struct remap *remap, const struct vma *vma, uint64_t *charged)
{
	uint64_t before = remap->flags & MREMAP_DONTUNMAP ? 0 : remap->old_length;

	*charged = 0;
	if (!(vma->flags & VMA_ACCOUNT))
		return 0;
	if (remap->new_length > before)
		*charged = (remap->new_length - before) >> PAGE_SHIFT;
	return commit_charge(remap->mm, *charged);
}

// Whether there is room to make the VMA longer where it is.
static bool can_expand(const struct remap *remap, const struct vma *vma)
{
	uintptr_t end = remap->from + remap->new_length;
	struct vma *above;

	return vma->end == remap->from + remap->old_length && end <= USER_END && end >= vma->end &&
	       vma_range_free(remap->mm, vma->end, end, &above);
}

static long expand(const struct remap *remap, struct vma *vma)
{
	uint64_t charged;

	if (charge(remap, vma, &charged))
		return -ENOMEM;
	vma_move_end(remap->mm, vma, remap->from + remap->new_length);
	vma_merge(remap->mm, vma);
	return (long)remap->from;
}

// Room for the new place. Large mappings keep their position within 2 MiB, so that whole tables
// can be moved.
static uintptr_t find_place(const struct remap *remap)
{
	struct mm *mm = remap->mm;
	uint64_t length = remap->new_length;
	struct vma *above;
	uintptr_t place;

	if (remap->old_length >= TABLE_SPAN && length + TABLE_SPAN > length) {
		place = vma_find_hole(mm, length + TABLE_SPAN, mm->mmap_top, &above);
		if (place)
			return place + ((remap->from - place) & (TABLE_SPAN - 1));
	}
	place = vma_find_hole(mm, length, mm->mmap_top, &above);
	return place ? place : vma_find_hole(mm, length, USER_END, &above);
}

// A VMA of the new range with everything else from the old one; in the tree. NULL: out of memory.
static struct vma *make_twin(const struct remap *remap, struct vma *vma, uintptr_t to)
{
	struct vma *twin = vma_alloc(remap->mm, to, to + remap->new_length, vma->flags);

	if (!twin)
		return NULL;
	// Without a frame yet nothing depends on the offset, and the usual one lets it merge.
	if (vma->object || vma->anon)
		twin->page_offset = vma->page_offset + ((remap->from - vma->start) >> PAGE_SHIFT);
	twin->anon = vma->anon;
	twin->touched = vma->touched;
	if (vma->object)
		twin->object = object_get(vma->object);
	vma_link(remap->mm, twin, vma_find(remap->mm, to));
	return twin;
}

// Takes the old range away once its pages are at their new place. It stays with MREMAP_DONTUNMAP,
// and when old_length was 0: then the shared mapping is doubled.
static long finish_move(const struct remap *remap, struct vma *vma, struct vma *twin)
{
	uintptr_t to = twin->start;

	if (remap->old_length && !(remap->flags & MREMAP_DONTUNMAP)) {
		vma_unlink(remap->mm, vma);
	} else {
		// The lock has gone along with the pages; Linux takes all of the VMA's. What it
		// was promised it keeps.
		if (remap->flags & MREMAP_DONTUNMAP)
			vma_set_flags(remap->mm, vma, vma->flags & ~VMA_LOCK_MASK);
		vma_merge(remap->mm, vma);
	}
	// The old mapping may have swallowed its twin, so that is looked up again.
	vma_merge(remap->mm, vma_find(remap->mm, to));
	return (long)to;
}

static long move(const struct remap *remap, struct vma *vma, uintptr_t to)
{
	struct mm *mm = remap->mm;
	uintptr_t end = remap->from + remap->old_length;
	struct vma *twin;
	uint64_t charged;
	int error = 0;

	if (vma_count_left(mm) <= 3 || charge(remap, vma, &charged))
		return -ENOMEM;
	if (remap->old_length && !(remap->flags & MREMAP_DONTUNMAP))
		error = vma_isolate(mm, &vma, remap->from, end);
	if (error) {
		commit_release(charged);
		return error;
	}
	twin = make_twin(remap, vma, to);
	error = twin ? 0 : -ENOMEM;
	if (!error && vma->touched)
		error = page_move(mm, remap->from, to, remap->old_length);
	if (!error)
		return finish_move(remap, vma, twin);
	if (twin)
		vma_unlink(mm, twin);
	vma_merge(mm, vma);
	commit_release(charged);
	return error;
}

// Cuts off what is longer than the new length, whatever is mapped there.
static int shrink(const struct remap *remap)
{
	if (remap->old_length > USER_END - remap->from)
		return -EINVAL;
	return unmap_range(remap->mm, remap->from + remap->new_length,
			   remap->from + remap->old_length);
}

// To a place that the caller names (or hints at, with MREMAP_DONTUNMAP alone). Everything that can
// be wrong is found before the first mapping goes.
static long move_to_target(struct remap *remap, struct vma *vma)
{
	struct mm *mm = remap->mm;
	uintptr_t to = remap->to;
	struct vma *above;
	int error = check_resize(remap, vma);

	if (!error && (remap->flags & MREMAP_DONTUNMAP) &&
	    !mm_may_expand(mm, remap->old_length >> PAGE_SHIFT, vma->flags))
		error = -ENOMEM;
	if (!error && (remap->flags & MREMAP_FIXED))
		error = unmap_range(mm, to, to + remap->new_length);
	if (!error && remap->old_length > remap->new_length) {
		error = shrink(remap);
		remap->old_length = remap->new_length;
	}
	if (error)
		return error;
	if (!(remap->flags & MREMAP_FIXED) &&
	    (to < mmap_min_address || !vma_range_free(mm, to, to + remap->new_length, &above)))
		to = find_place(remap);
	// Removing the target may have changed what `from` lies in.
	return to ? move(remap, vma_find(mm, remap->from), to) : -ENOMEM;
}

static long resize(struct remap *remap, struct vma *vma)
{
	uintptr_t to;
	int error;

	if (remap->old_length >= remap->new_length) {
		error = shrink(remap);
		return error ? error : (long)remap->from;
	}
	error = check_resize(remap, vma);
	if (error)
		return error;
	if (can_expand(remap, vma))
		return expand(remap, vma);
	if (!(remap->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	to = find_place(remap);
	return to ? move(remap, vma, to) : -ENOMEM;
}

static int check_target(const struct remap *remap)
{
	int flags = remap->flags;

	if (remap->to > USER_END - remap->new_length || (remap->to & ~PAGE_MASK))
		return -EINVAL;
	if (!(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && remap->old_length != remap->new_length)
		return -EINVAL;
	if (remap->from + remap->old_length > remap->to &&
	    remap->to + remap->new_length > remap->from)
		return -EINVAL;
	if (vma_count_left(remap->mm) <= 5)
		return -ENOMEM;
	return (flags & MREMAP_FIXED) && remap->to < mmap_min_address &&
			       !machine_capable(CAP_SYS_RAWIO)
		       ? -EPERM
		       : 0;
}

// What is wrong with the arguments whatever is mapped: 0 or -errno, in Linux's order.
static int check_arguments(const struct remap *remap)
{
	int flags = remap->flags;

	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((remap->from & ~PAGE_MASK) || !remap->new_length || remap->new_length > USER_END)
		return -EINVAL;
	return flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? check_target(remap) : 0;
}

long mm_mremap(struct mm *mm, uintptr_t from, size_t old_size, size_t new_size, int flags,
	       uintptr_t to)
{
	struct remap remap = {.mm = mm,
			      .from = from,
			      .to = to,
			      .flags = flags,
			      .old_length = PAGE_ALIGN_UP(old_size),
			      .new_length = PAGE_ALIGN_UP(new_size)};
	struct vma *vma;
	bool locked;
	long result;

	spin_lock(&mm->lock);
	result = check_arguments(&remap);
	vma = result ? NULL : vma_find(mm, from);
	if (vma && vma->start <= from)
		result = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? move_to_target(&remap, vma)
								   : resize(&remap, vma);
	else if (!result)
		result = -EFAULT;
	locked = result > 0 && new_size > old_size && mm->locked &&
		 (vma_find(mm, (uintptr_t)result)->flags & VMA_LOCKED);
	spin_unlock(&mm->lock);
	if (locked)
		mm_populate(mm, result + PAGE_ALIGN_UP(old_size), result + PAGE_ALIGN_UP(new_size),
			    POPULATE_AS_ALLOWED);
	return result;
}
