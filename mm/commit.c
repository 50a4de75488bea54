// SPDX-License-Identifier: MIT
//
// Commit accounting: see mm/commit.h. There is no swap to add to what may be promised.

#include "mm/commit.h"
#include "lib/mutant.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include <linux/capability.h>

#define KIB_SHIFT     (PAGE_SHIFT - 10) // from pages to KiB
#define ADMIN_RESERVE (1ul << 13)       // KiB, at most: enough for a shell and a look around
#define USER_RESERVE  (1ul << 17)       // KiB, at most
#define CACHE_LINE    64
#define UNSET         (~0ul) // by boot options

struct commit_settings commit_settings = {
	.policy = OVERCOMMIT_GUESS,
	.ratio = 50,
	.ram = ~0ul >> KIB_SHIFT,
	.admin_reserve = UNSET,
	.user_reserve = UNSET,
};

// A page may be released on another CPU than it was promised on: only the sum means something.
static struct {
	int64_t pages; // written by its CPU alone
} __attribute__((aligned(CACHE_LINE))) counts[MAX_CPUS];

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void commit_start(void)
{
	uint64_t free_kib = frame_kind_count(FRAME_FREE) << KIB_SHIFT;

	commit_settings.ram = frame_total() - frame_kind_count(FRAME_RESERVED);
	if (commit_settings.admin_reserve == UNSET)
		commit_settings.admin_reserve = smaller(free_kib / 32, ADMIN_RESERVE);
	if (commit_settings.user_reserve == UNSET)
		commit_settings.user_reserve = smaller(free_kib / 32, USER_RESERVE);
}

void commit_add(int64_t pages)
{
	int64_t *count = &counts[machine_cpu()].pages;

	__atomic_store_n(count, *count + pages, __ATOMIC_RELAXED);
}

static int64_t sum(void)
{
	int64_t total = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		total += __atomic_load_n(&counts[cpu].pages, __ATOMIC_RELAXED);
	return total;
}

uint64_t commit_total(void)
{
	int64_t total = sum();

	return total > 0 ? (uint64_t)total : 0;
}

uint64_t commit_limit(void)
{
	if (commit_settings.kbytes)
		return commit_settings.kbytes >> KIB_SHIFT;
	return commit_settings.ram * (uint64_t)commit_settings.ratio / 100;
}

// Counted first and then looked at: of two CPUs that ask for the last pages at the same time, both
// may be refused, but never both be served.
int commit_charge_strictly(const struct mm *mm, uint64_t pages)
{
	int64_t allowed = (int64_t)commit_limit();

	commit_add((int64_t)pages);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!machine_capable(CAP_SYS_ADMIN))
		allowed -= (int64_t)(commit_settings.admin_reserve >> KIB_SHIFT);
	// One process shall not take so much that its owner can not even end it.
	if (mm) {
		uint64_t part = mm->mapped / 32, most = commit_settings.user_reserve >> KIB_SHIFT;

		allowed -= (int64_t)(part < most ? part : most);
	}
	if (sum() < allowed + (MUTANT(commit_limit_off_by_one) ? 1 : 0))
		return 0;
	commit_add(-(int64_t)pages);
	return -ENOMEM;
}
