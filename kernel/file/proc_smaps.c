// SPDX-License-Identifier: MIT
//
// /proc/PID/smaps, smaps_rollup and pagemap: what is in memory of each mapping. Lines as of Linux
// 6.18; what does not exist here (swap, huge pages, KSM) is 0.
#include "kernel/file/inode.h"
#include "kernel/file/proc_internal.h"
#include "kernel/process/process.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/slab.h"
#include "mm/usage.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/limits.h>

static uint64_t kib(uint64_t pages)
{
	return pages * (PAGE_SIZE / 1024);
}

static uint64_t share_kib(uint64_t share)
{
	return share * (PAGE_SIZE / 1024) / USAGE_UNIT;
}

static void print_kib(struct text *text, const char *name, uint64_t value)
{
	size_t start = text->length;

	text_print(text, "%s:", name);
	text_pad(text, start + 16);
	text_print(text, "%8lu kB\n", value);
}

// What only the sum over all mappings tells, in units of page_usage's shares.
struct rollup {
	uint64_t locked;
};

// `rollup` is NULL for one mapping, all of which is locked or nothing.
static void print_usage(const struct page_usage *usage, bool locked, const struct rollup *rollup,
			struct text *text)
{
	static const char *const absent[] = {
		"KSM",           "LazyFree",       "AnonHugePages",   "ShmemPmdMapped",
		"FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap",
		"SwapPss",
	};

	print_kib(text, "Rss", kib(usage->resident));
	print_kib(text, "Pss", share_kib(usage->share));
	print_kib(text, "Pss_Dirty", share_kib(usage->dirty_share));
	if (rollup) {
		print_kib(text, "Pss_Anon", share_kib(usage->anonymous_share));
		print_kib(text, "Pss_File",
			  share_kib(usage->share - usage->anonymous_share - usage->memory_share));
		print_kib(text, "Pss_Shmem", share_kib(usage->memory_share));
	}
	print_kib(text, "Shared_Clean", kib(usage->shared_clean));
	print_kib(text, "Shared_Dirty", kib(usage->shared_dirty));
	print_kib(text, "Private_Clean", kib(usage->private_clean));
	print_kib(text, "Private_Dirty", kib(usage->private_dirty));
	print_kib(text, "Referenced", kib(usage->referenced));
	print_kib(text, "Anonymous", kib(usage->anonymous));
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		print_kib(text, absent[i], 0);
	print_kib(text, "Locked",
		  rollup   ? share_kib(rollup->locked)
		  : locked ? share_kib(usage->share)
			   : 0);
}

// In the order of Linux's bits. A shared mapping that may never be written is only `ms`; reading
// and executing may always be allowed later.
static void print_flags(uint32_t flags, struct text *text)
{
	const struct {
		bool is;
		const char *name;
	} names[] = {
		{flags & VMA_READ, "rd"},
		{flags & VMA_WRITE, "wr"},
		{flags & VMA_EXEC, "ex"},
		{(flags & VMA_SHARED) && (flags & VMA_MAY_WRITE), "sh"},
		{true, "mr"},
		{flags & VMA_MAY_WRITE, "mw"},
		{true, "me"},
		{flags & VMA_SHARED, "ms"},
		{flags & VMA_GROWS_DOWN, "gd"},
		{flags & VMA_DEVICE, "pf"},
		{flags & VMA_LOCKED, "lo"},
		{flags & VMA_DEVICE, "io"},
		{flags & VMA_SEQUENTIAL, "sr"},
		{flags & VMA_RANDOM, "rr"},
		{flags & VMA_NO_FORK, "dc"},
		{flags & VMA_DEVICE, "de"},
		{flags & VMA_LOCK_ON_FAULT, "lf"},
		{flags & VMA_ACCOUNT, "ac"},
		{flags & VMA_NO_RESERVE, "nr"},
		{flags & VMA_WIPE_ON_FORK, "wf"},
		{flags & (VMA_NO_DUMP | VMA_DEVICE), "dd"},
		{!(flags & VMA_TRACKED), "sd"},
		{flags & VMA_HUGE, "hg"},
		{flags & VMA_NO_HUGE, "nh"},
		{flags & VMA_MERGEABLE, "mg"},
	};

	text_print(text, "VmFlags: ");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].is)
			text_print(text, "%s ", names[i].name);
	}
	text_append(text, "\n", 1);
}

