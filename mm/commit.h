// SPDX-License-Identifier: MIT
//
// Commit accounting: how many pages programs have been promised, whether or not they have touched
// them. Private writable VMAs carry VMA_ACCOUNT and count with all their pages; shared anonymous
// memory and System V segments count by their object; files in memory, and what was not to be
// reserved, by the pages that are there. What may be promised is vm.overcommit_memory's choice
// (OVERCOMMIT_* of <linux/mman.h>), with Linux's formulas.
//
// The count is kept per CPU without locks: the kernel is not preempted, so a CPU has its own to
// itself, and only the strict policy and those who look add them all up. The settings are words
// that each are read and written whole; whoever changes one changes what is asked for next.
#pragma once

#include <linux/errno.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stdint.h>

struct mm;

struct commit_settings {
	int policy;             // vm.overcommit_memory: OVERCOMMIT_*
	int ratio;              // vm.overcommit_ratio: percent of RAM; not used when kbytes is set
	uint64_t kbytes;        // vm.overcommit_kbytes; 0: ratio counts
	uint64_t admin_reserve; // vm.admin_reserve_kbytes: kept for those with CAP_SYS_ADMIN
	uint64_t user_reserve;  // vm.user_reserve_kbytes: at most that is kept from one process
	uint64_t ram;           // pages that can ever be handed out
};
extern struct commit_settings commit_settings;

// Takes RAM's size, and the reserves unless they were set, from what the allocator has now. At
// boot, when that is known.
void commit_start(void);

// Changes the count; for the functions below.
void commit_add(int64_t pages);
int commit_charge_strictly(const struct mm *mm, uint64_t pages);

// Promises that many pages to `mm` (NULL: to nobody in particular): 0 or -ENOMEM. The caller's to
// release.
static inline int commit_charge(const struct mm *mm, uint64_t pages)
{
	if (__builtin_expect(commit_settings.policy == OVERCOMMIT_NEVER, 0))
		return commit_charge_strictly(mm, pages);
	// More than there can ever be is an obvious mistake.
	if (commit_settings.policy == OVERCOMMIT_GUESS && pages > commit_settings.ram)
		return -ENOMEM;
	commit_add((int64_t)pages);
	return 0;
}

static inline void commit_release(uint64_t pages)
{
	if (pages)
		commit_add(-(int64_t)pages);
}

uint64_t commit_total(void); // pages promised: Committed_AS
uint64_t commit_limit(void); // pages that the strict policy would promise: CommitLimit
