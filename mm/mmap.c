// SPDX-License-Identifier: MIT
//
// mmap and munmap: results and errors as Linux has them (mmap(2), and the order of the
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

#define TABLE_SPAN (PAGE_SIZE * TABLE_ENTRIES)
#define MAX_ERRNO  4095 // of Linux: what is above -MAX_ERRNO is no address

// A mapping that is being asked for.
struct request {
	uintptr_t start, end;
	uint32_t flags; // VMA_*
	struct object *object;
	uint64_t page_offset;
	int refusal;       // what the file says to it: 0 or -errno
	bool of_file;      // with an object or, of /dev/zero, without one
	bool anywhere;     // no hint
	bool free;         // nothing is mapped there
	struct vma *above; // the VMA above it, if it is free
};

// Private memory of whole 2 MiB begins at a multiple of it, as on Linux since 6.7, where huge
// pages could then be had.
uintptr_t mm_find_aligned_hole(struct mm *mm, uint64_t length, struct vma **above)
{
	uintptr_t place;

	if (length + TABLE_SPAN < length)
		return 0;
	place = vma_find_hole(mm, length + TABLE_SPAN, mm->mmap_top, above);
	if (!place)
		return 0;
	place = (place & ~(TABLE_SPAN - 1)) + TABLE_SPAN;
	*above = vma_find(mm, place);
	return place;
}

static int find_room(struct mm *mm, struct request *request, uint64_t length)
{
	request->free = true;
	if (!(length % TABLE_SPAN) && request->anywhere && !request->of_file &&
	    !(request->flags & VMA_SHARED)) {
		request->start = mm_find_aligned_hole(mm, length, &request->above);
		if (request->start)
			return 0;
	}
	request->start = vma_find_hole(mm, length, mm->mmap_top, &request->above);
	if (!request->start)
		request->start = vma_find_hole(mm, length, USER_END, &request->above);
	return request->start ? 0 : -ENOMEM;
}

#define LOW_START 0x40000000ul // where MAP_32BIT puts mappings, the lowest first
#define LOW_END   0x80000000ul

// What is below some address has a hole or not: the lowest hole is found by halving.
static int find_low_room(struct mm *mm, struct request *request, uint64_t length)
{
	uintptr_t low = LOW_START + length, high = LOW_END;

	request->free = true;
	while (low < high) {
		uintptr_t middle = PAGE_ALIGN_DOWN((low + high) / 2);

		if (vma_find_hole(mm, length, middle, &request->above) >= LOW_START)
			high = middle;
		else
			low = middle + PAGE_SIZE;
	}
	request->start = vma_find_hole(mm, length, high, &request->above);
	return request->start >= LOW_START ? 0 : -ENOMEM;
}

