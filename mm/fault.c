// SPDX-License-Identifier: MIT
//
// The page-fault handler: from an address and an access to one changed entry, or to the reason
// why not. It knows no signals; kernel/ makes those of the reason.
//
// Runs under mm->lock. It is not held while a file's page is brought into the page cache, and,
// where several CPUs run the address space, while a page is cleared or copied: the fault gives it
// up for that and decides anew.

#include "lib/mutant.h"
#include "mm/commit.h"
#include "mm/fault_internal.h"
#include "mm/machine.h"
#include "mm/trace.h"
#include "mm/trace_memory.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include <linux/errno.h>

static uint64_t result_counts[FAULT_RESULT_COUNT]; // atomic

// Puts the frame at `page` in the place of `old`; every CPU forgets that before it is let go.
static inline void map_instead(struct fault *fault, phys_t page, struct frame *old)
{
	pte_t entry = page | page_protection(fault->vma->flags) | PTE_WRITE | PTE_DIRTY;

	*fault->slot = entry;
	if (!MUTANT(copy_without_flush))
		machine_flush_range(fault->mm, fault->address, fault->address + PAGE_SIZE);
	frame_put(old);
}

static inline __attribute__((always_inline)) enum fault_result demand_zero(struct fault *fault)
{
	struct frame *frame;

	if (fault->access != ACCESS_WRITE) {
		frame_get(zero_frame);
		map_new(fault, frame_to_phys(zero_frame),
			MUTANT(zero_frame_writable) ? PTE_WRITE : 0);
		return FAULT_ZERO_FRAME;
	}
	if (must_prepare(fault, NULL))
		return AGAIN;
	frame = new_anon_frame(fault, NULL);
	if (!frame)
		return FAULT_NO_MEMORY;
	fault->mm->anon_resident++;
	map_new(fault, frame_to_phys(frame), PTE_WRITE | PTE_DIRTY);
	return FAULT_DEMAND_ZERO;
}

static inline __attribute__((always_inline)) enum fault_result replace_zero(struct fault *fault)
{
	struct frame *frame;

	if (must_prepare(fault, NULL))
		return AGAIN;
	frame = new_anon_frame(fault, NULL);
	if (!frame)
		return FAULT_NO_MEMORY;
	fault->mm->anon_resident++;
	map_instead(fault, frame_to_phys(frame), zero_frame);
	return FAULT_ZERO_REPLACED;
}

static inline __attribute__((always_inline)) enum fault_result copy(struct fault *fault,
								    struct frame *shared)
{
	struct frame *frame;

	if (must_prepare(fault, shared))
		return AGAIN;
	frame = new_anon_frame(fault, shared);
	if (!frame)
		return FAULT_NO_MEMORY;
	if (shared->kind != FRAME_ANON && !MUTANT(file_copy_not_counted)) {
		fault->mm->file_resident -= shared->kind == FRAME_FILE;
		fault->mm->anon_resident++;
	}
	map_instead(fault, frame_to_phys(frame), shared);
	return FAULT_COPIED;
}

static inline bool held_by_others(const struct fault *fault, const struct frame *frame)
{
	uint32_t own = 1 + (fault->prepared && frame == fault->prepared->source);

	return __atomic_load_n(&frame->references, __ATOMIC_ACQUIRE) > own;
}

// A write to a page that is there but not writable. The order of the questions:
//
//   VMA shared?        the object's own page: write permission
//   frame of zeros?    a new frame of zeros
//   frame a file's?    a private copy: the file must not change
//   others hold it?    a copy: they must not see the write
//   else               the last owner: write permission back, nothing to copy
static inline __attribute__((always_inline)) enum fault_result
write_to_present(struct fault *fault)
{
	struct frame *frame = entry_frame(*fault->slot);
	bool shared_vma = fault->vma->flags & VMA_SHARED;

	if (!shared_vma) {
		if (frame == zero_frame)
			return replace_zero(fault);
		if (frame->kind != FRAME_ANON)
			return copy(fault, frame);
		if (held_by_others(fault, frame) && !MUTANT(cow_always_reuses))
			return copy(fault, frame);
	} else if (frame->kind == FRAME_FILE) {
		object_write_mapped(fault->vma->object, frame);
	}
	*fault->slot = (*fault->slot & ~PTE_TRACKED) | PTE_WRITE | PTE_DIRTY;
	return FAULT_REUSED;
}

// Reading is allowed wherever anything is: x86 has no memory that can be written or executed but
// not read.
static bool access_allowed(const struct vma *vma, enum fault_access access)
{
	if (access == ACCESS_READ)
		return vma->flags & VMA_PROTECTION;
	return vma->flags & access;
}

// An instruction fetch. As on Linux, what may be read but not executed is brought in before that
// is noticed: beyond a file's end there is SIGBUS, not SIGSEGV.
static __attribute__((noinline)) bool fetch_as_read(struct fault *fault)
{
	pte_t *slot = page_slot_find(fault->mm, fault->address);

	if (!access_allowed(fault->vma, ACCESS_READ) || (slot && *slot))
		return false;
	fault->access = ACCESS_READ;
	return true;
}

// How far down a stack may reach. What can not be accessed is a guard itself, and what grows down
// grows away: neither needs a gap above. Above `address` it is exact.
static uintptr_t stack_floor(const struct vma *stack, uintptr_t address)
{
	uintptr_t end = stack->start - stack->gap; // of what lies below
	struct vma *below;

	if (address >= end + STACK_GUARD_GAP && address >= mmap_min_address)
		return address;
	below = vma_prev(stack);
	if (!below)
		return mmap_min_address;
	if ((below->flags & VMA_PROTECTION) && !(below->flags & VMA_GROWS_DOWN) &&
	    !MUTANT(stack_ignores_gap))
		return below->end + STACK_GUARD_GAP;
	return below->end > mmap_min_address ? below->end : mmap_min_address;
}