static void print_mapping(struct mm *mm, const struct map_line *line, struct text *text,
			  char *path)
{
	struct page_usage usage = {0};

	mm_count_usage(mm, line->start, line->end, &usage);
	map_line_print(line, text, path);
	print_kib(text, "Size", (line->end - line->start) / 1024);
	print_kib(text, "KernelPageSize", PAGE_SIZE / 1024);
	print_kib(text, "MMUPageSize", PAGE_SIZE / 1024);
	print_usage(&usage, line->flags & VMA_LOCKED, NULL, text);
	text_print(text, "THPeligible:           0\n");
	print_flags(line->flags, text);
}

int proc_show_smaps(struct pseudo_open *open, struct text *text)
{
	return map_lines_show(open, text, print_mapping);
}

int proc_show_smaps_rollup(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);
	struct page_usage usage = {0};
	struct rollup rollup = {0};
	struct map_line line = {0};
	uintptr_t first = 0;

	if (!mm)
		return -ESRCH;
	while (map_line_next(mm, line.end, &line)) {
		uint64_t before = usage.share;

		first = first ? first : line.start;
		mm_count_usage(mm, line.start, line.end, &usage);
		rollup.locked += line.flags & VMA_LOCKED ? usage.share - before : 0;
		if (line.object)
			object_put(line.object);
	}
	mm_put(mm);
	text_print(text, "%08lx-%08lx ---p 00000000 00:00 0 ", first, line.end);
	text_pad(text, 73);
	text_print(text, "[rollup]\n");
	print_usage(&usage, false, &rollup, text);
	return 0;
}

// clear_refs: forget which pages were used, to see later which are used from now on.
enum { CLEAR_ALL = 1, CLEAR_ANONYMOUS, CLEAR_FILES, CLEAR_SOFT_DIRTY, CLEAR_PEAK };

int proc_clear_references(struct pseudo_open *open, const char *bytes, size_t length)
{
	struct map_line line = {0};
	struct mm *mm;
	int what, error = proc_parse_int(bytes, length, 10, &what);

	if (error)
		return error;
	if (what < CLEAR_ALL || what > CLEAR_PEAK)
		return -EINVAL;
	mm = process_mm(open->process);
	if (!mm)
		return 0;
	if (what == CLEAR_PEAK)
		mm_reset_peak(mm);
	else if (what == CLEAR_SOFT_DIRTY)
		mm_track_writes(mm);
	while (what <= CLEAR_FILES && map_line_next(mm, line.end, &line)) {
		if (what == CLEAR_ALL || (what == CLEAR_FILES) == (line.object != NULL))
			mm_clear_referenced(mm, line.start, line.end);
		if (line.object)
			object_put(line.object);
	}
	mm_put(mm);
	return 0;
}

// Frame numbers are for who has the capability, as on Linux.
long proc_read_pagemap(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size)
{
	uint64_t *words = buffer;
	uint64_t first = offset / sizeof(*words), count = size / sizeof(*words);
	bool numbers = machine_capable(CAP_SYS_ADMIN);
	struct mm *mm;

	if (offset % sizeof(*words) || size % sizeof(*words))
		return -EINVAL;
	if (first >= USER_END / PAGE_SIZE)
		return 0;
	if (count > USER_END / PAGE_SIZE - first)
		count = USER_END / PAGE_SIZE - first;
	mm = process_mm(open->process);
	if (!mm)
		return 0;
	mm_pagemap(mm, first * PAGE_SIZE, count, words);
	mm_put(mm);
	for (uint64_t i = 0; i < count && !numbers; i++)
		words[i] &= ~((1ul << 55) - 1);
	return (long)(count * sizeof(*words));
}
