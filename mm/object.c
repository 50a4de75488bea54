// SPDX-License-Identifier: MIT
//
// Objects and the page cache: see mm/object.h. A cached page holds one reference of its frame;
// every mapping holds another.

#include "mm/object.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include <linux/errno.h>

struct list object_list = LIST_INIT(object_list);
struct spinlock object_list_lock;

static uint64_t kept_pages; // atomic

uint64_t object_kept_pages(void)
{
	return __atomic_load_n(&kept_pages, __ATOMIC_RELAXED);
}

void object_init(struct object *object, const struct object_ops *ops, uint64_t size)
{
	*object = (struct object){.references = 1, .ops = ops, .size = size};
	spin_lock_init(&object->lock);
	spin_lock_init(&object->shrink_lock);
	list_init(&object->vmas);
	list_init(&object->seen);
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

bool object_get_unless_zero(struct object *object)
{
	uint32_t old = __atomic_load_n(&object->references, __ATOMIC_RELAXED);

	while (old)
		if (__atomic_compare_exchange_n(&object->references, &old, old + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

// ---- kept pages ----
static void count_room(struct object *object, int64_t change)
{
	__atomic_add_fetch(&kept_pages, (uint64_t)change, __ATOMIC_RELAXED);
	if (object->quota)
		__atomic_add_fetch(&object->quota->used, (uint64_t)change, __ATOMIC_RELAXED);
}

// A page more or less that is kept.
static void count_kept(struct object *object, int64_t change)
{
	count_room(object, change);
	if (object->charges_pages)
		commit_add(change);
}

// The same for a new page that nothing can bring again: 0 or -ENOSPC.
static inline int count_new_kept(struct object *object)
{
	struct object_quota *quota = object->quota;

	if (object->charges_pages && commit_charge(NULL, 1))
		return -ENOSPC;
	count_room(object, 1);
	if (!quota || __atomic_load_n(&quota->used, __ATOMIC_RELAXED) <= quota->limit)
		return 0;
	count_kept(object, -1);
	return -ENOSPC;
}

// Under object->lock. What the archive has takes no room of the quota's until it is changed, and
// then goes beyond it if need be.
static void keep(struct object *object, struct frame *frame)
{
	if (!(frame->file_state & FRAME_KEPT))
		count_kept(object, 1);
	frame->file_state = FRAME_KEPT;
}

void object_keep_slowly(struct object *object, struct frame *frame)
{
	spin_lock(&object->lock);
	// A page that was taken away meanwhile is nobody's any more.
	if (page_index_get(&object->index, frame->index) == frame)
		keep(object, frame);
	spin_unlock(&object->lock);
}

void object_take_out(struct object *object, struct frame *frame)
{
	page_index_clear(&object->index, frame->index);
	list_del(&frame->link);
	object->cached--;
	if (frame->file_state & FRAME_KEPT)
		count_kept(object, -1);
}

// The same, and drops the cache's reference.
static void forget(struct object *object, struct frame *frame)
{
	object_take_out(object, frame);
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
	if (frame && (frame->file_state & FRAME_UNUSED))
		frame = NULL;
	if (frame)
		frame_get(frame);
	spin_unlock(&object->lock);
	return frame;
}

// What a page is wanted for.
enum purpose {
	TO_READ,  // or to map: not beyond the end
	TO_WRITE, // it will be changed
	AHEAD,    // it will be, later
};

// Whether a page begins at or after so many bytes. A file's length has a sign, so its pages'
// numbers can be shifted.
static bool begins_after(uint64_t index, uint64_t bytes)
{
	return index << PAGE_SHIFT >= bytes;
}

static bool beyond_end(const struct object *object, uint64_t index, enum purpose purpose)
{
	return purpose == TO_READ &&
	       begins_after(index, __atomic_load_n(&object->size, __ATOMIC_RELAXED));
}

// Enters a new page. Under object->lock. 0 or -errno.
static inline __attribute__((always_inline)) int
enter_new(struct object *object, uint64_t index, struct frame *frame, enum purpose purpose)
{
	bool kept = begins_after(index, object->source);
	int error = kept ? count_new_kept(object) : 0;

	if (error)
		return error;
	error = page_index_set(&object->index, index, frame);
	if (error) {
		if (kept)
			count_kept(object, -1);
		return error;
	}
	frame->file_state = kept ? FRAME_KEPT : 0;
	if (kept && purpose == AHEAD)
		frame->file_state |= FRAME_UNUSED;
	frame->owner = object;
	frame->index = index;
	list_add_tail(&object->pages, &frame->link);
	object->cached++;
	return 0;
}

// Enters a filled frame unless another one got there first. *frame becomes the one that counts,
// with a reference for the caller.
static inline __attribute__((always_inline)) int enter(struct object *object, uint64_t index,
						       struct frame **frame, enum purpose purpose)
{
	struct frame *other;
	int error = 0;

	spin_lock(&object->lock);
	other = page_index_get(&object->index, index);
	// The end may have moved since it was looked at, and what lies beyond has been taken away.
	if (!other && beyond_end(object, index, purpose))
		error = -ENXIO;
	else if (!other)
		error = enter_new(object, index, *frame, purpose);
	if (other || !error)
		frame_get(other ? other : *frame);
	if (!error && purpose == TO_WRITE)
		keep(object, other ? other : *frame);
	spin_unlock(&object->lock);
	if ((other || error) && !MUTANT(failed_page_leaks))
		frame_put(*frame);
	if (other)
		*frame = other;
	return error;
}

// The page if it is cached, with a reference. Whoever touches it makes more of it than a hole.
static inline __attribute__((always_inline)) struct frame *
find_cached(struct object *object, uint64_t index, enum purpose purpose)
{
	struct frame *frame;

	spin_lock(&object->lock);
	frame = page_index_get(&object->index, index);
	if (frame)
		frame_get(frame);
	if (frame && purpose == TO_WRITE)
		keep(object, frame);
	else if (frame) // allocated ahead twice counts as touched, as on Linux
		frame->file_state &= ~FRAME_UNUSED;
	spin_unlock(&object->lock);
	return frame;
}

// A copy for each purpose: a fault should not ask which it is.
static inline __attribute__((always_inline)) int get_page(struct object *object, uint64_t index,
							  struct frame **frame, bool *cached,
							  enum purpose purpose)
{
	struct frame *page;
	int error;

	if (beyond_end(object, index, purpose))
		return -ENXIO;
	page = find_cached(object, index, purpose);
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
	return enter(object, index, frame, purpose);
}

int object_page(struct object *object, uint64_t index, struct frame **frame, bool *cached)
{
	return get_page(object, index, frame, cached, TO_READ);
}

int object_page_to_write(struct object *object, uint64_t index, struct frame **frame)
{
	bool cached;

	return get_page(object, index, frame, &cached, TO_WRITE);
}

int object_page_ahead(struct object *object, uint64_t index)
{
	struct frame *frame;
	bool cached;
	int error = get_page(object, index, &frame, &cached, AHEAD);

	if (!error)
		frame_put(frame);
	return error;
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

	if (!object->source || !spin_trylock(&object->lock))
		return 0;
	list_for_each_entry_safe (frame, next, &object->pages, link) {
		if ((frame->file_state & FRAME_KEPT) ||
		    __atomic_load_n(&frame->references, __ATOMIC_ACQUIRE) > 1)
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
