// SPDX-License-Identifier: MIT
//
// Starting mm/: from the firmware's memory map to a working allocator (mm/start.h). One CPU,
// interrupts off, no locks.
//
// Maps of memory lie. A range that is said to be RAM is believed only as far as it keeps what is
// written to it; below 4 GiB that is tried through the boot tables, above through the final ones,
// one page at a time, so that a lie costs no page tables.

#include "mm/start.h"
#include "lib/string.h"
#include "mm/boot_memory.h"
#include "mm/commit.h"
#include "mm/frame.h"
#include "mm/kernel_table.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/slab_internal.h"
#include "mm/zero.h"

#define BOOT_MAPPED (4ul << 30) // what the boot tables map
#define PROBE_STEP  (4ul << 20)

// From linker.ld; all page aligned, at KERNEL_IMAGE + physical address.
extern char image_start[], image_end[], text_start[], text_end[], rodata_start[], rodata_end[];
extern char init_start[], init_end[];

static phys_t image_phys(const char *address)
{
	return (phys_t)address - KERNEL_IMAGE;
}

static phys_t boot_table(void)
{
	phys_t table = boot_memory_take(&boot_memory, 1, BOOT_MAPPED, FRAME_PAGE_TABLE);

	if (!table)
		panic("not enough memory below 4 GiB for the kernel's page tables");
	page_clear(phys_to_virt(table));
	return table;
}

static void map_direct(phys_t start, phys_t end, pte_t bits);

// Whether the word at `address` keeps what is written to it.
static bool keeps_word(phys_t address)
{
	volatile uint64_t *word = phys_to_virt(address);
	uint64_t pattern = 0x5aa5c33c0ff01248ul ^ address;
	bool kept;

	if (address >= BOOT_MAPPED)
		map_direct(address, address + PAGE_SIZE, PTE_WRITE);
	*word = pattern;
	kept = *word == pattern;
	*word = ~pattern;
	return kept && *word == ~pattern;
}

// Cuts a usable range to the part at its beginning that is RAM.
static void believe(struct memory_range *range)
{
	phys_t good = range->start, bad = range->end - PAGE_SIZE;

	if (range->type != MEMORY_USABLE || range->start >= range->end)
		return;
	if (keeps_word(bad) && keeps_word(good))
		return;
	while (bad - good > PROBE_STEP) {
		phys_t middle = PAGE_ALIGN_DOWN(good + (bad - good) / 2);

		if (keeps_word(middle))
			good = middle;
		else
			bad = middle;
	}
	machine_log("memory: %#lx-%#lx is said to be RAM, but only up to %#lx is", range->start,
		    range->end, good);
	range->end = good;
}

// So that a range is wholly on one side of what the boot tables map.
static void split_at_boot_limit(void)
{
	struct boot_memory *memory = &boot_memory;

	for (size_t i = 0; i < memory->count; i++) {
		struct memory_range *range = &memory->ranges[i];

		if (range->start >= BOOT_MAPPED || range->end <= BOOT_MAPPED)
			continue;
		if (memory->count == BOOT_MEMORY_RANGES) {
			range->end = BOOT_MAPPED;
			return;
		}
		memmove(range + 1, range, (memory->count - i) * sizeof(*range));
		memory->count++;
		range[0].end = BOOT_MAPPED;
		range[1].start = BOOT_MAPPED;
		return;
	}
}

static void map_or_panic(uintptr_t virtual, phys_t physical, uint64_t size, pte_t bits)
{
	if (size && kernel_table_map(virtual, physical, size, bits))
		panic("not enough memory to map %#lx", virtual);
}

static void map_direct(phys_t start, phys_t end, pte_t bits)
{
	if (start < end)
		map_or_panic(DIRECT_MAP_BASE + start, start, end - start,
			     KERNEL_BITS | PTE_NX | bits);
}

// The image with its permissions, and its second view in the direct map without write permission
// where the first has none.
static void map_image(void)
{
	phys_t text = image_phys(text_start), data = image_phys(rodata_end);

	map_or_panic((uintptr_t)text_start, text, text_end - text_start, KERNEL_BITS);
	map_or_panic((uintptr_t)rodata_start, image_phys(rodata_start), rodata_end - rodata_start,
		     KERNEL_BITS | PTE_NX);
	map_or_panic((uintptr_t)init_start, image_phys(init_start), init_end - init_start,
		     KERNEL_BITS | PTE_WRITE);
	map_or_panic((uintptr_t)image_start, image_phys(image_start), image_end - image_start,
		     KERNEL_BITS | PTE_WRITE | PTE_NX);
	map_direct(text, data, 0);
}

