// SPDX-License-Identifier: MIT
//
// Which blocks are still there at the end, by the call stack that allocated them. A block is lost
// when no pointer leads to it: none in the program's data, none on its stacks, none in a block
// that a pointer leads to. A pointer is any aligned word whose value is an address in the block,
// so a number may by chance keep a block from being lost, and a pointer that is kept in pieces
// does not.
//
// The first thread's stack counts only while main is running: what main leaves behind when it
// returns is not the program's any more.
#include "lib/libc/debug_maps.h"
#include "lib/libc/debug_symbols.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <string.h>

#define GROUPS_SHOWN 20u
#define AT_ONCE      64u // pages asked about at a time

struct search {
	struct debug_block **all; // every block, by address
	size_t count;
	struct debug_block **work; // reached, and not yet looked into
	size_t waiting;
	uintptr_t stack; // no pointers below; the first thread's
};

// -- sorted by what `key` says: heapsort

typedef uintptr_t (*sort_key)(const struct debug_block *block);

static void sink(struct debug_block **base, size_t root, size_t count, sort_key key)
{
	for (;;) {
		size_t child = 2 * root + 1;
		struct debug_block *held = base[root];

		if (child >= count)
			return;
		if (child + 1 < count && key(base[child]) < key(base[child + 1]))
			child++;
		if (key(held) >= key(base[child]))
			return;
		base[root] = base[child];
		base[child] = held;
		root = child;
	}
}

static void sort(struct debug_block **base, size_t count, sort_key key)
{
	for (size_t root = count / 2; root-- > 0;)
		sink(base, root, count, key);
	while (count-- > 1) {
		struct debug_block *largest = base[0];

		base[0] = base[count];
		base[count] = largest;
		sink(base, 0, count, key);
	}
}

static uintptr_t by_address(const struct debug_block *block)
{
	return block->low;
}

// -- what is reached

