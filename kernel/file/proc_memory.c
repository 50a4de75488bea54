// SPDX-License-Identifier: MIT
//
// /proc of memory as a whole: meminfo, vmstat, zoneinfo, buddyinfo, pagetypeinfo, slabinfo. Names,
// order and units are those of Linux 6.1. What does not exist here (disks, swap, huge pages,
// several zones, pages sorted by age) has the value it has on a Linux where nobody uses it;
// docs/proc.md lists what is left out altogether.
//
// The counters are read one by one while others change them: sums over several may be off by what
// happened in between.
#include "kernel/file/proc_internal.h"
#include "kernel/machine/cpu.h"
#include "kernel/process/oom.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/frame.h"
#include "mm/mm_list.h"
#include "mm/object.h"
#include "mm/page_table.h"
#include "mm/slab_internal.h"

#define KIB_PER_FRAME 4
#define HUGE_ORDER    9                       // what Linux would group pages by
#define LINE_WIDTH    24                      // of meminfo, up to the unit
#define ZONE          "Node 0, zone   Normal" // there is one, with all of RAM

// In frames, unless said.
struct memory_facts {
	uint64_t zero; // what does not exist; first, so that a line without a fact means it
	uint64_t total, free, available;
	uint64_t file, shared; // the page cache, and what of it can not be filled again
	uint64_t file_clean;   // the rest of it
	uint64_t anon, anon_or_shared;
	uint64_t inactive;    // all that Linux would have on its lists
	uint64_t file_mapped; // once for each space that maps it
	uint64_t locked;
	uint64_t slab, stacks, stack_kib, tables;
	uint64_t commit_limit, committed;
	uint64_t leaves[3]; // of the kernel's map of RAM: of 4 KiB, 2 MiB, 1 GiB
	uint64_t spanned, on_cpus;
	uint64_t faults, major_faults, oom_kills; // numbers
};

static void add_spaces(struct memory_facts *facts)
{
	struct mm *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry (mm, &mm_list, link) {
		facts->locked += mm->locked;
		facts->file_mapped += mm->file_resident;
	}
	spin_unlock(&mm_list_lock);
	if (facts->file_mapped > facts->file)
		facts->file_mapped = facts->file;
}

static void add_faults(struct memory_facts *facts)
{
	for (unsigned result = 0; result <= FAULT_LAST_RESOLVED; result++)
		facts->faults += fault_result_count(result);
	facts->oom_kills = oom_kill_count();
	facts->major_faults = fault_result_count(FAULT_FILE_READ);
}

static void gather(struct memory_facts *facts)
{
	*facts = (struct memory_facts){
		.total = memory_total(),
		.free = frame_kind_count(FRAME_FREE),
		.file = frame_kind_count(FRAME_FILE),
		.shared = object_kept_pages(),
		.anon = frame_kind_count(FRAME_ANON),
		.slab = frame_kind_count(FRAME_SLAB),
		.stacks = frame_kind_count(FRAME_STACK),
		.tables = frame_kind_count(FRAME_PAGE_TABLE),
		.commit_limit = commit_limit(),
		.committed = commit_total(),
		.spanned = frame_limit,
		.on_cpus = frame_cpu_listed(),
	};
	if (facts->shared > facts->file)
		facts->shared = facts->file;
	facts->file_clean = facts->file - facts->shared;
	facts->available = facts->free + facts->file_clean;
	facts->anon_or_shared = facts->anon + facts->shared;
	facts->inactive = facts->anon_or_shared + facts->file_clean;
	facts->stack_kib = facts->stacks * KIB_PER_FRAME;
	add_spaces(facts);
	add_faults(facts);
}

// For meminfo alone: a step for each leaf.
static void count_leaves(struct memory_facts *facts)
{
	struct page_walk walk;

	for (phys_t at = 0; at < frame_limit << PAGE_SHIFT; at += 1ul << walk.shift) {
		page_table_walk(kernel_root(), (uintptr_t)phys_to_virt(at), &walk);
		if (!walk.present)
			walk.shift = PAGE_SHIFT;
		else
			facts->leaves[(walk.shift - PAGE_SHIFT) / 9] +=
				1ul << (walk.shift - PAGE_SHIFT);
	}
}

// One line: a name and where its number is.
struct line {
	const char *name;
	size_t at;
};
#define FACT(field)     offsetof(struct memory_facts, field)
#define NUMBER(f, line) (*(const uint64_t *)((const char *)(f) + (line)->at))
#define for_each_line(line, table)              \
	for (const struct line *line = (table); \
	     line < (table) + sizeof(table) / sizeof((table)[0]); line++)

