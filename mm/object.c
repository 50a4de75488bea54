// SPDX-License-Identifier: MIT
//
// Objects and the page cache: see mm/object.h. A cached page holds one reference of its frame;
// every mapping holds another.

#include "mm/object.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/machine.h"
#include <linux/errno.h>

struct list object_list = LIST_INIT(object_list);
struct spinlock object_list_lock;

void object_init(struct object *object, const struct object_ops *ops, uint64_t size)
{
	*object = (struct object){.references = 1, .ops = ops, .size = size};
	list_init(&object->vmas);
	list_init(&object->pages);
	spin_lock(&object_list_lock);
	list_add_tail(&object_list, &object->link);
	spin_unlock(&object_list_lock);
}

struct object *object_get(struct object *object)
{
	__atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
	return object;
}

// Takes a page out of the cache and drops the cache's reference. Under object->lock.
static void forget(struct object *object, struct frame *frame)
{
	page_index_clear(&object->index, frame->index);
	list_del(&frame->link);
	object->cached--;
	frame->owner = NULL;
	frame_put(frame);
}

void object_put(struct object *object)
{
	struct frame *frame, *next;

	if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL))
		return;
	spin_lock(&object_list_lock);
	list_del(&object->link);
	spin_unlock(&object_list_lock);
	list_for_each_entry_safe (frame, next, &object->pages, link)
		forget(object, frame);
	object->ops->release(object);
}

struct frame *object_cached_page(struct object *object, uint64_t index)
{
	struct frame *frame;

	spin_lock(&object->lock);
	frame = page_index_get(&object->index, index);
	if (frame)
		frame_get(frame);
	spin_unlock(&object->lock);
	return frame;
}

// Enters a filled frame unless another one got there first. *frame becomes the one that counts,
// with a reference for the caller.
static int enter(struct object *object, uint64_t index, struct frame **frame)
{
	struct frame *other;
	int error = 0;

	spin_lock(&object->lock);
	other = page_index_get(&object->index, index);
	if (!other)
		error = page_index_set(&object->index, index, *frame);
	if (other) {
		frame_get(other);
	} else if (!error) {
		(*frame)->owner = object;
		(*frame)->index = index;
		list_add_tail(&object->pages, &(*frame)->link);
		object->cached++;
		frame_get(*frame);
	}
	spin_unlock(&object->lock);
	if ((other || error) && !MUTANT(failed_page_leaks))
		frame_put(*frame);
	if (other)
		*frame = other;
	return error;
}

int object_page(struct object *object, uint64_t index, struct frame **frame, bool *cached)
{
	struct frame *page;
	int error;

	if (index >= (object->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return -ENXIO;
	page = object_cached_page(object, index);
	*cached = page != NULL;
	if (page) {
		*frame = page;
		return 0;
	}
	page = frame_alloc(0, FRAME_FILE);
	if (!page)
		return -ENOMEM;
	error = object->ops->fill(object, index, frame_to_virt(page));
	if (error) {
		frame_put(page);
		return error;
	}
	*frame = page;
	return enter(object, index, frame);
}

long object_read(struct object *object, uint64_t offset, void *buffer, uint64_t count)
{
	char *to = buffer;
	uint64_t done = 0;

	while (done < count && offset < object->size) {
		uint64_t within = offset & ~PAGE_MASK, part = PAGE_SIZE - within;
		struct frame *frame;
		bool cached;
		int error = object_page(object, offset >> PAGE_SHIFT, &frame, &cached);

		if (error)
			return done ? (long)done : error;
		if (part > count - done)
			part = count - done;
		if (part > object->size - offset)
			part = object->size - offset;
		memcpy(to + done, (char *)frame_to_virt(frame) + within, part);
		frame_put(frame);
		done += part;
		offset += part;
	}
	return done;
}

static uint64_t drop_unused(struct object *object)
{
	struct frame *frame, *next;
	uint64_t dropped = 0;

	if (!object->refillable || !spin_trylock(&object->lock))
		return 0;
	list_for_each_entry_safe (frame, next, &object->pages, link) {
		if (__atomic_load_n(&frame->references, __ATOMIC_ACQUIRE) > 1)
			continue;
		forget(object, frame);
		dropped++;
	}
	spin_unlock(&object->lock);
	return dropped;
}

uint64_t object_drop_caches(void)
{
	struct object *object;
	uint64_t dropped = 0;

	if (!spin_trylock(&object_list_lock))
		return 0;
	list_for_each_entry (object, &object_list, link)
		dropped += drop_unused(object);
	spin_unlock(&object_list_lock);
	return dropped;
}
