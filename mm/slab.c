// SPDX-License-Identifier: MIT
//
// The kernel's heap. A cache hands out objects of one size from slabs: blocks of frames cut into
// objects (Bonwick, "The Slab Allocator", 1994). Everything a slab needs to remember fits into
// the struct frame of its first frame, so that objects of 128 bytes fill a page exactly. Free
// objects are linked through their own first word.
//
// Debug builds put a red zone before and after each object, fill freed objects with poison, and
// check both; a double free shows as poison where none belongs.
//
// Locks: each cache has one, which guards its lists, its counts and the struct frames of its
// slabs. It is not held while frames are allocated.

#include "mm/slab.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/failure.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/poison.h"
#include "mm/slab_internal.h"

#define RED_ZONE (DEBUG_BUILD ? 64ul : 0ul) // as wide as the strictest alignment

struct spinlock caches_lock;
struct list caches = LIST_INIT(caches);

// kmalloc's caches: powers of two from 16 bytes to 2 KiB. Larger blocks are frames of their own.
#define KMALLOC_SMALLEST 4
#define KMALLOC_LARGEST  11
static struct cache kmalloc_caches[KMALLOC_LARGEST - KMALLOC_SMALLEST + 1];

// The slab that `object` lies in: slabs are aligned to their size.
static struct frame *slab_of(const struct cache *cache, const void *object)
{
	phys_t address = virt_to_phys(object);

	return phys_to_frame(address & ~((PAGE_SIZE << cache->order) - 1));
}

// Whether a slab of this size holds too few objects, or leaves more than an eighth of it over.
static bool wasteful(size_t stride, size_t slab)
{
	return slab / stride < 4 || slab % stride > slab / 8;
}

static void cache_setup(struct cache *cache, const char *name, size_t size)
{
	size_t align = size >= 64 ? 64 : 16;

	cache->name = name;
	cache->size = size;
	cache->stride = ((size + align - 1) & ~(align - 1)) + 2 * RED_ZONE;
	while (cache->order < 3 && wasteful(cache->stride, PAGE_SIZE << cache->order))
		cache->order++;
	cache->per_slab = (PAGE_SIZE << cache->order) / cache->stride;
	spin_lock_init(&cache->lock);
	list_init(&cache->partial);
	spin_lock(&caches_lock);
	list_add_tail(&caches, &cache->link);
	spin_unlock(&caches_lock);
}

struct cache *cache_create(const char *name, size_t size)
{
	struct cache *cache = size <= CACHE_SIZE_MAX ? kzalloc(sizeof(*cache)) : NULL;

	if (cache)
		cache_setup(cache, name, size < 16 ? 16 : size);
	return cache;
}

static void push_object(struct frame *slab, void *object)
{
	*(void **)object = slab->free_objects;
	slab->free_objects = object;
}

// A new slab with all of its objects free, on no list yet.
static struct frame *slab_create(struct cache *cache)
{
	struct frame *slab = frame_alloc(cache->order, FRAME_SLAB);
	char *memory;

	if (!slab)
		return NULL;
	memory = frame_to_virt(slab);
	for (unsigned i = 0; i < 1u << cache->order; i++)
		slab[i].cache = cache;
	slab->free_objects = NULL;
	slab->objects = 0;
	for (unsigned i = cache->per_slab; i-- > 0;) {
		char *object = memory + i * cache->stride + RED_ZONE;

		if (DEBUG_BUILD) {
			memset(object - RED_ZONE, POISON_ZONE, RED_ZONE);
			memset(object, POISON_FREE, cache->stride - RED_ZONE);
			memset(object + cache->stride - 2 * RED_ZONE, POISON_ZONE, RED_ZONE);
		}
		push_object(slab, object);
	}
	return slab;
}

// Adds a slab; whether that worked. Called and returns with the lock held, drops it meanwhile.
static bool cache_grow(struct cache *cache)
{
	struct frame *slab;

	spin_unlock(&cache->lock);
	slab = slab_create(cache);
	spin_lock(&cache->lock);
	if (!slab)
		return false;
	cache->slabs++;
	cache->empty++;
	list_add(&cache->partial, &slab->link);
	return true;
}

static void check_red_zones(const struct cache *cache, const char *object)
{
	const void *other = poison_find_other(object - RED_ZONE, POISON_ZONE, RED_ZONE);

	if (!other)
		other = poison_find_other(object + cache->stride - 2 * RED_ZONE, POISON_ZONE,
					  RED_ZONE);
	if (other)
		panic("%s object %p was overrun: %#lx at %p", cache->name, (const void *)object,
		      *(const uint64_t *)other, other);
}

// Everything but the first word, which links free objects.
static const void *find_unpoisoned(const struct cache *cache, const char *object)
{
	return poison_find_other(object + 8, POISON_FREE, cache->stride - 2 * RED_ZONE - 8);
}