// Extends a stack down to the page of `address`.
static __attribute__((noinline)) enum fault_result grow_stack(struct mm *mm, struct vma *vma,
							      uintptr_t address)
{
	uint64_t grown = (vma->start - address) >> PAGE_SHIFT;
	const struct memory_limits *limits = machine_limits();
	uint64_t size = vma->end - address, limit = limits->stack;
	bool too_large = size > limit && size - limit > STACK_GUARD_GAP;

	// Far below, it was no stack that was meant: an overflow steps on what lies next. As on
	// Linux the reverse map is there before the limits are looked at, and stays.
	if (address < stack_floor(vma, address))
		return too_large ? FAULT_NO_MAPPING : FAULT_STACK_LIMIT;
	if (!anon_prepare(vma))
		return FAULT_NO_MEMORY;
	if (size > limit)
		return too_large ? FAULT_NO_MAPPING : FAULT_STACK_LIMIT;
	if (!mm_fits(mm, limits, grown, vma->flags) || !mm_may_lock(mm, grown, vma->flags))
		return FAULT_STACK_LIMIT;
	// Asked for also where nothing is promised: what may not be accessed could grow anywhere.
	if (commit_charge(mm, grown))
		return FAULT_STACK_LIMIT;
	if (!(vma->flags & VMA_ACCOUNT))
		commit_release(grown);
	vma_move_start(mm, vma, address);
	return FAULT_STACK_GROWN;
}

// The whole decision:
//
//   no VMA, none above that grows down   no mapping
//   below a stack                        grow it, within its limit and guard gap, and go on;
//                                        far below: no mapping
//   the VMA forbids the access           protection
//   no entry     anonymous               read: the frame of zeros; write: a new one
//                file                    its page; a private copy if written
//   entry        access is in it         spurious: stale translation, or mended meanwhile
//                write to read-only      copy, or write permission back
static inline __attribute__((always_inline)) enum fault_result decide(struct fault *fault)
{
	enum fault_result growth = FAULT_SPURIOUS, result;
	struct vma *vma = vma_find(fault->mm, fault->address);

	if (!vma)
		return FAULT_NO_MAPPING;
	if (__builtin_expect(fault->address < vma->start, 0)) {
		if (!(vma->flags & VMA_GROWS_DOWN))
			return FAULT_NO_MAPPING;
		growth = grow_stack(fault->mm, vma, fault->address);
		if (growth != FAULT_STACK_GROWN)
			return growth;
	}
	fault->vma = vma;
	if (__builtin_expect(!access_allowed(vma, fault->access), 0) &&
	    (fault->access != ACCESS_EXECUTE || !fetch_as_read(fault)))
		return FAULT_PROTECTION;
	vma->touched = true;
	fault->slot = page_slot_make(fault->mm, fault->address);
	if (!fault->slot)
		result = FAULT_NO_MEMORY;
	else if (!*fault->slot)
		result = vma->object ? fault_object(fault) : demand_zero(fault);
	else if (fault->access != ACCESS_WRITE || (*fault->slot & PTE_WRITE))
		return FAULT_SPURIOUS;
	else
		result = write_to_present(fault);
	if (result <= FAULT_LAST_RESOLVED)
		return growth == FAULT_STACK_GROWN ? growth : result;
	if (result == AGAIN) {
		fault->grown = growth == FAULT_STACK_GROWN;
		return result;
	}
	if (!fault->slot || !*fault->slot)
		page_prune(fault->mm, fault->address);
	return result;
}

static inline void count(struct mm *mm, enum fault_result result)
{
	if (result == FAULT_FILE_READ)
		mm->major_faults++;
	else if (result <= FAULT_LAST_RESOLVED)
		mm->minor_faults++;
}

// Decides again with what the first try lacked: meanwhile anything may have changed.
static __attribute__((noinline)) enum fault_result handle_prepared(const struct fault *first)
{
	struct prepared prepared = {0};
	struct fault fault = {.mm = first->mm, .address = first->address, .access = first->access};
	enum fault_result result;

	fault.prepared = &prepared;
	fault_prepare(first, &prepared);
	spin_lock(&fault.mm->lock);
	result = decide(&fault);
	if (first->grown && result <= FAULT_LAST_RESOLVED)
		result = FAULT_STACK_GROWN;
	count(fault.mm, result);
	spin_unlock(&fault.mm->lock);
	fault_release(&prepared);
	return result;
}

static __attribute__((noinline)) enum fault_result handle(struct mm *mm, uintptr_t address,
							  enum fault_access access)
{
	enum fault_result result = FAULT_NO_MAPPING;

	if (address < USER_END) {
		struct fault fault;

		fault.mm = mm;
		fault.address = PAGE_ALIGN_DOWN(address);
		fault.access = access;
		fault.prepared = NULL;
		spin_lock(&mm->lock);
		result = decide(&fault);
		count(mm, result);
		spin_unlock(&mm->lock);
		if (__builtin_expect(result == AGAIN, 0))
			result = handle_prepared(&fault);
	}
	__atomic_add_fetch(&result_counts[result], 1, __ATOMIC_RELAXED);
	return result;
}

enum fault_result mm_fault(struct mm *mm, uintptr_t address, enum fault_access access)
{
	if (trace_wants(TRACE_FAULT))
		return trace_fault(mm, address, access, handle);
	return handle(mm, address, access);
}

uint64_t fault_result_count(enum fault_result result)
{
	return __atomic_load_n(&result_counts[result], __ATOMIC_RELAXED);
}
