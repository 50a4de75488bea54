// SPDX-License-Identifier: MIT
//
// Shared memory without a file, and what System V calls detaching: see mm/shared.h.

#include "mm/shared.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/slab.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"

static int fill_zeros(struct object *object, uint64_t index, void *page)
{
	(void)object;
	(void)index;
	page_clear(page);
	return 0;
}

static void release(struct object *object)
{
	commit_release(object->charged);
	kfree(object);
}

static const struct object_ops operations = {.fill = fill_zeros, .release = release};

struct object *shared_object_create(const struct mm *mm, uint64_t size, bool reserve)
{
	uint64_t charged = reserve ? PAGE_ALIGN_UP(size) >> PAGE_SHIFT : 0;
	struct object *object;

	if (reserve && commit_charge(mm, charged))
		return NULL;
	object = kmalloc(sizeof(*object));
	if (!object) {
		commit_release(charged);
		return NULL;
	}
	object_init(object, &operations, size);
	object->charged = charged;
	object->charges_pages = !reserve;
	return object;
}

// Whether `vma` is where mapping its object from the start at `address` would have put it.
static bool is_part(const struct vma *vma, uintptr_t address)
{
	return vma->object && (vma->start - address) >> PAGE_SHIFT == vma->page_offset;
}

static int detach(struct mm *mm, uintptr_t address, bool (*is_segment)(const struct object *))
{
	struct vma *vma = vma_find(mm, address), *next;
	struct object *object;
	uintptr_t end;

	while (vma && !(is_part(vma, address) && is_segment(vma->object)))
		vma = vma_next(vma);
	if (!vma)
		return -EINVAL;
	object = vma->object; // only compared from here on
	end = address + PAGE_ALIGN_UP(object->size);
	for (; vma && vma->end <= end; vma = next) {
		next = vma_next(vma);
		// A whole VMA goes, so nothing is split and nothing can fail.
		if (vma->object == object && is_part(vma, address))
			unmap_range(mm, vma->start, vma->end);
	}
	return 0;
}

int mm_detach(struct mm *mm, uintptr_t address, bool (*is_segment)(const struct object *object))
{
	int error;

	if (address & ~PAGE_MASK)
		return -EINVAL;
	spin_lock(&mm->lock);
	error = detach(mm, address, is_segment);
	spin_unlock(&mm->lock);
	return error;
}
