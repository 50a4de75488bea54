// SPDX-License-Identifier: MIT
//
// Page faults in mappings of objects: files, shared memory. And, for every kind of fault, what is
// made ready while mm->lock is not held.

#include "mm/device_memory.h"
#include "mm/fault_internal.h"
#include <linux/errno.h>

#define FAULT_AROUND 16 // pages mapped at once when they are in the page cache already

// Maps neighbours of a file page that are cached, within its aligned window, its VMA and its
// table: the program will soon want them, and each would cost a fault.
static void map_around(struct fault *fault)
{
	struct vma *vma = fault->vma;
	uintptr_t start = fault->address & ~(FAULT_AROUND * PAGE_SIZE - 1);
	uintptr_t end = start + FAULT_AROUND * PAGE_SIZE;
	pte_t *slot;

	if (start < vma->start)
		start = vma->start;
	if (end > vma->end)
		end = vma->end;
	slot = fault->slot - ((fault->address - start) >> PAGE_SHIFT);
	for (uintptr_t at = start; at < end; at += PAGE_SIZE, slot++) {
		struct frame *frame;

		if (*slot)
			continue;
		frame = object_cached_page(vma->object,
					   vma->page_offset + ((at - vma->start) >> PAGE_SHIFT));
		if (!frame)
			continue;
		page_slot_fill(slot, frame_to_phys(frame) | page_protection(vma->flags));
		vma->mm->file_resident++;
	}
}

static enum fault_result map_file_page(struct fault *fault, struct frame *page, bool cached)
{
	bool writable = (fault->vma->flags & VMA_SHARED) && fault->access == ACCESS_WRITE;

	fault->mm->file_resident++;
	if (writable)
		object_write_mapped(fault->vma->object, page);
	map_new(fault, frame_to_phys(page), writable ? PTE_WRITE | PTE_DIRTY : 0);
	if (!(fault->vma->flags & VMA_SHARED))
		map_around(fault);
	return cached ? FAULT_FILE_MAPPED : FAULT_FILE_READ;
}

static enum fault_result copy_file_page(struct fault *fault, struct frame *page)
{
	struct frame *frame;

	if (must_prepare(fault, page)) {
		frame_put(page);
		return AGAIN;
	}
	frame = new_anon_frame(fault, page);
	if (frame) {
		fault->mm->anon_resident++;
		map_new(fault, frame_to_phys(frame), PTE_WRITE | PTE_DIRTY);
	}
	frame_put(page);
	return frame ? FAULT_FILE_COPIED : FAULT_NO_MEMORY;
}

static __attribute__((noinline)) enum fault_result map_device_page(struct fault *fault,
								   bool private)
{
	struct frame *page = device_memory_page(fault->vma->object, page_index_of(fault));

	if (!page)
		return FAULT_BEYOND_END;
	if (private && !anon_prepare(fault->vma)) {
		frame_put(page);
		return FAULT_NO_MEMORY;
	}
	if (private)
		return copy_file_page(fault, page);
	map_new(fault, frame_to_phys(page),
		fault->access == ACCESS_WRITE ? PTE_WRITE | PTE_DIRTY : 0);
	return FAULT_FILE_MAPPED;
}

static inline bool was_brought(const struct fault *fault, uint64_t index)
{
	const struct prepared *prepared = fault->prepared;

	return prepared && prepared->object == fault->vma->object && prepared->index == index;
}

// The page, where the lock is not to be held while it is brought. -EAGAIN: it has to be.
static __attribute__((noinline)) int find_prepared(struct fault *fault, struct frame **page,
						   bool *cached)
{
	struct object *object = fault->vma->object;
	uint64_t index = page_index_of(fault);
	struct frame *there = object_cached_page(object, index);
	bool brought = was_brought(fault, index);
	int error;

	if (!there && !fault->prepared) {
		fault->object = object_get(object);
		fault->index = index;
		fault->source = NULL;
		return -EAGAIN;
	}
	if (!there && brought && fault->prepared->error)
		return fault->prepared->error;
	// Where it was taken away again it is brought under the lock: rare enough.
	error = object_page(object, index, page, cached);
	*cached &= !brought;
	if (there)
		frame_put(there);
	return error;
}

static enum fault_result result_of(int error)
{
	switch (error) {
	case -EAGAIN:
		return AGAIN;
	case -ENOMEM:
		return FAULT_NO_MEMORY;
	case -ENXIO:
		return FAULT_BEYOND_END;
	default:
		return FAULT_IO_ERROR;
	}
}

enum fault_result fault_object(struct fault *fault)
{
	bool cached, private = fault->access == ACCESS_WRITE && !(fault->vma->flags & VMA_SHARED);
	struct frame *page;
	int error;

	if (__builtin_expect(fault->vma->flags & VMA_DEVICE, 0))
		return map_device_page(fault, private);
	// Before the page is known to exist, as on Linux: which VMAs can be joined depends on it.
	if (private && !anon_prepare(fault->vma))
		return FAULT_NO_MEMORY;
	if (__builtin_expect(!is_busy(fault->mm) && !fault->prepared, 1))
		error = object_page(fault->vma->object, page_index_of(fault), &page, &cached);
	else
		error = find_prepared(fault, &page, &cached);
	if (error)
		return result_of(error);
	if (private)
		return copy_file_page(fault, page);
	return map_file_page(fault, page, cached);
}

void fault_prepare(const struct fault *first, struct prepared *prepared)
{
	struct frame *page;
	bool cached;

	prepared->source = first->source;
	prepared->object = first->object;
	prepared->index = first->index;
	if (first->object) {
		prepared->error = object_page(first->object, first->index, &page, &cached);
		prepared->page = prepared->error ? NULL : page;
		return;
	}
	prepared->frame = frame_alloc(0, FRAME_ANON);
	prepared->failed = !prepared->frame;
	if (prepared->frame)
		fill_page(prepared->frame, prepared->source);
}

void fault_release(const struct prepared *prepared)
{
	if (prepared->frame)
		frame_put(prepared->frame);
	if (prepared->source)
		frame_put(prepared->source);
	if (prepared->page)
		frame_put(prepared->page);
	if (prepared->object)
		object_put(prepared->object);
}