// The first block whose memory ends behind `address`, or `count`.
static size_t first_behind(const struct search *search, uintptr_t address)
{
	size_t low = 0, high = search->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->all[middle]->high > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void reach(struct search *search, uintptr_t pointer)
{
	size_t at = first_behind(search, pointer);
	struct debug_block *block;

	// A pointer just behind a block, or to an empty one at its guard page, is to that block.
	if (at > 0 && search->all[at - 1]->high == pointer &&
	    (at == search->count || search->all[at]->start > pointer))
		at--;
	if (at == search->count)
		return;
	block = search->all[at];
	if (pointer < block->start || pointer > block->start + block->size || block->reached ||
	    block->state != BLOCK_LIVE)
		return;
	block->reached = true;
	search->work[search->waiting++] = block;
}

static void look_at(struct search *search, uintptr_t from, uintptr_t to)
{
	for (from = (from + 7) & -8ul; from + 8 <= to; from += 8)
		reach(search, *(const uintptr_t *)from);
}

// A part of a mapping that is no table of ours: but for the blocks in it.
static void look_between(struct search *search, uintptr_t from, uintptr_t to)
{
	for (size_t at = first_behind(search, from); from < to; at++) {
		if (at == search->count || search->all[at]->low >= to) {
			look_at(search, from, to);
			return;
		}
		look_at(search, from, search->all[at]->low);
		from = search->all[at]->high;
	}
}

// Pages that were never touched are not: they hold no pointers, and looking would fill memory.
static void look_through(struct search *search, uintptr_t from, uintptr_t to)
{
	unsigned char resident[AT_ONCE];
	uintptr_t end;

	for (; from < to; from += DEBUG_PAGE * AT_ONCE) {
		size_t pages = (to - from) / DEBUG_PAGE;

		if (pages > AT_ONCE)
			pages = AT_ONCE;
		if (system_call3(__NR_mincore, (long)from, (long)(pages * DEBUG_PAGE),
				 (long)resident) != 0)
			continue;
		for (size_t i = 0; i < pages; i++) {
			uintptr_t page = from + i * DEBUG_PAGE;

			if ((resident[i] & 1) && !debug_own_memory(page, &end))
				look_between(search, page, page + DEBUG_PAGE);
		}
	}
}

static bool look_into(const struct debug_mapping *mapping, void *context)
{
	struct search *search = context;
	uintptr_t here = (uintptr_t)&search, start = mapping->start;

	if (!mapping->readable || !mapping->writable || strncmp(mapping->path, "/dev/", 5) == 0)
		return true;
	if (here >= mapping->start && here < mapping->end) {
		start = search->stack;
		look_at(search, start, (start + DEBUG_PAGE - 1) & -DEBUG_PAGE);
		start = (start + DEBUG_PAGE - 1) & -DEBUG_PAGE;
	}
	look_through(search, start, mapping->end);
	return true;
}

static void collect(struct debug_block *block, void *context)
{
	struct search *search = context;

	block->reached = false;
	search->all[search->count++] = block;
}

static void count_block(struct debug_block *block, void *count)
{
	(void)block;
	++*(size_t *)count;
}

// Where the part of the stack begins that still counts.
static uintptr_t stack_in_use(void)
{
	uintptr_t frames[DEBUG_FRAMES_MAX];
	unsigned int count = debug_walk(frames, DEBUG_FRAMES_MAX);
	static struct debug_place place;
	bool named = false;

	for (unsigned int i = 0; i < count; i++) {
		debug_symbolise(frames[i] - 1, &place);
		named |= *place.function != '\0';
		if (strcmp(place.function, "main") == 0)
			return (uintptr_t)frames;
	}
	return named ? UINTPTR_MAX & -DEBUG_PAGE : (uintptr_t)frames;
}

static void mark(struct search *search)
{
	sort(search->all, search->count, by_address);
	search->stack = stack_in_use();
	debug_each_mapping(look_into, search);
	while (search->waiting > 0) {
		const struct debug_block *block = search->work[--search->waiting];

		look_at(search, block->start, block->start + block->size);
	}
}

// -- the report

struct group {
	const struct debug_stack *stack;
	size_t blocks, bytes;
	int thread;
};

static uintptr_t by_stack(const struct debug_block *block)
{
	return (uintptr_t)block->allocated;
}

static void say_group(const struct group *group, const char *how)
{
	debug_say("MALLOC_DEBUG: leak: %zu byte%s in %zu block%s %s\n", group->bytes,
		  group->bytes == 1 ? "" : "s", group->blocks, group->blocks == 1 ? "" : "s", how);
	debug_say_stack("allocated", group->stack, group->thread);
}

// Those with the most bytes, largest first, each time the largest that is smaller than the last.
static void say_largest(const struct group *groups, size_t count, const char *how)
{
	size_t shown = 0, below = SIZE_MAX, at = 0;

	for (; shown < count && shown < GROUPS_SHOWN; shown++) {
		const struct group *largest = NULL;

		for (size_t i = 0; i < count; i++) {
			bool later =
				groups[i].bytes < below || (groups[i].bytes == below && i > at);

			if (later && (!largest || groups[i].bytes > largest->bytes))
				largest = &groups[i];
		}
		if (!largest)
			break;
		say_group(largest, how);
		below = largest->bytes;
		at = (size_t)(largest - groups);
	}
	if (shown < count)
		debug_say("MALLOC_DEBUG: leak: and %zu more places\n", count - shown);
}

struct total {
	size_t blocks, bytes;
};

// Sums up the live blocks that are reached or not, by their stacks; says them when wanted.
static struct total sum_up(struct search *search, bool reached, bool shown)
{
	struct group *groups = debug_pages((search->count + 1) * sizeof(*groups)), *group = NULL;
	struct total total = {0, 0};
	size_t count = 0;

	for (size_t i = 0; i < search->count; i++) {
		const struct debug_block *block = search->all[i];

		if (block->state != BLOCK_LIVE || block->reached != reached)
			continue;
		total.blocks++;
		total.bytes += block->size;
		if (!groups)
			continue;
		if (!group || group->stack != block->allocated) {
			group = &groups[count++];
			group->stack = block->allocated;
			group->thread = block->allocating;
		}
		group->blocks++;
		group->bytes += block->size;
	}
	if (shown && groups)
		say_largest(groups, count, reached ? "still reachable" : "lost");
	if (groups)
		debug_pages_back(groups, (search->count + 1) * sizeof(*groups));
	return total;
}

void debug_report_leaks(size_t *lost)
{
	struct search search = {.count = 0};
	size_t count = 0, bytes;
	struct total unreached, reached;

	debug_each_block(count_block, &count);
	bytes = (count + 1) * sizeof(*search.all);
	search.all = debug_pages(bytes);
	search.work = debug_pages(bytes);
	if (search.all && search.work) {
		debug_each_block(collect, &search);
		mark(&search);
		sort(search.all, search.count, by_stack);
		unreached = sum_up(&search, false, true);
		reached = sum_up(&search, true, debug_options.leaks == LEAKS_ALL);
		debug_say("MALLOC_DEBUG: leaks: %zu byte%s in %zu block%s lost, %zu byte%s in "
			  "%zu block%s still reachable; %zu allocated in all\n",
			  unreached.bytes, unreached.bytes == 1 ? "" : "s", unreached.blocks,
			  unreached.blocks == 1 ? "" : "s", reached.bytes,
			  reached.bytes == 1 ? "" : "s", reached.blocks,
			  reached.blocks == 1 ? "" : "s", debug_blocks_made);
		*lost = unreached.blocks;
	} else {
		debug_say("MALLOC_DEBUG: leaks: no memory to look for them\n");
	}
	debug_say_done();
	debug_pages_back(search.all, search.all ? bytes : 0);
	debug_pages_back(search.work, search.work ? bytes : 0);
}