static void debug_allocated(const struct cache *cache, char *object)
{
	const void *other = find_unpoisoned(cache, object);

	if (other)
		panic("freed %s object %p was written at %p", cache->name, (void *)object, other);
	check_red_zones(cache, object);
	memset(object, POISON_NEW, cache->stride - 2 * RED_ZONE);
}

static void debug_freed(const struct cache *cache, char *object)
{
	if (!find_unpoisoned(cache, object))
		panic("double free of %s object %p", cache->name, (void *)object);
	check_red_zones(cache, object);
	memset(object, POISON_FREE, cache->stride - 2 * RED_ZONE);
}

static void *take_object(struct cache *cache)
{
	struct frame *slab = list_first_entry(&cache->partial, struct frame, link);
	void *object = slab->free_objects;

	slab->free_objects = *(void **)object;
	if (slab->objects++ == 0)
		cache->empty--;
	if (!slab->free_objects)
		list_del(&slab->link);
	cache->in_use++;
	return object;
}

void *cache_alloc(struct cache *cache)
{
	void *object = NULL;

	if (failure_due())
		return NULL;
	spin_lock(&cache->lock);
	if (!list_empty(&cache->partial) || cache_grow(cache))
		object = take_object(cache);
	spin_unlock(&cache->lock);
	if (DEBUG_BUILD && object)
		debug_allocated(cache, object);
	return object;
}

void *cache_alloc_zeroed(struct cache *cache)
{
	void *object = cache_alloc(cache);

	if (object)
		memset(object, 0, cache->size);
	return object;
}

// One empty slab is kept, so that a cache at the border does not go to the frame allocator and
// back with every object.
static struct frame *put_object(struct cache *cache, struct frame *slab, void *object)
{
	if (!slab->free_objects)
		list_add(&cache->partial, &slab->link);
	push_object(slab, object);
	cache->in_use--;
	if (--slab->objects || cache->empty++ == 0)
		return NULL;
	list_del(&slab->link);
	cache->empty--;
	cache->slabs--;
	return slab;
}

static void check_object(const struct cache *cache, const struct frame *slab, const char *object)
{
	size_t offset = object - (const char *)frame_to_virt(slab) - RED_ZONE;

	if (slab->kind != FRAME_SLAB || slab->cache != cache || offset % cache->stride ||
	    offset / cache->stride >= cache->per_slab)
		panic("free of %p, which is no object of cache %s", (const void *)object,
		      cache->name);
}

void cache_free(struct cache *cache, void *object)
{
	struct frame *slab, *surplus;

	if (!object)
		return;
	slab = slab_of(cache, object);
	check_object(cache, slab, object);
	if (DEBUG_BUILD)
		debug_freed(cache, object);
	spin_lock(&cache->lock);
	surplus = put_object(cache, slab, object);
	spin_unlock(&cache->lock);
	if (surplus)
		frame_free(surplus, cache->order);
}

void slab_start(void)
{
	static const char *const names[] = {"kmalloc-16",  "kmalloc-32",  "kmalloc-64",
					    "kmalloc-128", "kmalloc-256", "kmalloc-512",
					    "kmalloc-1k",  "kmalloc-2k"};

	for (unsigned i = 0; i <= KMALLOC_LARGEST - KMALLOC_SMALLEST; i++)
		cache_setup(&kmalloc_caches[i], names[i], 1ul << (i + KMALLOC_SMALLEST));
}

static struct cache *kmalloc_cache(size_t size)
{
	unsigned bits = size <= 16 ? KMALLOC_SMALLEST : 64 - __builtin_clzl(size - 1);

	return &kmalloc_caches[bits - KMALLOC_SMALLEST];
}

static void *kmalloc_frames(size_t size)
{
	unsigned order = 0;
	struct frame *frame;

	while (PAGE_SIZE << order < size)
		order++;
	frame = frame_alloc(order, FRAME_SLAB);
	if (!frame)
		return NULL;
	for (unsigned i = 0; i < 1u << order; i++)
		frame[i].cache = NULL;
	return frame_to_virt(frame);
}

void *kmalloc(size_t size)
{
	if (size > KMALLOC_MAX)
		return NULL;
	return size > 1ul << KMALLOC_LARGEST ? kmalloc_frames(size)
					     : cache_alloc(kmalloc_cache(size));
}

void *kzalloc(size_t size)
{
	void *block = kmalloc(size);

	if (block)
		memset(block, 0, size);
	return block;
}

void kfree(void *block)
{
	struct frame *frame;

	if (!block)
		return;
	frame = phys_to_frame(virt_to_phys(block));
	if (frame->kind != FRAME_SLAB ||
	    (!frame->cache && (block != frame_to_virt(frame) || frame->order == FRAME_TAIL)))
		panic("kfree of %p, which kmalloc did not give", block);
	if (frame->cache)
		cache_free(frame->cache, block);
	else
		frame_free(frame, frame->order);
}
