// SPDX-License-Identifier: MIT
//
// VMAs: making, changing, splitting and merging them. See mm/vma_tree.h.

#include "lib/mutant.h"
#include "mm/anon.h"
#include "mm/failure.h"
#include "mm/object.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

static struct cache *vma_cache;

int vma_count_limit = VMA_COUNT_DEFAULT;

// Memory for one: the spare one, or new.
static struct vma *take_memory(struct mm *mm)
{
	struct vma *vma = mm->spare_vma;

	if (!vma)
		return vma_cache ? cache_alloc(vma_cache) : NULL;
	if (failure_due())
		return NULL;
	mm->spare_vma = NULL;
	return vma;
}

struct vma *vma_alloc(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags)
{
	struct vma *vma;

	if (__builtin_expect(!vma_cache, 0))
		vma_cache = cache_create("vma", sizeof(struct vma));
	vma = take_memory(mm);
	if (!vma)
		return NULL;
	vma->start = start;
	vma->end = end;
	vma->mm = mm;
	vma->page_offset = start >> PAGE_SHIFT;
	vma->object = NULL;
	vma->anon = NULL;
	vma->anon_mark = 0;
	vma->flags = flags;
	vma->touched = false;
	return vma;
}

void vma_free(struct vma *vma)
{
	cache_free(vma_cache, vma);
}

// A mapping that went is often followed by one that comes. Debug builds give memory back at once,
// to see whoever still uses it.
static void give_memory(struct mm *mm, struct vma *vma)
{
	if (mm->spare_vma || DEBUG_BUILD)
		vma_free(vma);
	else
		mm->spare_vma = vma;
}

static bool counts_as_data(uint32_t flags)
{
	return (flags & (VMA_WRITE | VMA_SHARED | VMA_GROWS_DOWN)) == VMA_WRITE;
}

static void count_pages(struct mm *mm, uint32_t flags, int64_t pages)
{
	mm->mapped += pages;
	if (__builtin_expect(flags & VMA_LOCKED, 0))
		mm->locked += pages;
	if (counts_as_data(flags))
		mm->data += pages;
	else if (flags & VMA_GROWS_DOWN)
		mm->stack += pages;
	else if ((flags & (VMA_EXEC | VMA_WRITE)) == VMA_EXEC)
		mm->code += pages;
}

// Pages that were counted by some flags are to be counted by others.
static void recount_pages(struct mm *mm, uint32_t before, uint32_t after, int64_t pages)
{
	count_pages(mm, before, -pages);
	count_pages(mm, after, pages);
}

static int64_t vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

static void object_join(struct vma *vma)
{
	struct object *object = vma->object;

	if (!object)
		return;
	spin_lock(&object->lock);
	list_add_tail(&object->vmas, &vma->object_link);
	spin_unlock(&object->lock);
	if (object->ops->attached)
		object->ops->attached(object, 1);
}

void vma_leave_object(struct vma *vma)
{
	struct object *object = vma->object;

	if (!object)
		return;
	spin_lock(&object->lock);
	list_del(&vma->object_link);
	spin_unlock(&object->lock);
	if (object->ops->attached)
		object->ops->attached(object, -1);
	object_put(object);
}

static inline __attribute__((always_inline)) void enter(struct mm *mm, struct vma *vma)
{
	object_join(vma);
	anon_join(vma);
	mm->vma_count++;
}

static inline __attribute__((always_inline)) void enter_counted(struct mm *mm, struct vma *vma)
{
	trace_vma(vma, TRACE_VMA_ADDED);
	enter(mm, vma);
	count_pages(mm, vma->flags, vma_pages(vma));
}

void vma_enter(struct mm *mm, struct vma *vma)
{
	enter_counted(mm, vma);
}

void vma_link(struct mm *mm, struct vma *vma, struct vma *above)
{
	vma_tree_insert(mm, vma, above);
	enter_counted(mm, vma);
}

// One that is out of the tree and of the counters already.
static void leave(struct mm *mm, struct vma *vma)
{
	trace_vma(vma, TRACE_VMA_REMOVED);
	if (mm->last_found == vma)
		mm->last_found = NULL;
	mm->vma_count--;
	anon_leave(vma);
	vma_leave_object(vma);
	give_memory(mm, vma);
}

