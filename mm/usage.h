// SPDX-License-Identifier: MIT
//
// What the pages of a range are, counted from the page table: /proc/PID/smaps and pagemap.
#pragma once

#include "mm/frame.h"
#include "mm/mm.h"

// Pages, each once, but for the shares, where a page that n map counts 1/n: in
// units of PAGE_SIZE / USAGE_UNIT bytes. A frame of zeros counts nowhere.
#define USAGE_UNIT 4096ul
struct page_usage {
	uint64_t resident;
	uint64_t share, dirty_share, anonymous_share, memory_share;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t referenced, anonymous, memory; // `memory`: of objects, and kept (Shmem)
};

// Adds what is mapped in [start, end) to *usage, some tables at a time: mm->lock is let go in
// between.
void mm_count_usage(struct mm *mm, uintptr_t start, uintptr_t end, struct page_usage *usage);

// From now on pages that are written are told apart from those that are not: PAGEMAP_SOFT_DIRTY.
void mm_track_writes(struct mm *mm);
// Forgets that the pages of [start, end) were used: `referenced` counts those used since.
void mm_clear_referenced(struct mm *mm, uintptr_t start, uintptr_t end);
// The most that was resident is what is now.
void mm_reset_peak(struct mm *mm);

// How often a frame is mapped: Linux's mapcount.
uint64_t frame_mappings(const struct frame *frame);

// Bits of a page in /proc/PID/pagemap.
#define PAGEMAP_PRESENT    (1ul << 63)
#define PAGEMAP_FILE       (1ul << 61) // of a file or shared
#define PAGEMAP_EXCLUSIVE  (1ul << 56) // mapped here alone
#define PAGEMAP_SOFT_DIRTY (1ul << 55) // written since mm_track_writes, or the mapping is newer

// One word for each page from `start`, with its frame's number; 0: nothing is mapped.
void mm_pagemap(struct mm *mm, uintptr_t start, size_t pages, uint64_t *words);
