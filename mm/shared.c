// SPDX-License-Identifier: MIT
//
// Shared anonymous memory: see mm/shared.h.

#include "mm/shared.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/slab.h"

static int fill_zeros(struct object *object, uint64_t index, void *page)
{
	(void)object;
	(void)index;
	page_clear(page);
	return 0;
}

// A page that two want first at the same time is counted twice, until the object goes.
static int fill_and_charge(struct object *object, uint64_t index, void *page)
{
	if (commit_charge(NULL, 1))
		return -ENOSPC;
	__atomic_add_fetch(&object->charged, 1, __ATOMIC_RELAXED);
	return fill_zeros(object, index, page);
}

static void release(struct object *object)
{
	commit_release(object->charged);
	kfree(object);
}

static const struct object_ops reserved = {.fill = fill_zeros, .release = release};
static const struct object_ops unreserved = {.fill = fill_and_charge, .release = release};

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
	object_init(object, reserve ? &reserved : &unreserved, size);
	object->charged = charged;
	return object;
}