struct vma *vma_unlink(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_tree_remove(mm, vma);

	count_pages(mm, vma->flags, -vma_pages(vma));
	leave(mm, vma);
	return next;
}

static void set_start(struct mm *mm, struct vma *vma, uintptr_t start)
{
	vma->page_offset += (int64_t)(start - vma->start) >> PAGE_SHIFT;
	vma_tree_set_gap(mm, vma, vma->gap + (start - vma->start));
	vma->start = start;
}

void vma_move_start(struct mm *mm, struct vma *vma, uintptr_t start)
{
	count_pages(mm, vma->flags, (int64_t)(vma->start - start) >> PAGE_SHIFT);
	set_start(mm, vma, start);
	trace_vma(vma, TRACE_VMA_RESIZED);
}

void vma_move_end(struct mm *mm, struct vma *vma, uintptr_t end)
{
	vma_move_end_below(mm, vma, end, vma_next(vma));
}

void vma_move_end_below(struct mm *mm, struct vma *vma, uintptr_t end, struct vma *next)
{
	count_pages(mm, vma->flags, (int64_t)(end - vma->end) >> PAGE_SHIFT);
	vma->end = end;
	trace_vma(vma, TRACE_VMA_RESIZED);
	if (next)
		vma_tree_set_gap(mm, next, next->start - end);
}

// Makes the border between two VMAs that touch another one. The counters are the caller's.
static void shift_border(struct vma *lower, struct vma *upper, uintptr_t border)
{
	upper->page_offset += (int64_t)(border - upper->start) >> PAGE_SHIFT;
	lower->end = border;
	upper->start = border;
	trace_vma(lower, TRACE_VMA_RESIZED);
	trace_vma(upper, TRACE_VMA_RESIZED);
}

int vma_split(struct mm *mm, struct vma *vma, uintptr_t address, struct vma **upper)
{
	struct vma *part;

	if (vma_count_left(mm) <= 0)
		return -ENOMEM;
	part = vma_alloc(mm, address, vma->end, vma->flags);
	if (!part)
		return -ENOMEM;
	part->page_offset = vma->page_offset;
	if (!MUTANT(split_keeps_offset))
		part->page_offset += (address - vma->start) >> PAGE_SHIFT;
	part->anon = vma->anon;
	part->anon_mark = vma->anon_mark;
	part->touched = vma->touched;
	if (vma->object)
		part->object = object_get(vma->object);
	vma->end = address;
	trace_vma(vma, TRACE_VMA_RESIZED);
	vma_tree_insert_behind(mm, part, vma);
	trace_vma(part, TRACE_VMA_ADDED);
	enter(mm, part);
	*upper = part;
	return 0;
}

// What of `from` comes to `to` goes on being found from its frames, and its writes from entries.
static void take_over(struct vma *to, const struct vma *from)
{
	to->flags &= from->flags | ~(uint32_t)VMA_TRACKED;
	if (!to->anon && from->anon) {
		to->anon = from->anon;
		to->anon_mark = from->anon_mark;
		anon_join(to);
	}
	to->touched |= from->touched;
}

// `lower` swallows `upper`, which it touches.
static void join(struct mm *mm, struct vma *lower, struct vma *upper)
{
	take_over(lower, upper);
	vma_tree_absorb(mm, upper);
	lower->end = upper->end;
	trace_vma(lower, TRACE_VMA_RESIZED);
	leave(mm, upper);
}

int vma_isolate(struct mm *mm, struct vma **vma, uintptr_t start, uintptr_t end)
{
	struct vma *part = *vma, *rest;
	int error;

	if (part->start < start) {
		error = vma_split(mm, *vma, start, &part);
		if (error)
			return error;
	}
	if (part->end > end) {
		error = vma_split(mm, part, end, &rest);
		if (error) {
			if (part != *vma)
				join(mm, *vma, part);
			return error;
		}
	}
	*vma = part;
	return 0;
}

