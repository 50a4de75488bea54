// SPDX-License-Identifier: MIT
//
// What mm/slab.c shows to the audit and to /proc/slabinfo's kind of report.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <stddef.h>
#include <stdint.h>

struct cache {
	struct spinlock lock; // guards what follows `per_slab`
	const char *name;     // constant, like all up to `per_slab`
	size_t size;          // of an object, bytes
	size_t stride;        // from one object to the next
	unsigned order;       // of a slab
	unsigned per_slab;    // objects in a slab
	struct list partial;  // slabs with a free object, by frame->link
	uint64_t slabs;       // all of them, the full ones too
	uint64_t empty;       // slabs without an object in use
	uint64_t in_use;      // objects handed out
	struct list link;     // on `caches`
};

extern struct list caches; // guarded by caches_lock
extern struct spinlock caches_lock;

// Makes kmalloc work. Once, after the first frames are there.
void slab_start(void);
