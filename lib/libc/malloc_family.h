// SPDX-License-Identifier: MIT
//
// What makes a whole family of malloc and free, a part of malloc.c: the aligned ones, realloc,
// calloc; what the library that makes threads and forks has to call; and what a layer above
// (malloc_layer.h) calls.
#pragma once

// -- aligned

// As heap_allocate, with the caller's bytes at a multiple of `alignment`: what lies before is
// freed.
static struct block *heap_allocate_aligned(size_t size, size_t alignment)
{
	struct block *whole = heap_allocate(size + alignment + LEAST), *block = whole;
	uintptr_t payload;
	size_t before;

	if (!whole)
		return NULL;
	payload = (uintptr_t)payload_of(whole);
	if (payload % alignment != 0) {
		block = block_of((void *)round_up(payload + LEAST, alignment));
		before = (size_t)((char *)block - (char *)whole);
		put(block, size_of(whole) - before, 0, PROGRAM);
		put(whole, before, below_of(whole), PROGRAM);
		release(whole);
	}
	cut(block, size, PROGRAM);
	return block;
}

static struct block *find_aligned(size_t size, size_t alignment)
{
	struct block *block;
	size_t whole;

	if (__builtin_add_overflow(size, alignment, &whole) || whole > PTRDIFF_MAX)
		return NULL;
	if (whole >= __atomic_load_n(&heap.map_from, __ATOMIC_RELAXED))
		return mapped_allocate(size, alignment);
	heap_lock();
	block = heap_allocate_aligned(block_size(size), alignment);
	heap_unlock();
	return block;
}

// -- realloc

#define GROWS_AT_TOP (16ul << 10) // and from so many on it is moved to the heap's top
#define GROWS        1024u // from so many bytes on a block is grown in place where that goes

// Makes a block in use reach `size` without moving it, out of the free block above it and, at the
// top of the heap, out of brk. Then it is no cache's any more.
static bool extend_in_place(struct block *block, size_t size)
{
	struct block *next = above(block), *end = next;
	size_t room = size_of(block);
	bool free = verify(next, OVERRUN) == FREE;

	if (free) {
		room += size_of(next);
		end = above(next);
		verify(end, OVERRUN);
	}
	if (room < size) {
		if ((uintptr_t)end + HEADER != heap.brk_end || !grow_by_brk(size - room + HEADER))
			return false;
		room = size_of(block) + size_of(next); // what was the fence is a free block now
		free = verify(next, OVERRUN) == FREE;
	}
	if (room < size || !free || room > SIZE_MOST)
		return false;
	bin_remove(next);
	set_holder(next, ABSORBED);
	put(block, room, below_of(block), PROGRAM);
	size = round_up(size + size / 2, UNIT); // it will grow again
	cut(block, size < room ? size : room, PROGRAM);
	return true;
}

// NULL when the kernel can not: the caller then allocates and copies.
static struct block *mapped_resize(struct block *block, size_t size)
{
	struct mapping mapping = *mapping_of(block);
	size_t length;
	long moved;

	if (__builtin_add_overflow(size, mapping.offset + HEADER + PAGE, &length))
		return NULL;
	length = round_up(size + mapping.offset + HEADER, PAGE);
	if (length == mapping.length)
		return block;
	moved = system_call4(__NR_mremap, (long)((char *)block - mapping.offset),
			     (long)mapping.length, (long)length, MREMAP_MAYMOVE);
	if (moved < 0 && moved >= -(long)PAGE)
		return NULL;
	block = (struct block *)(moved + (long)mapping.offset);
	mapping_of(block)->length = length;
	put(block, 0, 0, MAPPED);
	count_mapping(0, length - mapping.length);
	return block;
}

// The block itself, grown or shrunk where it is; a mapping may move. NULL: it takes a copy, which
// for small blocks costs less than the heap's lock.
static struct block *resize(struct block *block, size_t size)
{
	size_t needed = block_size(size), has = size_of(block);
	bool done = true;

	if (size > PTRDIFF_MAX)
		return NULL;
	if (has == 0)
		return size < MAP_FROM / 2 ? NULL : mapped_resize(block, size);
	if (needed <= has && has - needed <= needed / 2)
		return block;
	if (size >= MAP_MOST || has < GROWS)
		return NULL;
	heap_lock();
	if (needed <= has)
		cut(block, needed, holder_of(block));
	else
		done = extend_in_place(block, needed);
	heap_unlock();
	return done ? block : NULL;
}

// For what has grown before and will again: at the heap's top, where nothing is in its way, or at
// least with room above it.
static struct block *find_to_grow(size_t size)
{
	struct block *block = NULL;

	heap_lock();
	if (size >= GROWS_AT_TOP && heap.brk_end)
		block = free_below((struct block *)(heap.brk_end - HEADER));
	if (block && size_of(block) >= size)
		bin_remove(block);
	else
		block = heap_allocate(2 * size);
	if (block)
		cut(block, size, PROGRAM);
	heap_unlock();
	return block;
}

