// SPDX-License-Identifier: MIT
//
// heap [BLOCKS]: draws malloc's heap while it is filled, emptied and used by a thread
//
// Each letter is some bytes of the heap: what most of them are. The blocks are those that malloc
// itself finds when it goes through its heap; whether a page has a frame, the page table says.
#include "lib/libc/malloc_walk.h"
#include "user/lib/figures.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include "user/lib/station.h"
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thread.h>

#define COLUMNS    64
#define ROWS       16
#define BLOCKS     400
#define BLOCKS_MAX 100000
#define ENDS       16 // bytes: padding before the first header, the fence behind the last block

enum kind { USED, CACHED, FREE, UNTOUCHED, KINDS };

static const struct {
	char letter;
	const char *name;
	enum style style;
} kinds[KINDS] = {
	[USED] = {'#', "used", STYLE_ACCENT},
	[CACHED] = {'c', "cached", STYLE_GOOD},
	[FREE] = {'-', "free", STYLE_PLAIN},
	[UNTOUCHED] = {'.', "never touched", STYLE_DIM},
};

struct piece {
	uintptr_t start, end;
	enum malloc_state state;
};

static struct piece pieces[BLOCKS_MAX + 1000];
static size_t piece_count;
static void **blocks;

static void remember(const void *start, size_t size, enum malloc_state state, void *context)
{
	(void)context;
	if (piece_count < sizeof(pieces) / sizeof(pieces[0]))
		pieces[piece_count++] =
			(struct piece){(uintptr_t)start, (uintptr_t)start + size, state};
}

static bool touched(uintptr_t page)
{
	struct walk walk;

	return walk_address((void *)page, &walk) && walk.present;
}

// Bytes of each kind in [low, high) of a page; *at: the first piece that reaches into it.
static void count_bytes(uintptr_t low, uintptr_t high, bool present, size_t *at,
			size_t sums[KINDS])
{
	while (*at < piece_count && pieces[*at].end <= low)
		(*at)++;
	for (size_t i = *at; i < piece_count && pieces[i].start < high; i++) {
		uintptr_t from = pieces[i].start > low ? pieces[i].start : low;
		uintptr_t to = pieces[i].end < high ? pieces[i].end : high;
		enum kind kind = pieces[i].state == MALLOC_USED     ? USED
				 : pieces[i].state == MALLOC_CACHED ? CACHED
				 : present                          ? FREE
								    : UNTOUCHED;

		sums[kind] += to - from;
	}
}

static void put_letter(const size_t sums[KINDS])
{
	enum kind most = USED;

	for (enum kind kind = USED; kind < KINDS; kind++)
		if (sums[kind] > sums[most])
			most = kind;
	printf("%s%c%s", style(kinds[most].style), kinds[most].letter, style(STYLE_PLAIN));
}

// Draws what is in `pieces`, and adds it up.
static void draw(size_t totals[KINDS])
{
	uintptr_t low = pieces[0].start & -page_size();
	uintptr_t end = pieces[piece_count - 1].end;
	size_t scale = 16, at = 0;
	bool present = false;

	while ((end - low) / scale > COLUMNS * ROWS)
		scale *= 2;
	printf("    one letter is %zu bytes\n", scale);
	for (uintptr_t mark = low; mark < end; mark += scale) {
		size_t sums[KINDS] = {0};

		if ((mark - low) % (scale * COLUMNS) == 0)
			printf("    %8lx  ", mark);
		if (mark % page_size() == 0 || scale > page_size())
			present = touched(mark);
		count_bytes(mark, mark + scale < end ? mark + scale : end, present, &at, sums);
		put_letter(sums);
		for (enum kind kind = USED; kind < KINDS; kind++)
			totals[kind] += sums[kind];
		if ((mark - low) / scale % COLUMNS == COLUMNS - 1 || mark + scale >= end)
			printf("\n");
	}
}

static void picture(const char *moment)
{
	size_t totals[KINDS] = {0}, sum = 0;
	struct mallinfo2 info;

	piece_count = 0;
	malloc_walk(remember, NULL);
	info = mallinfo2();
	say("\n%s", moment);
	if (piece_count == 0) {
		check(false, "malloc has a heap");
		return;
	}
	draw(totals);
	printf("   ");
	for (enum kind kind = USED; kind < KINDS; kind++)
		printf(" %c %s: %zu bytes%s", kinds[kind].letter, kinds[kind].name, totals[kind],
		       kind + 1 < KINDS ? "," : "\n");
	for (enum kind kind = USED; kind < KINDS; kind++)
		sum += totals[kind];
	check(sum + ENDS == info.arena && totals[CACHED] >= info.fsmblks,
	      "they lie end to end: %zu bytes, the heap as mallinfo2 has it but for its two ends",
	      sum);
}

static uint32_t random_number(void)
{
	static uint32_t state = 1;

	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static void fill(size_t from, size_t count)
{
	for (size_t i = from; i < count; i++) {
		size_t size = 16 + random_number() % 500;

		if (blocks[i])
			continue;
		blocks[i] = malloc(size);
		if (blocks[i])
			memset(blocks[i], 1, size);
	}
}

static void in_thread(void *context)
{
	size_t count = (size_t)context;

	for (size_t i = 0; i < count; i += 4) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

int main(int argc, char **argv)
{
	char *end = "";
	size_t count = argc > 1 ? strtoul(argv[1], &end, 10) : BLOCKS;
	struct thread thread;

	screen_start();
	if (argc > 2 || *end || count < 4 || count > BLOCKS_MAX) {
		fprintf(stderr, "usage: heap [BLOCKS]    (4 to %d)\n", BLOCKS_MAX);
		return 2;
	}
	blocks = calloc(count, sizeof(*blocks));
	if (!blocks) {
		perror("heap");
		return 1;
	}
	picture("One block, of pointers, and what the heap grew by:");
	fill(0, count);
	picture("Filled with blocks of 16 to 515 bytes; some more are cached for the next "
		"malloc:");
	for (size_t i = 0; i < count; i += 2) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	picture("Every second block freed: cached while the cache has room, then free:");
	fill(count / 2, count);
	if (thread_start(&thread, in_thread, (void *)count))
		thread_join(&thread);
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
	free(blocks);
	picture("All freed, some of it by another thread:");
	malloc_trim(0);
	picture("After malloc_trim, which gives back what it can:");
	return checks_failed() != 0;
}
