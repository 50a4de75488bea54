// SPDX-License-Identifier: MIT
//
// mmap, munmap and mprotect: results and errors as Linux has them (mmap(2), and the order of the
// checks where several apply).

#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/object.h"
#include "mm/populate.h"
#include "mm/shared.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/mman.h>

uint64_t mmap_min_address = MMAP_MIN_DEFAULT;

// A mapping that is being asked for.
struct request {
	uintptr_t start, end;
	uint32_t flags; // VMA_*
	struct object *object;
	uint64_t page_offset;
	bool free;         // nothing is mapped there
	struct vma *above; // the VMA above it, if it is free
};

static int find_room(struct mm *mm, struct request *request, uint64_t length)
{
	request->free = true;
	request->start = vma_find_hole(mm, length, mm->mmap_top, &request->above);
	if (!request->start)
		request->start = vma_find_hole(mm, length, USER_END, &request->above);
	return request->start ? 0 : -ENOMEM;
}

#define LOW_START 0x40000000ul // where MAP_32BIT puts mappings
#define LOW_END   0x80000000ul

static int find_low_room(struct mm *mm, struct request *request, uint64_t length)
{
	request->free = true;
	request->start = vma_find_hole(mm, length, LOW_END, &request->above);
	return request->start >= LOW_START ? 0 : -ENOMEM;
}

static int hint_or_hole(struct mm *mm, struct request *request, uintptr_t hint, uint64_t length,
			bool low)
{
	uintptr_t end = low ? LOW_END : USER_END;

	hint = PAGE_ALIGN_DOWN(hint);
	if (hint && hint < mmap_min_address)
		hint = PAGE_ALIGN_UP(mmap_min_address);
	if (length > end || !hint || hint > end - length ||
	    !vma_range_free(mm, hint, hint + length, &request->above))
		return low ? find_low_room(mm, request, length) : find_room(mm, request, length);
	request->free = true;
	request->start = hint;
	return 0;
}

// Where the mapping goes; `length` is whole pages. 0 or -errno.
static int choose_address(struct mm *mm, struct request *request, uintptr_t address,
			  uint64_t length, int flags)
{
	if (length > USER_END)
		return -ENOMEM;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return hint_or_hole(mm, request, address, length, flags & MAP_32BIT);
	if (address > USER_END - length)
		return -ENOMEM;
	if (address & ~PAGE_MASK)
		return -EINVAL;
	if (address < mmap_min_address && !machine_capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *above = vma_find(mm, address);

		if (above && above->start < address + length)
			return -EEXIST;
	}
	request->start = address;
	return 0;
}

static int add_vma(struct mm *mm, const struct request *request)
{
	struct vma *vma = vma_alloc(mm, request->start, request->end, request->flags);

	if (!vma)
		return -ENOMEM;
	vma->object = request->object ? object_get(request->object) : NULL;
	vma->page_offset = request->page_offset;
	vma_link(mm, vma, request->above);
	mm->last_found = vma; // what is mapped is touched next
	return 0;
}

// The VMA that ends where a mapping is to begin, and that it may continue; or NULL.
static struct vma *extendable(struct mm *mm, const struct request *request)
{
	struct vma *above = request->above, *below = mm->last_found;

	if (!below || below->end != request->start) {
		if (above && above->start - above->gap != request->start)
			return NULL;
		below = above ? vma_prev(above) : vma_last(mm);
	}
	return below && !(below->anon_mark & ANON_MARK_FORKED) &&
			       vma_can_extend(below, request->start, request->flags,
					      request->object, request->page_offset)
		       ? below
		       : NULL;
}

// Adds a mapping where nothing is. Continuing what ends or begins there needs no new VMA at all.
static int add_mapping(struct mm *mm, const struct request *request)
{
	struct vma *above = request->above, *below = extendable(mm, request);

	if (below) {
		below->flags &= ~(uint32_t)VMA_TRACKED;
		vma_move_end_below(mm, below, request->end, above);
		if (above && above->start == request->end)
			vma_merge_above(mm, below);
		return 0;
	}
	if (!above || above->start != request->end || (above->anon_mark & ANON_MARK_FORKED) ||
	    !vma_can_precede(above, request->start, request->flags, request->object,
			     request->page_offset))
		return add_vma(mm, request);
	above->flags &= ~(uint32_t)VMA_TRACKED;
	vma_move_start(mm, above, request->start);
	return 0;
}

