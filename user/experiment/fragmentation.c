// SPDX-License-Identifier: MIT
//
// N2.7: memory whose free pages lie scattered, and a large range in one piece all the same. One
// child takes the same range twice: from a fresh machine, and from one that another child has aged
// by taking all frames and giving back half of them, at random.
#include "user/experiment/actor.h"
#include "user/experiment/experiment.h"
#include "user/lib/maps.h"
#include "user/lib/pagemap.h"
#include "user/lib/screen.h"
#include <sys/mman.h>

#define PAGES     2048u // of the range
#define PAGE_BITS 22    // of the numbers of the pages that age the machine: at most 16 GiB
#define ORDERS    11
#define LARGE     128 // KiB: a large block

// ---- what the children do ----
static uint32_t *range;

// Takes the range, marks each page, and looks whether each has kept its mark. The address; 0:
// none.
static long take_range(long number)
{
	size_t words = page_size() / sizeof(*range);

	(void)number;
	range = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (range == MAP_FAILED)
		return 0;
	for (uint32_t page = 0; page < PAGES; page++)
		range[page * words] = page;
	for (uint32_t page = 0; page < PAGES; page++)
		if (range[page * words] != page)
			return 0;
	return (long)range;
}

// Each number below 2^PAGE_BITS once, in an order without order.
static unsigned long shuffled(unsigned long number)
{
	unsigned long mask = (1ul << PAGE_BITS) - 1;

	for (int round = 0; round < 3; round++) {
		number = (number * 0x9e3779b1 + 0x7f4a7c15) & mask;
		number ^= number >> PAGE_BITS / 2;
	}
	return number;
}

static bool given_back(unsigned long page)
{
	return shuffled(page ^ 0x15555) & 1;
}

// Takes `count` pages, and gives half of them back. Pages that were given back.
static long age(long count)
{
	unsigned long pages = (unsigned long)count;
	char *memory = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long back = 0;

	if (memory == MAP_FAILED)
		return -1;
	for (unsigned long page = 0; page < pages; page++)
		memory[page * page_size()] = 1;
	for (unsigned long i = 0; i < 1ul << PAGE_BITS; i++) {
		unsigned long page = shuffled(i);

		if (page >= pages || !given_back(page))
			continue;
		if (madvise(memory + page * page_size(), page_size(), MADV_DONTNEED) < 0)
			return -1;
		back++;
	}
	return back;
}

// ---- what the parent sees ----
static uint64_t words[PAGES];
static unsigned long blocks[ORDERS];
static unsigned long free_kib, large_kib; // all free memory, and that in large blocks

static unsigned long block_kib(unsigned order)
{
	return kib(1ul << order);
}

// The largest free block, in KiB.
static unsigned long look_at_blocks(const char *when)
{
	unsigned orders = free_blocks(blocks, ORDERS);
	unsigned long largest = 0;

	free_kib = large_kib = 0;
	for (unsigned order = 0; order < orders; order++) {
		csv("blocks-%s,%u,%lu", when, order, blocks[order]);
		if (blocks[order])
			largest = block_kib(order);
		free_kib += blocks[order] * block_kib(order);
		if (block_kib(order) >= LARGE)
			large_kib += blocks[order] * block_kib(order);
		show("%5lu KiB %6lu %s", block_kib(order), blocks[order],
		     bar(blocks[order] * block_kib(order), 1024));
	}
	return largest;
}

static bool same_mapping(const struct mapping *mapping, void *context)
{
	uintptr_t *address = context;

	if (*address < mapping->start || *address >= mapping->end)
		return true;
	show("%s", mapping->line);
	*address = mapping->end - *address < PAGES * page_size() ? 0 : *address;
	return false;
}

