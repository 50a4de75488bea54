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
	if ((vma->flags & VMA_DEVICE) && (!remap->old_length || (remap->flags & MREMAP_DONTUNMAP)))
		return -EINVAL;
	if ((smaller ? remap->new_length : remap->old_length) > vma->end - remap->from)
		return -EFAULT;
	if (remap->new_length <= remap->old_length)
		return 0;
	if (vma->flags & VMA_DEVICE)
		return -EFAULT;
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
	// In place a mapping may grow into the gap that a stack above it keeps.
	const struct vma *next = vma_next(vma);

	// Linux has the vDSO above a program's first mapping, which it finds no room to grow in.
	if (vma->end == remap->mm->mmap_top)
		return false;
	return vma->end == remap->from + remap->old_length && end <= USER_END && end >= vma->end &&
	       (!next || next->start >= end);
}

static long expand(const struct remap *remap, struct vma *vma)
{
	uint64_t charged;

	if (charge(remap, vma, &charged))
		return -ENOMEM;
	vma_move_end(remap->mm, vma, remap->from + remap->new_length);
	vma_merge_above(remap->mm, vma);
	return (long)remap->from;
}

// Room for the new place of `vma` (NULL: a place was named, and is taken). Large mappings that
// mmap would not align keep their position within 2 MiB, so that whole tables can be moved.
static uintptr_t find_place(const struct remap *remap, const struct vma *vma)
{
	struct mm *mm = remap->mm;
	uint64_t length = remap->new_length;
	struct vma *above;
	uintptr_t place;

	if (vma && !vma->object && !(length % TABLE_SPAN)) {
		place = mm_find_aligned_hole(mm, length, &above);
		if (place)
			return place;
	}
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
	twin->anon_mark = vma->anon_mark;
	if (vma->object)
		twin->object = object_get(vma->object);
	vma_link(remap->mm, twin, vma_find(remap->mm, to));
	return twin;
}

// With MREMAP_DONTUNMAP the old mapping stays, without pages. Its lock has gone along with them;
// Linux takes all of the VMA's, also when it has become one with its twin.
static void empty_source(const struct remap *remap, const struct vma *twin)
{
	struct vma *vma = vma_find(remap->mm, remap->from);

	vma_set_flags(remap->mm, vma, vma->flags & ~VMA_LOCK_MASK);
	if (vma != twin && vma->start == remap->from &&
	    vma->end == remap->from + remap->old_length)
		anon_leave(vma);
}

// Takes the old range away once its pages are at their new place. It stays with MREMAP_DONTUNMAP,
// and when old_length was 0: then the shared mapping is doubled.
static long finish_move(const struct remap *remap, struct vma *vma, struct vma *twin)
{
	uintptr_t to = twin->start;

	if (remap->old_length && !(remap->flags & MREMAP_DONTUNMAP))
		vma_unlink(remap->mm, vma);
	twin = vma_merge(remap->mm, twin);
	if (remap->flags & MREMAP_DONTUNMAP)
		empty_source(remap, twin);
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
		error = page_move(mm, remap->from, to, remap->old_length,
				  vma->flags & VMA_TRACKED);
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

// To a place that the caller names (or hints at, with MREMAP_DONTUNMAP alone). What the limits
// say is found when the target has gone.
static long move_to_target(struct remap *remap, struct vma *vma)
{
	struct mm *mm = remap->mm;
	uintptr_t to = remap->to;
	struct vma *above;
	int error = check_resize(remap, vma);
	uint32_t flags = vma->flags;

	if (!error && (remap->flags & MREMAP_FIXED))
		error = unmap_range(mm, to, to + remap->new_length);
	if (!error && remap->old_length > remap->new_length) {
		error = shrink(remap);
		remap->old_length = remap->new_length;
	}
	if (!error && (remap->flags & MREMAP_DONTUNMAP) &&
	    !mm_may_expand(mm, remap->old_length >> PAGE_SHIFT, flags))
		error = -ENOMEM;
	if (error)
		return error;
	// Removing the target may have changed what `from` lies in, and with an old size of 0 even
	// have removed it.
	vma = vma_find(mm, remap->from);
	if (!vma || vma->start > remap->from)
		return -EFAULT;
	if ((remap->flags & MREMAP_FIXED) && to < mmap_min_address &&
	    !machine_capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!(remap->flags & MREMAP_FIXED) &&
	    (!to || !vma_range_free(mm, to, to + remap->new_length, &above)))
		to = find_place(remap, to ? NULL : vma);
	return to ? move(remap, vma, to) : -ENOMEM;
}

static long resize(struct remap *remap, struct vma *vma)
{
	uintptr_t to;
	int error;

	if (remap->old_length == remap->new_length)
		return (long)remap->from;
	if (remap->old_length > remap->new_length) {
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
	to = find_place(remap, vma);
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
	return vma_count_left(remap->mm) <= 5 ? -ENOMEM : 0;
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

// A segment whose mappings are counted is moved alone.
static bool moves_with_others(const struct vma *vma)
{
	return !vma->object || !vma->object->ops->attached;
}

// Moves without changing a size may take several mappings along, each to the same distance from
// the first; holes between them stay holes, and what is at their place in the target stays. Where
// one cannot be moved, those before it have been.
static long move_all(const struct remap *remap)
{
	uintptr_t at = remap->from, end = at + remap->old_length;

	while (at < end) {
		struct vma *vma = vma_find(remap->mm, at);
		struct remap part = *remap;
		long result;

		if (!vma || vma->start >= end)
			break;
		if (vma->start > at) {
			if (at == remap->from)
				return -EFAULT;
			at = vma->start;
		}
		if (!moves_with_others(vma) && (at != remap->from || vma->end < end))
			return -EFAULT;
		part.from = at;
		part.to = remap->to + (at - remap->from);
		at = vma->end < end ? vma->end : end;
		part.old_length = part.new_length = at - part.from;
		result = move_to_target(&part, vma);
		if (result < 0)
			return result;
	}
	return at == remap->from ? -EFAULT : (long)remap->to;
}

// Under mm->lock. Whether the VMA that has grown is locked: *populate.
static long remap_locked(struct remap *remap, bool *populate)
{
	long result = check_arguments(remap);
	struct vma *vma;

	if (result)
		return result;
	if ((remap->flags & MREMAP_FIXED) && remap->old_length == remap->new_length)
		return move_all(remap);
	vma = vma_find(remap->mm, remap->from);
	if (!vma || vma->start > remap->from)
		return -EFAULT;
	*populate = (vma->flags & VMA_LOCKED) && remap->new_length > remap->old_length;
	return remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? move_to_target(remap, vma)
								: resize(remap, vma);
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
	bool populate = false;
	long result;

	spin_lock(&mm->lock);
	result = remap_locked(&remap, &populate);
	spin_unlock(&mm->lock);
	if (result >= 0 && populate)
		mm_populate(mm, result + remap.old_length, result + remap.new_length,
			    POPULATE_AS_ALLOWED);
	return result;
}