static int hint_or_hole(struct mm *mm, struct request *request, uintptr_t hint, uint64_t length,
			bool low)
{
	uintptr_t end = low ? LOW_END : USER_END;

	hint = PAGE_ALIGN_DOWN(hint);
	request->anywhere = !hint;
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
	if (address >= (uintptr_t)-MAX_ERRNO)
		return (int)address; // Linux takes such an address for the error of that number
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

// Removes what is mapped at the place, unless it is known to be free. That can have been the last
// mapping of an object that then has none any more.
static int make_room(struct mm *mm, struct request *request)
{
	struct object *object = request->object;
	int error;

	if (request->free)
		return 0;
	error = unmap_range(mm, request->start, request->end);
	request->above = vma_find(mm, request->start);
	if (!error && object && object->ops->mappable && !object->ops->mappable(object))
		return -EINVAL;
	return error;
}

static void cut(struct mm *mm, uintptr_t at)
{
	struct vma *vma = vma_find(mm, at), *upper;

	if (vma && vma->start < at)
		vma_split(mm, vma, at, &upper); // or it stays whole, which nobody depends on
}

// Refused for want of memory or by a limit. Linux has by then cut what is there at both ends of
// the place, and leaves it so.
static long refuse(struct mm *mm, const struct request *request)
{
	if (!request->free) {
		cut(mm, request->start);
		cut(mm, request->end);
	}
	return -ENOMEM;
}

// Whether the limits allow it, in the place of what is there.
static bool fits(struct mm *mm, const struct request *request, uint64_t pages)
{
	return mm_may_expand(mm, pages, request->flags) ||
	       mm_may_expand(mm, pages - pages_mapped(mm, request->start, request->end, 0),
			     request->flags);
}

// Room first: MAP_FIXED replaces what is there, and only what goes beyond that must be allowed.
static long map_at(struct mm *mm, struct request *request)
{
	uintptr_t start = request->start, end = request->end;
	uint64_t pages = (end - start) >> PAGE_SHIFT, charged = 0;
	int error;

	if (!fits(mm, request, pages))
		return refuse(mm, request);
	if (vma_is_accountable(request->flags)) {
		if (charge_replacing(mm, start, end))
			return refuse(mm, request);
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
	uint64_t pages = (request->end - request->start) >> PAGE_SHIFT;
	long result;

	if (!fits(mm, request, pages))
		return refuse(mm, request);
	request->object = shared_object_create(mm, request->end - request->start,
					       !(request->flags & VMA_NO_RESERVE));
	if (!request->object) {
		// Nor does Linux bring back what was there when it gets as far as this.
		make_room(mm, request);
		return -ENOMEM;
	}
	// Of /dev/zero, Linux keeps the offset: what is beyond the size then is no memory.
	if (!request->of_file)
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

// Whether a shared mapping may be of that type, with that protection: 0 or -errno.
static int check_shared(const struct request *request, int flags)
{
	bool validate = (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;

	if ((flags & MAP_TYPE) != MAP_SHARED && !(validate && request->of_file))
		return -EINVAL;
	if (validate && (flags & ~OLD_FLAGS))
		return -EOPNOTSUPP;
	if ((request->flags & VMA_WRITE) && !(request->flags & VMA_MAY_WRITE))
		return -EACCES;
	return 0;
}

// Whether a mapping may be of that type, and what its file says to it: 0 or -errno. A file's seals
// (-EPERM, where there is an object) come last.
static int check_type(const struct request *request, int flags)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	int error = shared ? check_shared(request, flags) : 0;

	if (error)
		return error;
	if (request->refusal && (request->refusal != -EPERM || !request->object))
		return request->refusal;
	if ((shared || request->of_file) && (flags & MAP_GROWSDOWN))
		return -EINVAL;
	return request->refusal;
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
	// Beyond what a file can be long; a directory's offset has only to be one.
	if (request->of_file &&
	    request->page_offset > ((object ? INT64_MAX : UINT64_MAX) - length) >> PAGE_SHIFT)
		return -EOVERFLOW;
	error = check_type(request, flags);
	if (error)
		return error;
	if (object && object->device)
		return map_device(mm, request);
	if ((flags & MAP_TYPE) != MAP_PRIVATE && !object)
		return map_shared_anonymous(mm, request);
	return map_at(mm, request);
}

long mm_mmap_file(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
		  const struct mapped_file *file)
{
	struct request request;
	bool populate;
	long result;

	request.free = false;
	request.object = file ? file->object : NULL;
	request.of_file = file;
	request.refusal = file ? file->refusal : 0;
	request.page_offset = file ? file->page_offset : 0;
	spin_lock(&mm->lock);
	populate = (flags & MAP_LOCKED) || mm->lock_future ||
		   (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	request.flags = vma_flags_for(prot, flags, !file || file->may_write) | mm->lock_future;
	result = map(mm, &request, address, size, flags);
	spin_unlock(&mm->lock);
	// What can not be brought in comes, or fails, when it is touched.
	if (result >= 0 && populate)
		mm_populate(mm, result, result + PAGE_ALIGN_UP(size), POPULATE_AS_ALLOWED);
	return result;
}

long mm_mmap(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
	     struct object *object, uint64_t page_offset, bool may_write)
{
	struct mapped_file file = {object, page_offset, may_write, 0};

	return mm_mmap_file(mm, address, size, prot, flags, object ? &file : NULL);
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
