// SPDX-License-Identifier: MIT
//
// The page-fault handler: from an address and an access to one changed entry, or to the reason
// why not. It knows no signals; kernel/ makes those of the reason.
//
// Runs under mm->lock. Where several CPUs run the address space it is not held while a page is
// cleared or copied: the fault gives it up for that and decides anew. A file's page is read in
// under it too: an object whose pages come from a slow device needs that lock to be one that
// sleeps.

#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/trace.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include <linux/errno.h>

static uint64_t result_counts[FAULT_RESULT_COUNT]; // atomic

// Everything about one fault that its steps hand on.
struct fault {
	struct mm *mm;
	struct vma *vma;
	uintptr_t address; // of the page
	enum fault_access access;
	pte_t *slot;
	struct prepared *prepared; // NULL: this is the first try
	// With AGAIN:
	struct frame *source; // what to prepare a copy of, held; NULL: zeros
	bool grown;           // a stack has been extended
};

// What was made ready between two tries, without the lock.
struct prepared {
	struct frame *frame;  // NULL: there was none, or it has been used
	struct frame *source; // what it is a copy of, held; NULL: zeros
	bool failed;          // there was no memory: that is the answer if any is needed
};

// What a step answers that needs a page filled first, without the lock.
#define AGAIN FAULT_RESULT_COUNT

static inline uint64_t page_index_of(const struct fault *fault)
{
	return fault->vma->page_offset + ((fault->address - fault->vma->start) >> PAGE_SHIFT);
}

// Puts the frame at `page` where nothing was mapped. The caller's reference becomes the mapping's.
static inline void map_new(struct fault *fault, phys_t page, pte_t extra_bits)
{
	pte_t entry = page | page_protection(fault->vma->flags) | extra_bits;

	page_slot_fill(fault->slot, entry);
	trace(TRACE_FAULT_FRAME, fault->address, entry, 0, page >> PAGE_SHIFT);
}

// Puts the frame at `page` in the place of `old`; every CPU forgets that before it is let go.
static inline void map_instead(struct fault *fault, phys_t page, struct frame *old)
{
	pte_t before = *fault->slot;
	pte_t entry = page | page_protection(fault->vma->flags) | PTE_WRITE | PTE_DIRTY;

	*fault->slot = entry;
	if (!MUTANT(copy_without_flush))
		machine_flush_range(fault->mm, fault->address, fault->address + PAGE_SIZE);
	frame_put(old);
	trace(TRACE_FAULT_FRAME, fault->address, entry, before, page >> PAGE_SHIFT);
}

static inline void fill_page(struct frame *frame, struct frame *source)
{
	if (source)
		page_copy(frame_to_virt(frame), frame_to_virt(source));
	else if (!MUTANT(fault_page_not_zeroed))
		page_clear(frame_to_virt(frame));
}

// Whether a page is better filled before the lock is taken: other CPUs may be waiting for it.
// Once, as what was prepared may turn out not to be what is needed.
static inline bool must_prepare(struct fault *fault, struct frame *source)
{
	uint64_t cpus = __atomic_load_n(&fault->mm->cpus, __ATOMIC_RELAXED);

	if (fault->prepared || __builtin_expect(!(cpus & (cpus - 1)), 1))
		return false;
	fault->source = source;
	if (source)
		frame_get(source);
	return true;
}

// The frame filled without the lock, if it holds what is needed.
static inline struct frame *take_ready(struct fault *fault, struct frame *source)
{
	struct prepared *prepared = fault->prepared;
	struct frame *frame;

	if (!prepared || prepared->source != source)
		return NULL;
	frame = prepared->frame;
	prepared->frame = NULL;
	return frame;
}