static void *allocate_to_grow(size_t size)
{
	struct block *block = NULL;

	if (size < __atomic_load_n(&heap.map_from, __ATOMIC_RELAXED))
		block = find_to_grow(block_size(size));
	return block ? payload_of(block) : malloc_plain(size, UNIT);
}

void *malloc_plain_resize(void *payload, size_t size)
{
	struct block *block = block_of(payload), *same;
	size_t had;
	void *other;

	claim(block);
	had = usable_bytes(block);
	same = resize(block, size);
	if (same)
		return payload_of(same);
	other = size > had && had >= GROWS ? allocate_to_grow(size) : malloc_plain(size, UNIT);
	if (!other)
		return NULL;
	memcpy(other, payload, had < size ? had : size);
	malloc_plain_free(payload);
	return other;
}

// -- the rest of the interface

static __attribute__((noinline)) void *allocate(size_t size, size_t alignment)
{
	if (layer_above())
		return allocate_from_layer(size, alignment, false);
	return malloc_plain(size, alignment);
}

// Fresh mappings are zero already.
static void *zero(void *payload, size_t size)
{
	if (payload && size_of(block_of(payload)) != 0)
		memset(payload, 0, size);
	return payload;
}

void *calloc(size_t count, size_t size)
{
	if (__builtin_mul_overflow(count, size, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if (layer_above())
		return allocate_from_layer(size, UNIT, true);
	return zero(malloc(size), size);
}

// To nothing is free, as glibc has it: programs of Linux count on it.
void *realloc(void *payload, size_t size)
{
	if (!payload)
		return malloc(size);
	if (size == 0) {
		free(payload);
		return NULL;
	}
	return layer_above() ? layer->resize(payload, size) : malloc_plain_resize(payload, size);
}

void *reallocarray(void *payload, size_t count, size_t size)
{
	if (!__builtin_mul_overflow(count, size, &size))
		return realloc(payload, size);
	errno = ENOMEM;
	return NULL;
}

static bool power_of_two(size_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

// What is no power of two becomes the next one, as in glibc.
void *memalign(size_t alignment, size_t size)
{
	size_t power = UNIT;

	if (alignment > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < alignment)
		power *= 2;
	return allocate(size, power);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **payload, size_t alignment, size_t size)
{
	int saved = errno;
	void *allocated;

	if (!power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	allocated = allocate(size, alignment);
	errno = saved;
	if (!allocated)
		return ENOMEM;
	*payload = allocated;
	return 0;
}

size_t malloc_usable_size(void *payload)
{
	if (!payload)
		return 0;
	return layer_above() ? layer->usable(payload) : malloc_plain_usable(payload);
}

// -- for layers

void *malloc_plain_zeroed(size_t size)
{
	return zero(malloc_plain(size, UNIT), size);
}

size_t malloc_plain_usable(void *payload)
{
	claim(block_of(payload));
	return usable_bytes(block_of(payload));
}

// -- threads, forks, and who watches

// Gives the calling thread's cache away. What it still frees and allocates needs none.
void malloc_thread_end(void)
{
	struct cache *cache = mine;
	struct list list;

	if (layer && layer->thread_end)
		layer->thread_end();
	thread_ending = true;
	if (cache == &no_cache)
		return;
	mine = &no_cache;
	heap_lock();
	empty_cache(cache);
	list = take_inbox(cache);
	release_list(&list, INT32_MAX);
	cache->unowned = true;
	heap_unlock();
}

// The thread that watches has no cache meanwhile, so that every step is to be seen.
void malloc_watch(void (*narrator)(enum malloc_step step, const void *where, size_t a, size_t b))
{
	static __thread struct cache *set_aside;

	if (narrator) {
		if (mine == &no_cache)
			take_cache();
		if (!malloc_narrate)
			set_aside = mine;
		mine = &no_cache;
	} else if (malloc_narrate) {
		mine = set_aside;
	}
	malloc_narrate = narrator;
}

void malloc_before_fork(void)
{
	if (layer && layer->before_fork)
		layer->before_fork();
	heap_lock();
}

void malloc_after_fork(void)
{
	heap_unlock();
	if (layer && layer->after_fork)
		layer->after_fork();
}

// The child has only the forking thread. The lists of the others may have been caught half-way
// through a change: what is in them is lost. Their inboxes are whole at any time.
void malloc_in_child(void)
{
	for (unsigned int i = 1; i <= cache_count; i++) {
		if (caches[i] == mine)
			continue;
		memset(caches[i]->lists, 0, sizeof(caches[i]->lists));
		caches[i]->limits = 0;
		caches[i]->unowned = true;
	}
	holding = false;
	__atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
	if (layer && layer->in_child)
		layer->in_child();
}
