// SPDX-License-Identifier: MIT
//
// The table of blocks. Records come in chunks of the kernel's own pages; those in use hang in a
// hash table by their start. Looking for the block around an address goes through all of them:
// that is for reports, of which there is one.
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"

#define CHUNK  (256ul << 10)
#define FIRST  1024ul // buckets, at first; a power of two
#define CHUNKS ((CHUNK - 16) / sizeof(struct debug_block))

struct chunk {
	struct chunk *next;
	struct debug_block blocks[CHUNKS];
};
_Static_assert(sizeof(struct chunk) <= CHUNK, "a chunk is so many bytes");

static struct chunk *chunks;
static struct debug_block *unused;
static struct debug_block **buckets;
static size_t bucket_count, used;

size_t debug_blocks_made;

static size_t bucket_of(uintptr_t start, size_t count)
{
	return (start * 0x9e3779b97f4a7c15 >> 20) & (count - 1);
}

static bool more_records(void)
{
	struct chunk *chunk = debug_pages(CHUNK);

	if (!chunk)
		return false;
	chunk->next = chunks;
	chunks = chunk;
	for (size_t i = CHUNKS; i-- > 0;) {
		chunk->blocks[i].next = unused;
		unused = &chunk->blocks[i];
	}
	return true;
}

// With as many blocks as buckets, twice as many buckets. Where there is no memory the old ones do.
static bool more_buckets(void)
{
	size_t count = bucket_count ? 2 * bucket_count : FIRST;
	struct debug_block **table = debug_pages(count * sizeof(*table));

	if (!table)
		return bucket_count != 0;
	for (size_t i = 0; i < bucket_count; i++) {
		struct debug_block *block = buckets[i], *next;

		for (; block; block = next) {
			struct debug_block **bucket = &table[bucket_of(block->start, count)];

			next = block->next;
			block->next = *bucket;
			*bucket = block;
		}
	}
	debug_pages_back(buckets, bucket_count * sizeof(*table));
	buckets = table;
	bucket_count = count;
	return true;
}

struct debug_block *debug_block_new(uintptr_t start)
{
	struct debug_block *block, **bucket;

	if ((used == bucket_count && !more_buckets()) || (!unused && !more_records()))
		return NULL;
	block = unused;
	unused = block->next;
	*block = (struct debug_block){.start = start};
	bucket = &buckets[bucket_of(start, bucket_count)];
	block->next = *bucket;
	*bucket = block;
	used++;
	debug_blocks_made++;
	return block;
}

void debug_block_drop(struct debug_block *block)
{
	struct debug_block **link = &buckets[bucket_of(block->start, bucket_count)];

	while (*link != block)
		link = &(*link)->next;
	*link = block->next;
	block->state = BLOCK_UNUSED;
	block->next = unused;
	unused = block;
	used--;
}

struct debug_block *debug_block_at(uintptr_t start)
{
	struct debug_block *block;

	if (!bucket_count)
		return NULL;
	block = buckets[bucket_of(start, bucket_count)];
	while (block && block->start != start)
		block = block->next;
	return block;
}

void debug_each_block(void (*visit)(struct debug_block *, void *), void *context)
{
	for (struct chunk *chunk = chunks; chunk; chunk = chunk->next)
		for (size_t i = 0; i < CHUNKS; i++)
			if (chunk->blocks[i].state != BLOCK_UNUSED)
				visit(&chunk->blocks[i], context);
}

struct nearest {
	uintptr_t address, distance;
	struct debug_block *block;
};

// Without red zones nothing says whose the bytes between two blocks are: the closer one is meant,
// up to the distance of a few words.
#define NEAR 64ul

static void compare(struct debug_block *block, void *context)
{
	struct nearest *nearest = context;
	uintptr_t margin = block->guarded ? DEBUG_PAGE : NEAR, end = block->start + block->size;
	uintptr_t distance = 0;

	if (nearest->address < block->low - margin || nearest->address >= block->high + margin)
		return;
	if (nearest->address < block->start)
		distance = block->start - nearest->address;
	else if (nearest->address >= end && nearest->address != block->start)
		distance = nearest->address - end + 1;
	if (nearest->block && nearest->distance <= distance)
		return;
	nearest->block = block;
	nearest->distance = distance;
}

struct debug_block *debug_block_near(uintptr_t address)
{
	struct nearest nearest = {.address = address};

	debug_each_block(compare, &nearest);
	return nearest.block;
}

struct below {
	uintptr_t low;
	struct debug_block *block;
};

static void compare_below(struct debug_block *block, void *context)
{
	struct below *below = context;

	if (block->high <= below->low && below->low - block->high < DEBUG_PAGE &&
	    (!below->block || below->block->low < block->low))
		below->block = block;
}

struct debug_block *debug_block_below(const struct debug_block *block)
{
	struct below below = {.low = block->low};

	debug_each_block(compare_below, &below);
	return below.block;
}

bool debug_own_memory(uintptr_t start, uintptr_t *end)
{
	for (struct chunk *chunk = chunks; chunk; chunk = chunk->next) {
		if (start - (uintptr_t)chunk >= CHUNK)
			continue;
		*end = (uintptr_t)chunk + CHUNK;
		return true;
	}
	if (start - (uintptr_t)buckets >= bucket_count * sizeof(*buckets))
		return false;
	*end = (uintptr_t)(buckets + bucket_count);
	return true;
}