// The table of frames for [start, end), for whole blocks of the largest order, so that a buddy's
// entry can always be read.
static void map_frame_table(phys_t start, phys_t end, phys_t limit)
{
	uint64_t block = PAGE_SIZE << FRAME_ORDER_MAX;
	uint64_t first = (start & ~(block - 1)) >> PAGE_SHIFT;
	uint64_t last = ((end + block - 1) & ~(block - 1)) >> PAGE_SHIFT;
	uintptr_t at = PAGE_ALIGN_DOWN((uintptr_t)&frame_table[first]);
	uintptr_t table_end = PAGE_ALIGN_UP((uintptr_t)&frame_table[last]);

	while (at < table_end) {
		uint64_t size = PAGE_SIZE;
		phys_t memory;

		if (kernel_table_maps(at)) {
			at += PAGE_SIZE;
			continue;
		}
		if (!(at & (level_span(2) - 1)) && table_end - at >= level_span(2))
			size = level_span(2);
		memory = boot_memory_take_aligned(&boot_memory, size, limit, FRAME_FRAME_TABLE);
		if (!memory)
			panic("not enough memory for the table of frames");
		map_or_panic(at, memory, size, KERNEL_BITS | PTE_WRITE | PTE_NX);
		memset((void *)at, 0, size);
		at += size;
	}
}

static enum frame_kind kind_of(enum memory_type type)
{
	switch (type) {
	case MEMORY_KERNEL:
		return FRAME_IMAGE;
	case MEMORY_MODULE:
		return FRAME_MODULE;
	case MEMORY_BOOT:
		return FRAME_BOOT;
	default:
		return FRAME_FREE;
	}
}

// Frame 0 stays out of use: a physical address of 0 means "none" in many places.
static void declare_range(const struct memory_range *range)
{
	uint64_t first = range->start >> PAGE_SHIFT, end = range->end >> PAGE_SHIFT;

	if (first == 0 && end > 0) {
		frame_add(0, 1, FRAME_RESERVED);
		first = 1;
	}
	if (first < end)
		frame_add(first, end, kind_of(range->type));
}

static void declare_frames(void)
{
	size_t count;
	const struct boot_taken *taken = boot_memory_taken(&count);

	for (size_t i = 0; i < count; i++)
		frame_add(taken[i].start >> PAGE_SHIFT, taken[i].end >> PAGE_SHIFT, taken[i].kind);
	for (size_t i = 0; i < boot_memory.count; i++)
		declare_range(&boot_memory.ranges[i]);
}

// One past the last byte of RAM that the map speaks of.
static phys_t physical_end(void)
{
	return boot_memory.count ? boot_memory.ranges[boot_memory.count - 1].end : 0;
}

// RAM as the map names it, before anything was taken off its ends: what the direct map covers.
static struct boot_memory original;

static void map_ram(void)
{
	for (size_t i = 0; i < boot_memory.count; i++)
		if (boot_memory.ranges[i].start < BOOT_MAPPED)
			believe(&boot_memory.ranges[i]);
	original = boot_memory;
	kernel_table_start(boot_table, physical_end());
	map_image();
	for (size_t i = 0; i < original.count; i++)
		if (original.ranges[i].start < BOOT_MAPPED)
			map_direct(original.ranges[i].start, original.ranges[i].end, PTE_WRITE);
	machine_load_root(kernel_root());
	for (size_t i = 0; i < original.count; i++) {
		if (original.ranges[i].start < BOOT_MAPPED)
			continue;
		believe(&boot_memory.ranges[i]);
		original.ranges[i].end = boot_memory.ranges[i].end;
		map_direct(original.ranges[i].start, original.ranges[i].end, PTE_WRITE);
	}
}

void mm_start(const struct memory_range *ranges, size_t count, struct mm_features features)
{
	boot_memory_sort(&boot_memory, ranges, count);
	split_at_boot_limit();
	kernel_table_allow_giant(features.giant_pages);
	map_ram();
	for (size_t i = 0; i < original.count; i++)
		map_frame_table(original.ranges[i].start, original.ranges[i].end, PHYSICAL_LIMIT);
	declare_frames();
	kernel_table_use_frames();
	slab_start();
	zero_frame_start();
	commit_start();
	machine_log("memory: %lu KiB of RAM, %lu KiB free, %lu KiB in the table of frames",
		    frame_total() * 4, frame_kind_count(FRAME_FREE) * 4,
		    frame_kind_count(FRAME_FRAME_TABLE) * 4);
}

size_t mm_free_boot_memory(void)
{
	uint64_t first = image_phys(init_start) >> PAGE_SHIFT;
	uint64_t end = image_phys(init_end) >> PAGE_SHIFT;
	uint64_t before = frame_kind_count(FRAME_FREE);

	kernel_table_unmap((uintptr_t)init_start, init_end - init_start);
	frame_give_back(first, end);
	for (size_t i = 0; i < original.count; i++) {
		const struct memory_range *range = &original.ranges[i];

		if (range->type == MEMORY_BOOT)
			frame_give_back(range->start >> PAGE_SHIFT ? range->start >> PAGE_SHIFT
								   : 1,
					range->end >> PAGE_SHIFT);
	}
	commit_start();
	return frame_kind_count(FRAME_FREE) - before;
}
