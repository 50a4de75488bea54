// SPDX-License-Identifier: MIT
//
// Objects: where the pages of a mapping come from. A file's object is its page cache: frames by
// page number, filled on first use by the file's own `fill`. (Anonymous memory needs no object of
// its own: its frames are found from the page tables, and from the frame through struct anon.)
//
// A page is either a copy of what `fill` can bring again, and may be dropped, or it is kept: it
// was changed, or lies beyond what fill knows. Kept pages are all there is of what was written.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/frame.h"
#include "mm/page_index.h"
#include <stdbool.h>

struct object;

struct object_ops {
	// Fills one page with the contents of page `index`; what lies beyond `source` is zeros. 0
	// or a negative errno. Called without locks; may sleep.
	int (*fill)(struct object *object, uint64_t index, void *page);
	// The last reference is gone; the object's pages are already freed.
	void (*release)(struct object *object);
	// A VMA of the object was made (1) or is gone (-1). Under mm->lock: no sleeping. NULL:
	// nobody counts them.
	void (*attached)(struct object *object, int change);
	// Whether it can still be mapped where it was mapped before. Under mm->lock. NULL: it can.
	bool (*mappable)(struct object *object);
	// Makes pages [first, end) a hole for MADV_REMOVE: 0 or -errno. Called without locks; may
	// sleep. NULL: object_punch.
	int (*punch)(struct object *object, uint64_t first, uint64_t end);
	// A page is about to be written through a shared mapping in which it could only be read so
	// far, or was not at all. Under mm->lock: no sleeping. NULL: nobody asks.
	void (*written)(struct object *object);
	// Whether the running process may know which pages are in memory. Under mm->lock. NULL: it
	// may.
	bool (*observable)(struct object *object);
};

// How many pages several objects may keep together.
struct object_quota {
	uint64_t limit;   // pages
	uint64_t used;    // atomic
	uint64_t recount; // scratch of the audit
};

// frame->file_state of a page of an object; guarded by object->lock.
#define FRAME_KEPT   1 // can not be filled again
#define FRAME_UNUSED 2 // allocated ahead and never touched: lseek takes it for a hole

struct object {
	uint32_t references;          // open files, VMAs; atomic
	struct spinlock lock;         // guards everything below
	const struct object_ops *ops; // constant
	struct object_quota *quota;   // of its kept pages; constant; NULL: no limit
	uint64_t size;                // bytes; changed by object_resize and object_extend
	uint64_t source;              // bytes that `fill` can bring again; never grows
	struct list vmas;        // reverse map: all VMAs of this object, but for those on `seen`
	struct list seen;        // while pages are taken away: VMAs from which they are gone
	struct list pages;       // cached frames, by frame->link, oldest first
	struct page_index index; // page number -> frame
	uint64_t cached;         // frames on `pages`
	uint64_t charged;        // pages promised for it as a whole (mm/commit.h); constant
	bool charges_pages;      // instead each kept page is promised when it is there; constant
	struct spinlock shrink_lock; // held while pages are taken away; taken before any mm->lock
	uint32_t mapping_writable;   // mmap calls in progress that may write; object_hold_writable
	bool device;                 // a device's memory (mm/device_memory.h); constant
	bool deny_write;             // no new mapping may be written
	struct list link;            // on the list of all objects; guarded by object_list_lock
};

// With one reference for the caller. `source` is 0 and there is no quota; a file's owner sets them
// before anybody else sees the object.
void object_init(struct object *object, const struct object_ops *ops, uint64_t size);
struct object *object_get(struct object *object);
// A reference of an object that may be on its way out: false when it has none left. The caller has
// made sure that its memory is still there.
bool object_get_unless_zero(struct object *object);
void object_put(struct object *object);

// The frame of page `index`, filled, with a reference for the caller. 0, -ENOMEM, -EIO (what fill
// said), -ENOSPC (the quota), or -ENXIO for a page wholly beyond the end. `*cached` tells whether
// it was already there.
int object_page(struct object *object, uint64_t index, struct frame **frame, bool *cached);

// The same for a writer: beyond the end too, and kept.
int object_page_to_write(struct object *object, uint64_t index, struct frame **frame);

// The same for fallocate: beyond the end too, and kept; a new page counts as a hole until it is
// touched.
int object_page_ahead(struct object *object, uint64_t index);

// A page of the object is about to be written by somebody else than its owner: from now on it is
// kept. The caller holds a reference of the frame.
void object_keep_slowly(struct object *object, struct frame *frame);
static inline void object_keep(struct object *object, struct frame *frame)
{
	if (__builtin_expect(frame->file_state != FRAME_KEPT, 0))
		object_keep_slowly(object, frame);
}

// The same through a shared mapping, under mm->lock.
static inline void object_write_mapped(struct object *object, struct frame *frame)
{
	object_keep(object, frame);
	if (object->ops->written)
		object->ops->written(object);
}

// A page's frame only if it is already cached; NULL otherwise, and for one that was allocated
// ahead and is still unused. For mapping neighbours of a fault, and for who can do without.
struct frame *object_cached_page(struct object *object, uint64_t index);

// Copies out of the page cache: up to `count` bytes from `offset`. Bytes copied, 0 at the end.
long object_read(struct object *object, uint64_t offset, void *buffer, uint64_t count);

// Drops cached pages that nobody maps or holds and that can be filled again. Frames given back.
// Objects whose lock is taken are passed over: it is called where frames run out.
uint64_t object_drop_caches(void);

// Kept pages of all objects: Linux's Shmem.
uint64_t object_kept_pages(void);

// ---- the size, and pages that go (object_shrink.c) ----
// What is taken away leaves the cache first, then every mapping, and is freed after every CPU has
// forgotten it. Faults, readers and each other need not be kept out by the caller, but writers do,
// or their pages go as well. Called without locks.

// Sets the size. Pages beyond it go, private copies of them as well; the rest of the last page
// becomes zeros.
void object_resize(struct object *object, uint64_t size);
// Makes the size at least that large; for who has written beyond the end.
void object_extend(struct object *object, uint64_t size);
// Makes pages [first, end) a hole: zeros. Private copies stay. 0, or -ENOMEM when a page can only
// become zeros by being kept.
int object_punch(struct object *object, uint64_t first, uint64_t end);

// The first page at or after `index` with data in it, or without; what lies beyond the end is a
// hole. For lseek; the answer may be out of date at once.
uint64_t object_next_data(struct object *object, uint64_t index);
uint64_t object_next_hole(struct object *object, uint64_t index);

// ---- who may write through mappings ----
// Before a shared mapping is made of a file that may be written: 0, with the right to map it until
// object_drop_writable, or -EPERM when that is denied.
int object_hold_writable(struct object *object);
void object_drop_writable(struct object *object);
// No more such mappings, for ever: 0, or -EBUSY when there is one.
int object_deny_write(struct object *object);

// VMAs that map it.
uint64_t object_mappings(struct object *object);

// For the parts of the object code. Takes a page out of the cache, leaving the cache's reference
// to the caller. Under object->lock.
void object_take_out(struct object *object, struct frame *frame);

extern struct list object_list; // by object->link
extern struct spinlock object_list_lock;
