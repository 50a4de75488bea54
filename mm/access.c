// SPDX-License-Identifier: MIT
//
// Reaching into an address space that need not be the one that this CPU translates through: exec
// writes arguments into a space it has not entered yet, /proc reads another process's. Pages are
// faulted in as the program's own access would, then reached through the direct map.

#include "lib/string.h"
#include "mm/commit.h"
#include "mm/page_entry.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

// The frame behind a user address, with a reference, after an access of that kind; NULL when the
// access does not resolve.
static struct frame *reach(struct mm *mm, uintptr_t address, enum fault_access access)
{
	// A second try suffices unless somebody takes the page away again just then.
	for (int tries = 0; tries < 3; tries++) {
		pte_t wanted = access == ACCESS_WRITE ? PTE_PRESENT | PTE_WRITE : PTE_PRESENT;
		struct frame *frame = NULL;
		pte_t *slot;

		if (address >= USER_END)
			return NULL;
		spin_lock(&mm->lock);
		slot = page_slot_find(mm, address);
		if (slot && (*slot & wanted) == wanted) {
			frame = entry_frame(*slot);
			frame_get(frame);
		}
		spin_unlock(&mm->lock);
		if (frame)
			return frame;
		if (mm_fault(mm, address, access) > FAULT_LAST_RESOLVED)
			return NULL;
	}
	return NULL;
}

enum direction { COPY_OUT, COPY_IN, ZERO_OUT };

static size_t transfer(struct mm *mm, uintptr_t user, char *kernel, size_t count,
		       enum direction direction)
{
	size_t done = 0;

	while (done < count) {
		size_t within = (user + done) & ~PAGE_MASK, part = PAGE_SIZE - within;
		struct frame *frame;
		char *page;

		frame = reach(mm, user + done, direction == COPY_IN ? ACCESS_READ : ACCESS_WRITE);
		if (!frame)
			break;
		if (part > count - done)
			part = count - done;
		page = (char *)frame_to_virt(frame) + within;
		if (direction == COPY_OUT)
			memcpy(page, kernel + done, part);
		else if (direction == COPY_IN)
			memcpy(kernel + done, page, part);
		else
			memset(page, 0, part);
		frame_put(frame);
		done += part;
	}
	return done;
}

size_t mm_copy_out(struct mm *mm, uintptr_t to, const void *from, size_t count)
{
	return transfer(mm, to, (char *)from, count, COPY_OUT);
}

size_t mm_copy_in(struct mm *mm, void *to, uintptr_t from, size_t count)
{
	return transfer(mm, from, to, count, COPY_IN);
}

size_t mm_zero_out(struct mm *mm, uintptr_t to, size_t count)
{
	return transfer(mm, to, NULL, count, ZERO_OUT);
}

int mm_map_stack(struct mm *mm, uintptr_t top, size_t size, bool executable)
{
	uint32_t flags = VMA_READ | VMA_WRITE | VMA_MAY_WRITE | VMA_GROWS_DOWN | VMA_ACCOUNT;
	uint64_t pages = PAGE_ALIGN_UP(size) >> PAGE_SHIFT;
	uintptr_t start = top - PAGE_ALIGN_UP(size);
	struct vma *above;
	int error = -ENOMEM;

	if (executable)
		flags |= VMA_EXEC;
	spin_lock(&mm->lock);
	if (vma_range_free(mm, start, top, &above) && !commit_charge(mm, pages)) {
		error = mm_add_anonymous(mm, start, top, flags, above);
		commit_release(error ? pages : 0);
	}
	if (!error)
		mm->stack_top = top;
	spin_unlock(&mm->lock);
	return error;
}

struct vma *mm_find_vma(struct mm *mm, uintptr_t address)
{
	return vma_find(mm, address);
}

struct vma *mm_next_vma(const struct vma *vma)
{
	return vma_next(vma);
}