// A frame of private memory of this VMA: a copy of `source`, or zeros when that is NULL. NULL when
// out of memory.
static inline struct frame *new_anon_frame(struct fault *fault, struct frame *source)
{
	struct frame *frame;

	if (!anon_prepare(fault->vma))
		return NULL;
	frame = take_ready(fault, source);
	if (fault->prepared && fault->prepared->failed)
		return NULL;
	if (!frame) {
		frame = frame_alloc(0, FRAME_ANON);
		if (!frame)
			return NULL;
		fill_page(frame, source);
	}
	frame->owner = fault->vma->anon;
	frame->index = page_index_of(fault);
	return frame;
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
	if (shared->kind == FRAME_FILE && !MUTANT(file_copy_not_counted)) {
		fault->mm->file_resident--;
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
		object_keep(fault->vma->object, frame);
	}
	trace(TRACE_FAULT_FRAME, fault->address, *fault->slot | PTE_WRITE | PTE_DIRTY,
	      *fault->slot, frame - frame_table);
	*fault->slot |= PTE_WRITE | PTE_DIRTY;
	return FAULT_REUSED;
}

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
		object_keep(fault->vma->object, page);
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

static __attribute__((noinline)) enum fault_result fault_object(struct fault *fault)
{
	bool cached, private = fault->access == ACCESS_WRITE && !(fault->vma->flags & VMA_SHARED);
	struct frame *page;
	int error;

	// Before the page is known to exist, as on Linux: which VMAs can be joined depends on it.
	if (private && !anon_prepare(fault->vma))
		return FAULT_NO_MEMORY;
	error = object_page(fault->vma->object, page_index_of(fault), &page, &cached);
	if (error == -ENOMEM)
		return FAULT_NO_MEMORY;
	if (error)
		return error == -ENXIO ? FAULT_BEYOND_END : FAULT_IO_ERROR;
	if (private)
		return copy_file_page(fault, page);
	return map_file_page(fault, page, cached);
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

	// Far below, it was no stack that was meant: an overflow steps on what lies next.
	if (size > limit)
		return size - limit > STACK_GUARD_GAP ? FAULT_NO_MAPPING : FAULT_STACK_LIMIT;
	if (address < stack_floor(vma, address))
		return FAULT_STACK_LIMIT;
	if (!mm_fits(mm, limits, grown, vma->flags) || !mm_may_lock(mm, grown, vma->flags))
		return FAULT_STACK_LIMIT;
	if (!anon_prepare(vma))
		return FAULT_NO_MEMORY;
	if ((vma->flags & VMA_ACCOUNT) && commit_charge(mm, grown))
		return FAULT_STACK_LIMIT;
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

// Fills a page without the lock and decides again: meanwhile anything may have changed. Called and
// returns with the lock held.
static __attribute__((noinline)) enum fault_result prepare_and_decide(const struct fault *first)
{
	struct prepared prepared = {.source = first->source};
	struct fault fault = {first->mm, NULL, first->address, first->access,
			      .prepared = &prepared};
	enum fault_result result;

	spin_unlock(&fault.mm->lock);
	prepared.frame = frame_alloc(0, FRAME_ANON);
	prepared.failed = !prepared.frame;
	if (prepared.frame)
		fill_page(prepared.frame, prepared.source);
	spin_lock(&fault.mm->lock);
	result = decide(&fault);
	if (prepared.frame)
		frame_put(prepared.frame);
	if (prepared.source)
		frame_put(prepared.source);
	return first->grown && result <= FAULT_LAST_RESOLVED ? FAULT_STACK_GROWN : result;
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
		if (__builtin_expect(result == AGAIN, 0))
			result = prepare_and_decide(&fault);
		if (result == FAULT_FILE_READ)
			mm->major_faults++;
		else if (result <= FAULT_LAST_RESOLVED)
			mm->minor_faults++;
		spin_unlock(&mm->lock);
	}
	__atomic_add_fetch(&result_counts[result], 1, __ATOMIC_RELAXED);
	return result;
}

enum fault_result mm_fault(struct mm *mm, uintptr_t address, enum fault_access access)
{
	enum fault_result result;
	uint64_t began;

	if (__builtin_expect(!trace_enabled, 1))
		return handle(mm, address, access);
	began = machine_time();
	result = handle(mm, address, access);
	trace(TRACE_FAULT, address, access, result, machine_time() - began);
	return result;
}

uint64_t fault_result_count(enum fault_result result)
{
	return __atomic_load_n(&result_counts[result], __ATOMIC_RELAXED);
}
