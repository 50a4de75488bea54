// SPDX-License-Identifier: MIT
//
// An address space: a page table, the VMAs, the heap's brk, the counters. What a process's system
// calls and faults ask of memory is asked through this header.
//
// Locks, outermost first: mm->lock, object->lock, anon->lock, cache->lock, the allocator's zone
// lock. mm->lock is taken by the functions below unless one says that its caller holds it.
#pragma once

#include "lib/avl.h"
#include "lib/list.h"
#include "lib/memory_words.h"
#include "lib/spinlock.h"
#include "mm/layout.h"
#include "mm/vma.h"
#include <stdbool.h>
#include <stddef.h>

// RLIM_INFINITY's value: no limit.
#define MM_NO_LIMIT (~0ul)

// Where exec has put the parts of a program, for /proc alone. Constant, and one for a space and
// all its copies.
struct mm_layout {
	uint32_t references;            // spaces; atomic
	uintptr_t code_start, code_end; // of the program's own segments, as Linux has it
	uintptr_t data_start, data_end;
	uintptr_t stack_pointer;                // at its start
	uintptr_t argument_start, argument_end; // argv's strings
	uintptr_t environment_start, environment_end;
	uintptr_t auxiliary_start, auxiliary_end; // the auxiliary vector
};

#define NO_LEAF_SPAN (~0ul)

struct mm {
	uint32_t users;          // tasks that run in it and temporary holders; atomic
	uint64_t cpus;           // bit n: CPU n translates through it; 0 on one CPU; atomic
	uint64_t context;        // the machine's: a number that no other has or had; atomic
	uint64_t flushes;        // the machine's: changes of its translations; atomic
	phys_t root;             // physical address of the top-level table; constant
	struct spinlock lock;    // guards everything below
	uintptr_t leaf_span;     // which 2 MiB `leaf_table` covers: address >> 21, or NO_LEAF_SPAN
	uint64_t *leaf_table;    // the lowest-level table that was used last
	struct avl_tree vmas;    // by address
	struct vma *last_found;  // most lookups hit the same VMA again
	struct vma *gap_pending; // largest_gap is not yet right for it and above it; may be NULL
	struct vma *spare_vma;   // memory for the next one, or NULL
	struct vma *gap_pending_until; // at least to there, with gap_pending; may be NULL

	uintptr_t brk_start; // first address of the heap: set by exec
	uintptr_t brk;       // one past its last byte, not page aligned
	uintptr_t mmap_top;  // mappings without a fixed address go below this, top down
	uintptr_t stack_top;
	struct mm_layout *layout; // set before anybody else sees the space; NULL: no program

	uint64_t data_bytes; // of the program's data segment: RLIMIT_DATA counts it with the heap

	// Counters, in pages unless said; kept where the event happens and recounted by the audit.
	uint64_t vma_count;     // VMAs, not pages
	uint64_t mapped;        // VSZ
	uint64_t anon_resident; // RSS: private frames
	uint64_t file_resident; // RSS: page-cache frames
	uint64_t tables;        // page-table frames, the root included
	uint64_t peak_resident; // the most there was when something was unmapped
	uint64_t peak_mapped;   // the same of `mapped`
	uint64_t data;          // pages of private writable VMAs
	uint64_t stack, code;   // of those that grow down; of others that are executable only
	uint64_t locked;        // pages of VMAs that are locked
	uint32_t tasks;         // of `users`; not mm/'s: kernel/process/exit.c
	uint32_t barriers;      // not mm/'s: kernel/syscall/sys_membarrier.c; atomic
	bool quiet;             // its faults and calls are not traced; set before it is used
	uint64_t minor_faults;  // faults, not pages
	uint64_t major_faults;

	uint32_t anon_marks;  // handed out (mm/anon.h)
	uint32_t lock_future; // after mlockall(MCL_FUTURE): VMA_LOCKED and the like, for new
			      // mappings

