// SPDX-License-Identifier: MIT
//
// The reverse map of anonymous memory: see mm/anon.h.

#include "mm/anon.h"
#include "mm/slab.h"

bool anon_prepare_slow(struct vma *vma)
{
	struct anon *anon = kzalloc(sizeof(*anon));

	if (!anon)
		return false;
	list_init(&anon->vmas);
	vma->anon = anon;
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
	spin_lock(&anon->lock);
	list_del(&vma->anon_link);
	last = --anon->users == 0;
	spin_unlock(&anon->lock);
	if (last)
		kfree(anon);
}
