// SPDX-License-Identifier: MIT
//
// The reverse map of anonymous memory: see mm/anon.h.

#include "mm/anon.h"
#include "mm/slab.h"
#include "mm/vma_tree.h"

// Whether `upper` continues `lower`, and `old`, one of them, has an anon to take over.
static bool reusable(const struct vma *old, const struct vma *lower, const struct vma *upper)
{
	if (!old->anon || (old->anon_mark & ANON_MARK_FORKED))
		return false;
	return vma_can_extend(lower, upper->start,
			      (upper->flags & ~VMA_PROTECTION) | (lower->flags & VMA_PROTECTION),
			      upper->object, upper->page_offset);
}

static const struct vma *neighbour_with_anon(const struct vma *vma)
{
	const struct vma *next = vma_next(vma), *prev = vma_prev(vma);

	if (next && reusable(next, vma, next))
		return next;
	return prev && reusable(prev, prev, vma) ? prev : NULL;
}

bool anon_prepare_slow(struct vma *vma)
{
	const struct vma *neighbour = neighbour_with_anon(vma);
	struct anon *anon;

	if (neighbour) {
		vma->anon = neighbour->anon;
		vma->anon_mark = neighbour->anon_mark;
	} else {
		anon = kzalloc(sizeof(*anon));
		if (!anon)
			return false;
		spin_lock_init(&anon->lock);
		list_init(&anon->vmas);
		vma->anon = anon;
		vma->anon_mark = anon_new_mark(vma->mm);
	}
	anon_join(vma);
	return true;
}

void anon_join_list(struct vma *vma)
{
	struct anon *anon = vma->anon;

	spin_lock(&anon->lock);
	anon->users++;
	list_add_tail(&anon->vmas, &vma->anon_link);
	spin_unlock(&anon->lock);
}

void anon_leave_list(struct vma *vma)
{
	struct anon *anon = vma->anon;
	bool last;

	vma->anon = NULL;
	vma->anon_mark = 0;
	spin_lock(&anon->lock);
	list_del(&vma->anon_link);
	last = --anon->users == 0;
	spin_unlock(&anon->lock);
	if (last)
		kfree(anon);
}