int mm_add_anonymous(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags,
		     struct vma *above)
{
	struct request request;

	request.start = start;
	request.end = end;
	request.flags = flags;
	request.object = NULL;
	request.page_offset = start >> PAGE_SHIFT;
	request.above = above;
	return add_mapping(mm, &request);
}

static uint32_t vma_flags_for(int prot, int flags, bool may_write)
{
	uint32_t result = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		result |= VMA_SHARED | (may_write ? VMA_MAY_WRITE : 0);
	else
		result |= VMA_MAY_WRITE;
	if (flags & MAP_GROWSDOWN)
		result |= VMA_GROWS_DOWN;
	if (flags & MAP_LOCKED)
		result |= VMA_LOCKED;
	if ((flags & MAP_NORESERVE) && commit_settings.policy != OVERCOMMIT_NEVER)
		result |= VMA_NO_RESERVE;
	if (flags & MAP_STACK)
		result |= VMA_NO_HUGE;
	return result;
}

// How many pages of [start, end) are in VMAs with all of these flags.
static uint64_t pages_mapped(struct mm *mm, uintptr_t start, uintptr_t end, uint32_t flags)
{
	uint64_t bytes = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end; vma = vma_next(vma)) {
		if ((vma->flags & flags) == flags)
			bytes += (vma->end < end ? vma->end : end) -
				 (vma->start > start ? vma->start : start);
	}
	return bytes >> PAGE_SHIFT;
}

// Promises the pages of [start, end) to a mapping that replaces what is there. Only what goes
// beyond that must be allowed; what is there is released when it is unmapped.
static int charge_replacing(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT, replaced;

	if (!commit_charge(mm, pages))
		return 0;
	replaced = pages_mapped(mm, start, end, VMA_ACCOUNT);
	if (!replaced || commit_charge(mm, pages - replaced))
		return -ENOMEM;
	commit_add((int64_t)replaced);
	return 0;
}

// Removes what is mapped at the place, unless it is known to be free.
static int make_room(struct mm *mm, struct request *request)
{
	int error;

	if (request->free)
		return 0;
	error = unmap_range(mm, request->start, request->end);
	request->above = vma_find(mm, request->start);
	return error;
}

// Room first: MAP_FIXED replaces what is there, and only what goes beyond that must be allowed.
static long map_at(struct mm *mm, struct request *request)
{
	uintptr_t start = request->start, end = request->end;
	uint64_t pages = (end - start) >> PAGE_SHIFT, charged = 0;
	int error;

	if (!mm_may_expand(mm, pages, request->flags) &&
	    !mm_may_expand(mm, pages - pages_mapped(mm, start, end, 0), request->flags))
		return -ENOMEM;
	if (vma_is_accountable(request->flags)) {
		if (charge_replacing(mm, start, end))
			return -ENOMEM;
		charged = pages;
		request->flags |= VMA_ACCOUNT;
	}
	if (!request->object)
		request->page_offset = start >> PAGE_SHIFT;
	error = make_room(mm, request);
	if (!error)
		error = add_mapping(mm, request);
	if (!error)
		return (long)start;
	commit_release(charged);
	return error;
}

static long map_shared_anonymous(struct mm *mm, struct request *request)
{
	long result;

	request->object = shared_object_create(mm, request->end - request->start,
					       !(request->flags & VMA_NO_RESERVE));
	if (!request->object)
		return -ENOMEM;
	request->page_offset = 0;
	result = map_at(mm, request);
	object_put(request->object);
	return result;
}

// Nothing of a device is ever beyond its end, and its mappings are neither locked nor joined.
static __attribute__((noinline)) long map_device(struct mm *mm, struct request *request)
{
	uint64_t pages = (request->end - request->start) >> PAGE_SHIFT;
	long result;

	if (request->page_offset + pages > request->object->size >> PAGE_SHIFT)
		return -EINVAL;
	request->flags = (request->flags & ~VMA_LOCK_MASK) | VMA_DEVICE;
	result = map_at(mm, request);
	if (result >= 0)
		vma_find(mm, (uintptr_t)result)->anon_mark |= ANON_MARK_FORKED;
	return result;
}