// ---- meminfo ----
static const struct line meminfo_lines[] = {
	{"MemTotal", FACT(total)},
	{"MemFree", FACT(free)},
	{"MemAvailable", FACT(available)},
	{"Buffers", 0},
	{"Cached", FACT(file)},
	{"SwapCached", 0},
	{"Active", 0},
	{"Inactive", FACT(inactive)},
	{"Active(anon)", 0},
	{"Inactive(anon)", FACT(anon_or_shared)},
	{"Active(file)", 0},
	{"Inactive(file)", FACT(file_clean)},
	{"Unevictable", 0},
	{"Mlocked", FACT(locked)},
	{"SwapTotal", 0},
	{"SwapFree", 0},
	{"Zswap", 0},
	{"Zswapped", 0},
	{"Dirty", 0},
	{"Writeback", 0},
	{"AnonPages", FACT(anon)},
	{"Mapped", FACT(file_mapped)},
	{"Shmem", FACT(shared)},
	{"KReclaimable", 0},
	{"Slab", FACT(slab)},
	{"SReclaimable", 0},
	{"SUnreclaim", FACT(slab)},
	{"KernelStack", FACT(stacks)},
	{"PageTables", FACT(tables)},
	{"SecPageTables", 0},
	{"NFS_Unstable", 0},
	{"Bounce", 0},
	{"WritebackTmp", 0},
	{"CommitLimit", FACT(commit_limit)},
	{"Committed_AS", FACT(committed)},
	{"VmallocTotal", 0},
	{"VmallocUsed", 0},
	{"VmallocChunk", 0},
	{"Percpu", 0},
	{"HardwareCorrupted", 0},
	{"AnonHugePages", 0},
	{"ShmemHugePages", 0},
	{"ShmemPmdMapped", 0},
	{"FileHugePages", 0},
	{"FilePmdMapped", 0},
};
static const struct line direct_map_lines[] = {
	{"DirectMap4k", FACT(leaves[0])},
	{"DirectMap2M", FACT(leaves[1])},
	{"DirectMap1G", FACT(leaves[2])},
};

static void print_kib(struct text *text, const char *name, uint64_t frames)
{
	text_print(text, "%s:%*lu kB\n", name, (int)(LINE_WIDTH - strlen(name) - 1),
		   frames * KIB_PER_FRAME);
}

