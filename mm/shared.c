// SPDX-License-Identifier: MIT
//
// Shared anonymous memory: see mm/shared.h.

#include "mm/shared.h"
#include "lib/string.h"
#include "mm/slab.h"

static int fill_zeros(struct object *object, uint64_t index, void *page)
{
	(void)object;
	(void)index;
	page_clear(page);
	return 0;
}

static void release(struct object *object)
{
	kfree(object);
}

static const struct object_ops operations = {.fill = fill_zeros, .release = release};

struct object *shared_object_create(uint64_t size)
{
	struct object *object = kmalloc(sizeof(*object));

	if (object)
		object_init(object, &operations, size);
	return object;
}
