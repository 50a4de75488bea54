// SPDX-License-Identifier: MIT
//
// Objects: where the pages of a mapping come from. A file's object is its page cache: frames by
// page number, filled on first use by the file's own `fill`. (Anonymous memory needs no object of
// its own: its frames are found from the page tables, and from the frame through struct anon.)
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/frame.h"
#include "mm/page_index.h"
#include <stdbool.h>

struct object;

struct object_ops {
	// Fills one page with the contents of page `index`; what lies beyond the file's end is
	// zeros. 0 or a negative errno. Called without locks; may sleep.
	int (*fill)(struct object *object, uint64_t index, void *page);
	// The last reference is gone; the object's pages are already freed.
	void (*release)(struct object *object);
};

struct object {
	uint32_t references;  // open files, VMAs; atomic
	struct spinlock lock; // guards everything below
	const struct object_ops *ops;
	uint64_t size;           // bytes
	struct list vmas;        // reverse map: all VMAs of this object
	struct list pages;       // cached frames, by frame->link, oldest first
	struct page_index index; // page number -> frame
	uint64_t cached;         // frames on `pages`
	uint64_t charged;        // pages promised for it (mm/commit.h); atomic, its owner's
	struct list link;        // on the list of all objects; guarded by object_list_lock
	bool refillable;         // a page dropped can be filled again: it belongs to a file
};

// With one reference for the caller. `refillable` is false; a file's owner sets it.
void object_init(struct object *object, const struct object_ops *ops, uint64_t size);
struct object *object_get(struct object *object);
void object_put(struct object *object);

// The frame of page `index`, filled, with a reference for the caller. 0, -ENOMEM, -EIO (what fill
// said), or -ENXIO for a page wholly beyond the end. `*cached` tells whether it was already there.
int object_page(struct object *object, uint64_t index, struct frame **frame, bool *cached);

// The same only if it is already cached; NULL otherwise. For mapping neighbours of a fault.
struct frame *object_cached_page(struct object *object, uint64_t index);

// Copies out of the page cache: up to `count` bytes from `offset`. Bytes copied, 0 at the end.
long object_read(struct object *object, uint64_t offset, void *buffer, uint64_t count);

// Drops cached pages that nobody maps or holds and that can be filled again. Frames given back.
// Objects whose lock is taken are passed over: it is called where frames run out.
uint64_t object_drop_caches(void);

extern struct list object_list; // by object->link
extern struct spinlock object_list_lock;