#define MAP_ABOVE4G_  0x80                  // asm/mman.h of Linux 6.6
#define MAP_HUGE_SIZE (21 << 26 | 30 << 26) // MAP_HUGE_2MB | MAP_HUGE_1GB

// What MAP_SHARED_VALIDATE lets pass: all that is older than it. (Not MAP_FIXED_NOREPLACE.)
#define OLD_FLAGS                                                                          \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_ABOVE4G_ | MAP_GROWSDOWN | \
	 MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |      \
	 MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_HUGE_SIZE | MAP_UNINITIALIZED)

// Whether a mapping may be of that type, with that protection: 0 or -errno.
static int check_type(int flags, uint32_t vma_flags, const struct object *object)
{
	bool validate = (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;

	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return object && (flags & MAP_GROWSDOWN) ? -EINVAL : 0;
	if ((flags & MAP_TYPE) != MAP_SHARED && !(validate && object))
		return -EINVAL;
	if (validate && (flags & ~OLD_FLAGS))
		return -EOPNOTSUPP;
	if ((vma_flags & VMA_WRITE) && !(vma_flags & VMA_MAY_WRITE))
		return -EACCES;
	return flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

// 0, -EPERM when asked for a lock that nobody may have, -EAGAIN beyond the limit.
static int check_lock(const struct mm *mm, const struct request *request, uint64_t length,
		      int flags)
{
	if ((flags & MAP_LOCKED) && !mm_lock_permitted())
		return -EPERM;
	return mm_may_lock(mm, length >> PAGE_SHIFT, request->flags) ? 0 : -EAGAIN;
}

static long map(struct mm *mm, struct request *request, uintptr_t address, size_t size, int flags)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	struct object *object = request->object;
	int error;

	if (!size)
		return -EINVAL;
	if (!length)
		return -ENOMEM;
	if (request->page_offset + (length >> PAGE_SHIFT) < request->page_offset)
		return -EOVERFLOW;
	// Not >=: one more than the limit is what Linux lets mmap reach.
	if (vma_count_left(mm) < 0)
		return -ENOMEM;
	error = choose_address(mm, request, address, length, flags);
	if (!error)
		error = check_lock(mm, request, length, flags);
	if (error)
		return error;
	request->end = request->start + length;
	if (object && request->page_offset > (INT64_MAX - length) >> PAGE_SHIFT)
		return -EOVERFLOW; // beyond what a file can be long
	error = check_type(flags, request->flags, object);
	if (error)
		return error;
	if (object && object->device)
		return map_device(mm, request);
	if ((flags & MAP_TYPE) != MAP_PRIVATE && !object)
		return map_shared_anonymous(mm, request);
	return map_at(mm, request);
}

long mm_mmap(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
	     struct object *object, uint64_t page_offset, bool may_write)
{
	struct request request;
	bool populate;
	long result;

	request.free = false;
	request.object = object;
	request.page_offset = page_offset;
	spin_lock(&mm->lock);
	populate = (flags & MAP_LOCKED) || mm->lock_future ||
		   (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	request.flags = vma_flags_for(prot, flags, may_write || !object) | mm->lock_future;
	result = map(mm, &request, address, size, flags);
	spin_unlock(&mm->lock);
	// What can not be brought in comes, or fails, when it is touched.
	if (result >= 0 && populate)
		mm_populate(mm, result, result + PAGE_ALIGN_UP(size), POPULATE_AS_ALLOWED);
	return result;
}

int mm_munmap(struct mm *mm, uintptr_t address, size_t size)
{
	uint64_t length = PAGE_ALIGN_UP(size);
	int error;

	if ((address & ~PAGE_MASK) || address > USER_END || size > USER_END - address || !length)
		return -EINVAL;
	spin_lock(&mm->lock);
	error = unmap_range(mm, address, address + length);
	spin_unlock(&mm->lock);
	return error;
}

// With VMA_ACCOUNT set when `vma` becomes writable memory of its own, and dropped when it is none
// any more: only while it has no pages, which would go on being private.
static uint32_t accounted_flags(const struct vma *vma, uint32_t flags)
{
	if (flags & VMA_WRITE)
		return vma_is_accountable(flags) ? flags | VMA_ACCOUNT : flags;
	return vma->object || vma->anon ? flags : flags & ~VMA_ACCOUNT;
}

// Changes the part of `vma` in [start, end) to `prot`, splitting off what stays as it is. *next
// is where the following VMA must begin.
static int protect_part(struct mm *mm, struct vma *vma, uintptr_t start, uintptr_t end, int prot,
			uintptr_t *next)
{
	uint32_t before = vma->flags, flags = (before & ~VMA_PROTECTION) | prot;
	uint64_t pages;
	bool touched;
	int error;

	*next = vma->end < end ? vma->end : end;
	pages = (*next - start) >> PAGE_SHIFT;
	if (flags == before)
		return 0;
	if ((prot & PROT_WRITE) && !(before & VMA_MAY_WRITE))
		return -EACCES;
	// What was no data and becomes it is held to that limit; the others it has passed already.
	if ((prot & PROT_WRITE) && !mm_may_expand(mm, pages, flags) &&
	    mm_may_expand(mm, pages, before))
		return -ENOMEM;
	flags = accounted_flags(vma, flags);
	if ((flags & ~before & VMA_ACCOUNT) && commit_charge(mm, pages))
		return -ENOMEM;
	touched = vma->touched;
	error = vma_change_flags(mm, vma, start, *next, flags);
	if (error) {
		commit_release(flags & ~before & VMA_ACCOUNT ? pages : 0);
		return error;
	}
	commit_release(before & ~flags & VMA_ACCOUNT ? pages : 0);
	if (touched)
		page_protect(mm, start, *next, before, flags);
	return 0;
}

// Private locked memory that becomes writable is the program's own at once: *at is where to go on
// when its pages, from *populate on, are there. 0 there and at the end, or -errno.
static int protect(struct mm *mm, uintptr_t *at, uintptr_t end, int prot, uintptr_t *populate)
{
	while (*at < end) {
		struct vma *vma = vma_find(mm, *at);
		bool fixed;
		int error;

		if (!vma || vma->start > *at)
			return -ENOMEM;
		fixed = (vma->flags & (VMA_WRITE | VMA_SHARED | VMA_LOCKED)) == VMA_LOCKED;
		*populate = *at;
		error = protect_part(mm, vma, *at, end, prot, at);
		if (error)
			return error;
		if (fixed && (prot & PROT_WRITE))
			return 0;
	}
	*populate = *at;
	return 0;
}

// Takes and lets go mm->lock, as pages are brought in without it.
static int protect_and_populate(struct mm *mm, uintptr_t start, uintptr_t end, int prot)
{
	uintptr_t at = start, populate;
	int error;

	for (;;) {
		error = protect(mm, &at, end, prot, &populate);
		if (error || populate == at)
			return error;
		spin_unlock(&mm->lock);
		mm_populate(mm, populate, at, POPULATE_AS_ALLOWED);
		spin_lock(&mm->lock);
	}
}

// With PROT_GROWSDOWN the change begins where the stack does. Nothing here grows up.
static int widen(struct mm *mm, uintptr_t *start, uintptr_t end, int prot)
{
	struct vma *vma;

	if (!(prot & (PROT_GROWSDOWN | PROT_GROWSUP)))
		return 0;
	vma = vma_find(mm, *start);
	if (!vma || vma->start >= (prot & PROT_GROWSDOWN ? end : *start + 1))
		return -ENOMEM;
	if ((prot & PROT_GROWSUP) || !(vma->flags & VMA_GROWS_DOWN))
		return -EINVAL;
	*start = vma->start;
	return 0;
}

int mm_mprotect(struct mm *mm, uintptr_t address, size_t size, int prot)
{
	const int protection = PROT_READ | PROT_WRITE | PROT_EXEC;
	const int growth = PROT_GROWSDOWN | PROT_GROWSUP;
	uintptr_t start = address, end = address + PAGE_ALIGN_UP(size);
	int error;

	if ((address & ~PAGE_MASK) || (prot & growth) == growth)
		return -EINVAL;
	if (!size)
		return 0;
	if (end <= address)
		return -ENOMEM;
	if (prot & ~(protection | PROT_SEM | growth))
		return -EINVAL;
	spin_lock(&mm->lock);
	error = widen(mm, &start, end, prot);
	if (!error)
		error = protect_and_populate(mm, start, end, prot & protection);
	spin_unlock(&mm->lock);
	return error;
}
