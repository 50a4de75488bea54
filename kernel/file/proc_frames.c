// SPDX-License-Identifier: MIT
//
// /proc/kpagecount and kpageflags: a word for each frame of RAM, how often it is mapped and what
// it is, with the bits of <linux/kernel-page-flags.h>. Read without locks: a frame may become
// something else meanwhile, as on Linux.
#include "kernel/file/proc_internal.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/usage.h"
#include "mm/zero.h"
#include <asm/errno.h>
#include <linux/kernel-page-flags.h>

#define FLAG(name) (1ul << KPF_##name)
#define RESERVED   (1ul << 32) // KPF_RESERVED, which the header keeps to Linux's own tools
#define CACHED     (FLAG(UPTODATE) | FLAG(LRU))

// What is constant for a kind of owner.
static const uint64_t kind_flags[FRAME_KIND_COUNT + 1] = {
	[FRAME_ABSENT] = FLAG(NOPAGE),
	[FRAME_RESERVED] = RESERVED,
	[FRAME_FREE] = FLAG(BUDDY),
	[FRAME_IMAGE] = RESERVED,
	[FRAME_BOOT] = RESERVED,
	[FRAME_MODULE] = RESERVED,
	[FRAME_FRAME_TABLE] = RESERVED,
	[FRAME_PAGE_TABLE] = FLAG(PGTABLE),
	[FRAME_SLAB] = FLAG(SLAB),
	[FRAME_ZERO] = FLAG(ZERO_PAGE) | RESERVED,
	[FRAME_ANON] = CACHED | FLAG(ANON) | FLAG(MMAP) | FLAG(SWAPBACKED),
	[FRAME_FILE] = CACHED,
	[FRAME_DEVICE] = FLAG(NOPAGE),
};

static uint64_t count_at(uint64_t number)
{
	enum frame_kind kind = frame_kind_at(number);

	return kind == FRAME_ANON || kind == FRAME_FILE ? frame_mappings(&frame_table[number]) : 0;
}

static uint64_t flags_at(uint64_t number)
{
	const struct frame *frame = &frame_table[number];
	enum frame_kind kind = frame_kind_at(number);
	uint64_t flags = kind_flags[kind];

	if (kind != FRAME_FILE)
		return flags;
	if (frame_mappings(frame))
		flags |= FLAG(MMAP);
	if (frame->file_state == FRAME_KEPT)
		flags |= FLAG(SWAPBACKED) | FLAG(DIRTY);
	return flags;
}

static long read_words(uint64_t offset, void *buffer, size_t size,
		       uint64_t (*word_at)(uint64_t number))
{
	uint64_t *words = buffer;
	uint64_t first = offset / sizeof(*words), count = size / sizeof(*words);

	if (offset % sizeof(*words) || size % sizeof(*words))
		return -EINVAL;
	if (first >= frame_limit)
		return 0;
	if (count > frame_limit - first)
		count = frame_limit - first;
	for (uint64_t i = 0; i < count; i++)
		words[i] = word_at(first + i);
	return (long)(count * sizeof(*words));
}

long proc_read_page_counts(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size)
{
	(void)open;
	return read_words(offset, buffer, size, count_at);
}

long proc_read_page_flags(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size)
{
	(void)open;
	return read_words(offset, buffer, size, flags_at);
}