static bool same_anon(const struct vma *vma, const struct vma *other)
{
	return vma->anon == other->anon && vma->anon_mark == other->anon_mark;
}

// Whether the frames of two VMAs may come under one: at most one of them has any, and that one's
// are not of before a fork, or both are of the same origin.
static bool anon_compatible(const struct vma *vma, const struct vma *other)
{
	if (vma->anon && other->anon)
		return same_anon(vma, other);
	return !((vma->anon_mark | other->anon_mark) & ANON_MARK_FORKED);
}

static bool continues(const struct vma *lower, const struct vma *upper)
{
	return vma_can_extend(lower, upper->start, upper->flags, upper->object,
			      upper->page_offset);
}

// Linux keeps the mappings of shared memory that are counted: they grow, but none goes into
// another one.
static bool may_vanish(const struct vma *vma)
{
	return !vma->object || !vma->object->ops->attached;
}

struct vma *vma_merge(struct mm *mm, struct vma *vma)
{
	struct vma *prev = vma->gap ? NULL : vma_prev(vma), *next = vma_next(vma);
	bool lower = prev && continues(prev, vma) && anon_compatible(prev, vma);
	bool upper = next && !next->gap && continues(vma, next) && anon_compatible(vma, next);

	if (!may_vanish(vma))
		return vma;
	// Each may go with `vma`, but not with the other: the lower one comes first.
	if (lower && upper && prev->anon && next->anon && !same_anon(prev, next))
		upper = false;
	if (upper)
		join(mm, vma, next);
	if (lower)
		join(mm, prev, vma);
	return lower ? prev : vma;
}

void vma_merge_above(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(vma);

	if (!next || next->gap || !continues(vma, next) || !may_vanish(next))
		return;
	if (vma->anon && next->anon ? same_anon(vma, next) : !(next->anon_mark & ANON_MARK_FORKED))
		join(mm, vma, next);
}

void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags)
{
	recount_pages(mm, vma->flags, flags, vma_pages(vma));
	vma->flags = flags;
	trace_vma(vma, TRACE_VMA_PROTECTED);
}

// The lower end of `vma`, up to `end`, becomes part of the VMA below; whether that is possible.
static bool give_lower_end(struct mm *mm, struct vma *vma, uintptr_t end, uint32_t flags)
{
	struct vma *prev = vma->gap ? NULL : vma_prev(vma);

	if (!prev || !vma_can_extend(prev, vma->start, flags, vma->object, vma->page_offset) ||
	    !anon_compatible(prev, vma))
		return false;
	recount_pages(mm, vma->flags, flags, (end - vma->start) >> PAGE_SHIFT);
	take_over(prev, vma);
	shift_border(prev, vma, end);
	return true;
}

// The same with the upper end, from `start`, and the VMA above.
static bool give_upper_end(struct mm *mm, struct vma *vma, uintptr_t start, uint32_t flags)
{
	struct vma *next = vma_next(vma);
	uint64_t page_offset = vma->page_offset + ((start - vma->start) >> PAGE_SHIFT);

	if (!next || next->gap || !vma_can_precede(next, start, flags, vma->object, page_offset) ||
	    !anon_compatible(next, vma))
		return false;
	recount_pages(mm, vma->flags, flags, (vma->end - start) >> PAGE_SHIFT);
	take_over(next, vma);
	shift_border(vma, next, start);
	return true;
}

// No neighbour can take it.
static int change_apart(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end,
			uint32_t flags)
{
	if (vma_isolate(mm, &vma, start, end))
		return -ENOMEM;
	vma_set_flags(mm, vma, flags);
	return 0;
}

int vma_change_flags(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end,
		     uint32_t flags)
{
	bool from_start = start <= vma->start, to_end = vma->end <= end;

	if (from_start && to_end) {
		vma_set_flags(mm, vma, flags);
		vma_merge(mm, vma);
		return 0;
	}
	if ((from_start && give_lower_end(mm, vma, end, flags)) ||
	    (to_end && give_upper_end(mm, vma, start, flags)))
		return 0;
	return change_apart(mm, vma, start, end, flags);
}