	struct list link; // on the list of all address spaces (mm/mm.c)
};

// Times each result has come since boot, by all processes.
uint64_t fault_result_count(enum fault_result result);

// ---- lifetime ----
struct mm *mm_create(void); // empty; NULL when out of memory
struct mm *mm_get(struct mm *mm);
// The same of a space that may be on its way out, whose memory the caller knows to be there;
// false: it has no users left.
bool mm_get_unless_zero(struct mm *mm);
void mm_put(struct mm *mm); // the last one unmaps and frees everything
// A copy that shares every frame, copy-on-write. 0 or -ENOMEM; *copy is set on success only.
int mm_fork(struct mm *parent, struct mm **copy);

// ---- faults ----
// `address` is any ring-3 address (others: FAULT_NO_MAPPING).
enum fault_result mm_fault(struct mm *mm, uintptr_t address, enum fault_access access);

// ---- the calls: results and errors exactly as Linux's ----
uintptr_t mm_brk(struct mm *mm, uintptr_t address);
// prot and flags are PROT_* and MAP_* of <linux/mman.h>. Address or -errno. `object` NULL:
// anonymous; else a reference is taken for the VMA. `may_write`: shared mappings may be writable.
long mm_mmap(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
	     struct object *object, uint64_t page_offset, bool may_write);

// What a file brings to mmap. Linux asks it late: wrong sizes and places are told before.
struct mapped_file {
	struct object *object; // NULL: /dev/zero, or it can not be mapped
	uint64_t page_offset;
	bool may_write; // shared mappings may be writable
	int refusal;    // 0; -errno: not in this way
};
// The same for a file, mappable or not; NULL: anonymous.
long mm_mmap_file(struct mm *mm, uintptr_t address, size_t size, int prot, int flags,
		  const struct mapped_file *file);
int mm_munmap(struct mm *mm, uintptr_t address, size_t size);
int mm_mprotect(struct mm *mm, uintptr_t address, size_t size, int prot);
// flags: MREMAP_*. The new address or -errno.
long mm_mremap(struct mm *mm, uintptr_t from, size_t old_size, size_t new_size, int flags,
	       uintptr_t to);
int mm_remap_file_pages(struct mm *mm, uintptr_t start, size_t size, int prot,
			uint64_t page_offset, int flags);
int mm_madvise(struct mm *mm, uintptr_t start, size_t size, int advice);
// One byte a page into `vector`: 1 resident, 0 not. `start` is page aligned. How many pages there
// are before the first that is not mapped.
size_t mm_mincore(struct mm *mm, uintptr_t start, size_t pages, unsigned char *vector);
int mm_msync(struct mm *mm, uintptr_t start, size_t size, int flags);
int mm_mlock(struct mm *mm, uintptr_t address, size_t size, bool on_fault);
int mm_munlock(struct mm *mm, uintptr_t address, size_t size);
int mm_mlockall(struct mm *mm, int flags);
void mm_munlockall(struct mm *mm);

// ---- for exec ----
// The stack's VMA: `size` bytes ending at stack_top, VMA_GROWS_DOWN. 0 or -errno.
int mm_map_stack(struct mm *mm, uintptr_t top, size_t size, bool executable);
// Reaches into an address space that need not be the current one, faulting pages in as that
// program's own access would. Bytes moved: fewer than `count` when an address did not resolve.
size_t mm_copy_out(struct mm *mm, uintptr_t to, const void *from, size_t count);
size_t mm_copy_in(struct mm *mm, void *to, uintptr_t from, size_t count);
size_t mm_zero_out(struct mm *mm, uintptr_t to, size_t count);

// ---- looking (for /proc, panic reports, the tour) ----
// The VMA that contains `address` or the first after it; NULL: none. Caller holds mm->lock.
struct vma *mm_find_vma(struct mm *mm, uintptr_t address);
struct vma *mm_next_vma(const struct vma *vma);
