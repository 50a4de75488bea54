// SPDX-License-Identifier: MIT
//
// What the files of the page-fault handler share: a fault on its way, and a page of private memory
// for it. Nobody else includes it.
#pragma once

#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/anon.h"
#include "mm/mm.h"
#include "mm/object.h"
#include "mm/page_entry.h"

// Everything about one fault that its steps hand on.
struct fault {
	struct mm *mm;
	struct vma *vma;
	uintptr_t address; // of the page
	enum fault_access access;
	pte_t *slot;
	struct prepared *prepared; // NULL: this is the first try
	// With AGAIN:
	struct object *object; // whose page `index` is to be in the page cache, held; NULL: none's
	uint64_t index;
	struct frame *source; // what to prepare a copy of, held; NULL: zeros
	bool grown;           // a stack has been extended
};

// What was made ready between two tries, without the lock.
struct prepared {
	struct frame *frame;   // NULL: there was none, or it has been used
	struct frame *source;  // what it is a copy of, held; NULL: zeros
	bool failed;           // there was no memory: that is the answer if any is needed
	struct object *object; // whose page `index` was brought, held; NULL: none's
	uint64_t index;
	struct frame *page; // that page, held
	int error;          // why there is none
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

	page_slot_fill(fault->slot, entry & ~(MUTANT(data_executable) ? PTE_NX : 0));
}

static inline void fill_page(struct frame *frame, struct frame *source)
{
	if (source)
		page_copy(frame_to_virt(frame), frame_to_virt(source));
	else if (!MUTANT(fault_page_not_zeroed))
		page_clear(frame_to_virt(frame));
}

// Whether other CPUs may be waiting for the lock.
static inline bool is_busy(const struct mm *mm)
{
	uint64_t cpus = __atomic_load_n(&mm->cpus, __ATOMIC_RELAXED);

	return cpus & (cpus - 1);
}

// Whether a page is better filled before the lock is taken. Once, as what was prepared may turn
// out not to be what is needed.
static inline bool must_prepare(struct fault *fault, struct frame *source)
{
	if (fault->prepared || __builtin_expect(!is_busy(fault->mm), 1))
		return false;
	fault->object = NULL;
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

// mm/fault_object.c. Nothing is mapped at the fault's address, and its VMA has an object.
enum fault_result fault_object(struct fault *fault);
// What has to be there for the next try, without locks.
void fault_prepare(const struct fault *first, struct prepared *prepared);
// Lets go what was not needed, and what was held so that it stays what it is.
void fault_release(const struct prepared *prepared);
