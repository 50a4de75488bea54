// SPDX-License-Identifier: MIT
//
// The kernel's heap: slab caches for objects of one size, and kmalloc over caches of powers of
// two.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cache;

#define CACHE_SIZE_MAX 16384 // of an object

// A cache of objects of `size` bytes. Objects are aligned to 16 bytes (64 from 64 bytes up).
// NULL when out of memory, or for a size past the limit. `name` is kept, not copied.
struct cache *cache_create(const char *name, size_t size);

void *cache_alloc(struct cache *cache);             // contents undefined; NULL when out of memory
void *cache_alloc_zeroed(struct cache *cache);      // the same, filled with zeros
void cache_free(struct cache *cache, void *object); // NULL is allowed

#define KMALLOC_MAX 65536 // larger blocks: frame_alloc

void *kmalloc(size_t size); // any size up to KMALLOC_MAX; NULL when out of memory
void *kzalloc(size_t size); // the same, filled with zeros
void kfree(void *block);    // NULL is allowed