// How many pieces the range is in, in physical memory. 0: there is no such range.
static unsigned pieces(const char *when, int pid, uintptr_t address)
{
	unsigned count = 1;

	if (!pagemap_read(pid, address, words, PAGES))
		return 0;
	for (unsigned page = 0; page < PAGES; page++) {
		uint64_t frame = words[page] & PAGEMAP_FRAME;

		csv("pages-%s,%u,%lu", when, page, frame);
		count += page > 0 && frame != (words[page - 1] & PAGEMAP_FRAME) + 1;
	}
	return count;
}

static void first_frames(void)
{
	show("frames of pages 0 to 7: %#lx %#lx %#lx %#lx %#lx %#lx %#lx %#lx",
	     words[0] & PAGEMAP_FRAME, words[1] & PAGEMAP_FRAME, words[2] & PAGEMAP_FRAME,
	     words[3] & PAGEMAP_FRAME, words[4] & PAGEMAP_FRAME, words[5] & PAGEMAP_FRAME,
	     words[6] & PAGEMAP_FRAME, words[7] & PAGEMAP_FRAME);
}

static unsigned take(const char *when)
{
	struct actor actor;
	unsigned count = 0;
	uintptr_t address = 0;
	long result = 0;

	actor_start(&actor, take_range);
	if (actor_step(&actor, 0, &result))
		address = (uintptr_t)result;
	maps_each_of(actor.pid, same_mapping, &address);
	check(address != 0, "%u KiB in one piece of addresses, each page as it was written",
	      PAGES * (unsigned)page_size() / 1024);
	if (address)
		count = pieces(when, actor.pid, address);
	first_frames();
	actor_end(&actor);
	return count;
}

// Ages the machine and takes the range again.
static void aged(unsigned before)
{
	struct actor actor;
	unsigned long largest;
	unsigned count;
	long back;

	say("Another process takes all of the memory, page after page, and gives half of its "
	    "pages "
	    "back at random. Free blocks now:");
	actor_start(&actor, age);
	if (!actor_step(&actor, (long)(nearly_all_free() / page_size()), &back))
		back = -1;
	largest = look_at_blocks("aged");
	check(back > 0 && large_kib < free_kib / 8 && largest * 1024 < PAGES * page_size(),
	      "of %lu KiB that are free, %lu are in blocks of %d KiB or more, the largest of "
	      "them %lu",
	      free_kib, large_kib, LARGE, largest);
	say("The same range again:");
	count = take("aged");
	check(count > PAGES / 4 && count > 10 * before,
	      "hardly two of its %u pages lie side by side now: it is in %u pieces", PAGES, count);
	actor_end(&actor);
}

static void joined_again(void)
{
	unsigned long tables = 0;

	say("Both have ended. Free blocks:");
	look_at_blocks("after");
	meminfo("PageTables", &tables);
	check(large_kib > free_kib / 2,
	      "what was scattered has grown together: %lu of %lu KiB are in blocks of %d KiB or "
	      "more; between them lie %lu frames of page tables, which the kernel keeps ready",
	      large_kib, free_kib, LARGE, tables * 1024 / page_size());
}

static void run(void)
{
	unsigned count;

	csv("part,index,value");
	say("Free blocks of the fresh machine, by size (# is 1 MiB):");
	look_at_blocks("fresh");
	say("A process takes 8 MiB:");
	count = take("fresh");
	check(count > 0 && count <= PAGES / 16,
	      "the fresh machine gives it in %u pieces of physical memory", count);
	aged(count);
	joined_again();
}

const struct station experiment_fragmentation = {
	.id = "fragmentation",
	.title = "Scattered frames, and addresses in one piece",
	.claim = "virtual memory solves fragmentation: frames that lie scattered look like one "
		 "large area to a process.",
	.look_for = "the free blocks, which are small after ageing, and the frames of the same "
		    "range, before and after.",
	.run = run,
	.seen = "a process that needs 8 MiB in one piece gets it, from frames anywhere; when the "
		"frames come back, the allocator joins them to larger blocks.",
	.code = "mm/buddy.c (blocks are split and joined), mm/page_table.c (any frame at any "
		"address).",
};