int proc_show_meminfo(struct pseudo_open *open, struct text *text)
{
	struct memory_facts facts;

	(void)open;
	gather(&facts);
	count_leaves(&facts);
	for_each_line (line, meminfo_lines)
		print_kib(text, line->name, NUMBER(&facts, line));
	text_print(text, "HugePages_Total:       0\nHugePages_Free:        0\n"
			 "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
			 "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	for_each_line (line, direct_map_lines)
		print_kib(text, line->name, NUMBER(&facts, line));
	return 0;
}

// ---- vmstat and zoneinfo ----
static const struct line zone_lines[] = {
	{"nr_free_pages", FACT(free)},
	{"nr_zone_inactive_anon", FACT(anon_or_shared)},
	{"nr_zone_active_anon", 0},
	{"nr_zone_inactive_file", FACT(file_clean)},
	{"nr_zone_active_file", 0},
	{"nr_zone_unevictable", 0},
	{"nr_zone_write_pending", 0},
	{"nr_mlock", FACT(locked)},
	{"nr_bounce", 0},
	{"nr_zspages", 0},
	{"nr_free_cma", 0},
};
static const struct line node_lines[] = {
	{"nr_inactive_anon", FACT(anon_or_shared)},
	{"nr_active_anon", 0},
	{"nr_inactive_file", FACT(file_clean)},
	{"nr_active_file", 0},
	{"nr_unevictable", 0},
	{"nr_slab_reclaimable", 0},
	{"nr_slab_unreclaimable", FACT(slab)},
	{"nr_isolated_anon", 0},
	{"nr_isolated_file", 0},
	{"nr_anon_pages", FACT(anon)},
	{"nr_mapped", FACT(file_mapped)},
	{"nr_file_pages", FACT(file)},
	{"nr_dirty", 0},
	{"nr_writeback", 0},
	{"nr_writeback_temp", 0},
	{"nr_shmem", FACT(shared)},
	{"nr_shmem_hugepages", 0},
	{"nr_shmem_pmdmapped", 0},
	{"nr_file_hugepages", 0},
	{"nr_file_pmdmapped", 0},
	{"nr_anon_transparent_hugepages", 0},
	{"nr_vmscan_write", 0},
	{"nr_vmscan_immediate_reclaim", 0},
	{"nr_dirtied", 0},
	{"nr_written", 0},
	{"nr_throttled_written", 0},
	{"nr_kernel_misc_reclaimable", 0},
	{"nr_foll_pin_acquired", 0},
	{"nr_foll_pin_released", 0},
	{"nr_kernel_stack", FACT(stack_kib)}, // in KiB on Linux too
	{"nr_page_table_pages", FACT(tables)},
	{"nr_sec_page_table_pages", 0},
	{"nr_swapcached", 0},
};
static const struct line event_lines[] = {
	{"nr_dirty_threshold", 0},
	{"nr_dirty_background_threshold", 0},
	{"pgpgin", 0},
	{"pgpgout", 0},
	{"pswpin", 0},
	{"pswpout", 0},
	{"pgfault", FACT(faults)},
	{"pgmajfault", FACT(major_faults)},
	{"oom_kill", FACT(oom_kills)},
};

int proc_show_vmstat(struct pseudo_open *open, struct text *text)
{
	struct memory_facts facts;

	(void)open;
	gather(&facts);
	for_each_line (line, zone_lines)
		text_print(text, "%s %lu\n", line->name, NUMBER(&facts, line));
	for_each_line (line, node_lines)
		text_print(text, "%s %lu\n", line->name, NUMBER(&facts, line));
	for_each_line (line, event_lines)
		text_print(text, "%s %lu\n", line->name, NUMBER(&facts, line));
	proc_print_shootdowns(text);
	return 0;
}

static void print_zone_sizes(const struct memory_facts *facts, struct text *text)
{
	text_print(text,
		   "\n  pages free     %lu\n        boost    0\n        min      0"
		   "\n        low      0\n        high     0\n        spanned  %lu"
		   "\n        present  %lu\n        managed  %lu\n        cma      0"
		   "\n        protection: (0)",
		   facts->free, facts->spanned, frame_total(), facts->total);
}

int proc_show_zoneinfo(struct pseudo_open *open, struct text *text)
{
	struct memory_facts facts;

	(void)open;
	gather(&facts);
	text_print(text, "%s\n  per-node stats", ZONE);
	for_each_line (line, node_lines)
		text_print(text, "\n      %-12s %lu", line->name, NUMBER(&facts, line));
	print_zone_sizes(&facts, text);
	for_each_line (line, zone_lines)
		text_print(text, "\n      %-12s %lu", line->name, NUMBER(&facts, line));
	text_print(text, "\n  pagesets");
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		text_print(text,
			   "\n    cpu: %u\n              count: %lu\n              high:  %u"
			   "\n              batch: %u\n  vm stats threshold: 0",
			   cpu, frame_cpu_listed_by(cpu), CPU_LIST_LIMIT, CPU_LIST_BATCH);
	text_print(text, "\n  node_unreclaimable:  0\n  start_pfn:           0\n");
	return 0;
}

// ---- buddyinfo and pagetypeinfo ----
static void print_free_blocks(struct text *text)
{
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		text_print(text, "%6lu ", frame_free_blocks(order));
	text_print(text, "\n");
}

int proc_show_buddyinfo(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%s ", ZONE);
	print_free_blocks(text);
	return 0;
}

// Blocks are not kept apart by whether their pages could be moved elsewhere: all count as movable.
#define MOVABLE 1
static const char *const page_types[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic",
					 "Isolate"};
#define PAGE_TYPES (sizeof(page_types) / sizeof(page_types[0]))

int proc_show_pagetypeinfo(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "Page block order: %u\nPages per block:  %lu\n\n%-43s ", HUGE_ORDER,
		   1ul << HUGE_ORDER, "Free pages count per migrate type at order");
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		text_print(text, "%6u ", order);
	text_print(text, "\n");
	for (unsigned type = 0; type < PAGE_TYPES; type++) {
		text_print(text, "Node    0, zone   Normal, type %12s ", page_types[type]);
		if (type == MOVABLE) {
			print_free_blocks(text);
			continue;
		}
		for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
			text_print(text, "%6u ", 0);
		text_print(text, "\n");
	}
	text_print(text, "\n%-23s", "Number of blocks type ");
	for (unsigned type = 0; type < PAGE_TYPES; type++)
		text_print(text, "%12s ", page_types[type]);
	text_print(text, "\n%s ", ZONE);
	for (unsigned type = 0; type < PAGE_TYPES; type++)
		text_print(text, "%12lu ",
			   type == MOVABLE ? (frame_limit + (1ul << HUGE_ORDER) - 1) >> HUGE_ORDER
					   : 0ul);
	text_print(text, "\n");
	return 0;
}

// ---- slabinfo ----
// The cache made after `cache`; NULL: the first. None ever goes.
static struct cache *next_cache(struct cache *cache)
{
	struct list *link;

	spin_lock(&caches_lock);
	link = cache ? cache->link.next : caches.next;
	spin_unlock(&caches_lock);
	return link == &caches ? NULL : container_of(link, struct cache, link);
}

int proc_show_slabinfo(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> "
			 "<objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> ");
	text_print(text, "<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	for (struct cache *cache = next_cache(NULL); cache; cache = next_cache(cache)) {
		uint64_t in_use, slabs;

		spin_lock(&cache->lock);
		in_use = cache->in_use;
		slabs = cache->slabs;
		spin_unlock(&cache->lock);
		text_print(text, "%-17s %6lu %6lu %6lu %4u %4u : tunables    0    0    0",
			   cache->name, in_use, slabs * cache->per_slab, cache->size,
			   cache->per_slab, 1u << cache->order);
		text_print(text, " : slabdata %6lu %6lu %6u\n", slabs, slabs, 0);
	}
	return 0;
}
