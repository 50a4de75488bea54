// SPDX-License-Identifier: MIT
//
// The frame allocator against the simplest model there is: for each frame, who has it. RAM here
// has holes and ragged ends. A block must be had exactly when the model has room for one, and
// when everything is given back the free blocks must be as large as they were at first.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mm/failure.h"
#include "mm/frame.h"
#include "tests/unit/fake_machine.h"

#define FRAMES     12288ul // 48 MiB
#define BLOCKS_MAX 4096
#define CPUS       4

// Free RAM: nothing but the second range is aligned to a large block.
static const struct frame_extent ram[] = {{1, 700}, {1024, 5120}, {5123, 5124}, {6001, 11999}};
#define RANGES (sizeof(ram) / sizeof(ram[0]))

static bool in_use[FRAMES + 1024]; // the model: has somebody this frame, or is it no RAM at all?
static uint64_t free_frames;       // the same counted

static struct block {
	struct frame *frame;
	unsigned order;
	enum frame_kind kind;
} blocks[BLOCKS_MAX];
static unsigned block_count;

static uint64_t number_of(const struct frame *frame)
{
	return frame - frame_table;
}

static void mark(uint64_t first, uint64_t frames, bool used)
{
	for (uint64_t i = first; i < first + frames; i++) {
		assert_int_not_equal(in_use[i], used);
		in_use[i] = used;
	}
	free_frames += used ? -frames : frames;
}

static bool model_has_room(unsigned order)
{
	for (uint64_t first = 0; first < FRAMES; first += 1ul << order) {
		uint64_t i = first;

		while (i < first + (1ul << order) && !in_use[i])
			i++;
		if (i == first + (1ul << order))
			return true;
	}
	return false;
}

// What a block holds at its two ends while it is somebody's.
static uint64_t *stamp_of(const struct block *block, bool end)
{
	char *memory = frame_to_virt(block->frame);

	return (uint64_t *)(end ? memory + (PAGE_SIZE << block->order) - 8 : memory);
}

static bool allocate(unsigned order, enum frame_kind kind)
{
	struct block *block = &blocks[block_count];
	struct frame *frame = frame_alloc(order, kind);

	if (!frame)
		return false;
	assert_int_equal(number_of(frame) & ((1ul << order) - 1), 0);
	assert_int_equal(frame->references, 1);
	for (uint64_t i = 0; i < 1ul << order; i++)
		assert_int_equal(frame[i].kind, kind);
	mark(number_of(frame), 1ul << order, true);
	*block = (struct block){frame, order, kind};
	*stamp_of(block, false) = *stamp_of(block, true) = number_of(frame);
	block_count++;
	return true;
}

static void release(unsigned i)
{
	struct block block = blocks[i];

	assert_int_equal(*stamp_of(&block, false), number_of(block.frame));
	assert_int_equal(*stamp_of(&block, true), number_of(block.frame));
	mark(number_of(block.frame), 1ul << block.order, false);
	frame_free(block.frame, block.order);
	blocks[i] = blocks[--block_count];
}

static void release_all(void)
{
	while (block_count)
		release(fake_random(block_count));
	for (fake_cpu = 0; fake_cpu < CPUS; fake_cpu++)
		frame_drain();
	fake_cpu = 0;
	assert_int_equal(frame_cpu_listed(), 0);
}

// Free blocks of an order when nothing is allocated: each range in the largest that fit.
static uint64_t whole_blocks(unsigned wanted)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < RANGES; i++) {
		for (uint64_t at = ram[i].first; at < ram[i].end;) {
			unsigned order = FRAME_ORDER_MAX;

			while (at % (1ul << order) || at + (1ul << order) > ram[i].end)
				order--;
			found += order == wanted;
			at += 1ul << order;
		}
	}
	return found;
}

static void assert_whole(void)
{
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		assert_int_equal(frame_free_blocks(order), whole_blocks(order));
}

static void assert_counts(void)
{
	uint64_t kinds[FRAME_KIND_COUNT] = {[FRAME_FREE] = free_frames, [FRAME_RESERVED] = 1};
	uint64_t listed = frame_cpu_listed();

	for (unsigned i = 0; i < block_count; i++)
		kinds[blocks[i].kind] += 1ul << blocks[i].order;
	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++)
		assert_int_equal(frame_kind_count(kind), kinds[kind]);
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		listed += frame_free_blocks(order) << order;
	assert_int_equal(listed, free_frames);
}

static void starts_in_largest_blocks(void **state)
{
	(void)state;
	assert_whole();
	assert_counts();
}

// Mostly small blocks, sometimes the largest, so that memory is short and in pieces.
static unsigned random_order(void)
{
	return fake_random(3) ? fake_random(3) : fake_random(FRAME_ORDER_MAX + 1);
}

static void random_blocks(void **state)
{
	static const enum frame_kind kinds[] = {FRAME_ANON, FRAME_SLAB, FRAME_STACK, FRAME_KERNEL};
	uint64_t refused = 0;

	(void)state;
	fake_seed();
	for (unsigned step = 0; step < 40000; step++) {
		bool fill = step / 4000 % 2 == 0;
		unsigned order = random_order();

		if (block_count < BLOCKS_MAX && (fake_random(10) < (fill ? 8u : 3u))) {
			if (allocate(order, kinds[fake_random(4)]))
				continue;
			refused++;
			assert_false(model_has_room(order));
		} else if (block_count) {
			release(fake_random(block_count));
		}
		if (step % 1000 == 0)
			assert_counts();
	}
	assert_true(refused > 100);
	release_all();
	assert_whole();
	assert_counts();
}

// Frames wander from CPU to CPU: only the sums mean something, and nothing is lost.
static void several_cpus(void **state)
{
	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		fake_cpu = fake_random(CPUS);
		if (block_count < 1000 && fake_random(2))
			allocate(fake_random(2), FRAME_ANON);
		else if (block_count)
			release(fake_random(block_count));
	}
	assert_counts();
	assert_true(frame_cpu_listed() <= CPUS * 128);
	release_all();
	assert_whole();
}

static void every_frame_once(void **state)
{
	static struct frame *taken[FRAMES];
	uint64_t wanted = free_frames, count = 0;
	struct frame *frame;

	(void)state;
	while ((frame = frame_alloc(0, FRAME_ANON))) {
		mark(number_of(frame), 1, true);
		taken[count++] = frame;
	}
	assert_int_equal(count, wanted);
	assert_int_equal(frame_kind_count(FRAME_FREE), 0);
	for (unsigned order = 0; order <= FRAME_ORDER_MAX + 1; order++)
		assert_null(frame_alloc(order, FRAME_ANON));
	while (count) {
		uint64_t i = fake_random(count);

		mark(number_of(taken[i]), 1, false);
		frame_put(taken[i]);
		taken[i] = taken[--count];
	}
	frame_drain();
	assert_whole();
}

static void references(void **state)
{
	struct frame *frame = frame_alloc(0, FRAME_ANON);

	(void)state;
	for (unsigned i = 0; i < 70000; i++)
		frame_get(frame);
	for (unsigned i = 0; i < 70000; i++)
		frame_put(frame);
	assert_int_equal(frame->kind, FRAME_ANON);
	assert_int_equal(frame->references, 1);
	frame_put(frame);
	assert_int_equal(frame->kind, FRAME_FREE);
	assert_panics(frame_put(frame), "without a reference");
	frame->references = 0;
}

static void zeroed(void **state)
{
	static const char zeros[PAGE_SIZE];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct frame *frame = frame_alloc_zeroed(FRAME_KERNEL);

		assert_memory_equal(frame_to_virt(frame), zeros, PAGE_SIZE);
		memset(frame_to_virt(frame), 0xff, PAGE_SIZE);
		frame_free(frame, 0);
	}
	frame_drain();
}

static void assert_not_freeable(struct frame *frame)
{
	assert_panics(frame_free(frame, 0), "free of frame");
}

static void wrong_frees_panic(void **state)
{
	struct frame *frame = frame_alloc(0, FRAME_ANON), *block = frame_alloc(3, FRAME_KERNEL);

	(void)state;
	assert_panics(frame_free(frame, 1), "as order 1, allocated as 0");
	assert_panics(frame_free(block, 0), "as order 0, allocated as 3");
	assert_panics(frame_free(block + 1, 0), "heads no block");
	assert_panics(frame_free(block + 4, 2), "heads no block");
	frame_get(frame);
	assert_panics(frame_free(frame, 0), "2 references");
	frame_put(frame);
	frame_free(frame, 0);
	assert_panics(frame_free(frame, 0), "double free");
	frame_drain();
	assert_panics(frame_free(frame, 0), "double free");
	frame_free(block, 3);
	assert_panics(frame_free(block, 3), "double free");
	for (unsigned i = 1; i < 8; i++)
		assert_not_freeable(block + i);
	assert_panics(frame_free(&frame_table[0], 0), "no RAM of the allocator's");
	assert_panics(frame_free(&frame_table[800], 0), "no RAM of the allocator's");
	assert_panics(frame_free(&frame_table[FRAMES + 5], 0), "no RAM of the allocator's");
	// A frame that was free from the start, inside of a block.
	assert_not_freeable(&frame_table[2049]);
	assert_whole();
}

static void fails_when_told_to(void **state)
{
	struct frame *frame;

	(void)state;
	failure_arm(2);
	frame = frame_alloc(0, FRAME_ANON);
	assert_non_null(frame);
	assert_null(frame_alloc(3, FRAME_ANON));
	frame_free(frame, 0);
	frame = frame_alloc(3, FRAME_ANON);
	assert_non_null(frame);
	frame_free(frame, 3);
	failure_arm(1);
	failure_arm(0);
	fake_fail_start(1);
	assert_null(frame_alloc_zeroed(FRAME_ANON));
	assert_true(fake_fail_stop());
	assert_int_equal(failure_armed, 0);
	frame_drain();
	assert_whole();
}

// Last: it adds RAM. What was declared as the kernel's own can not be freed, only given back.
static void given_back(void **state)
{
	uint64_t total = frame_total(), usable = frame_kind_count(FRAME_FREE);
	size_t count;

	(void)state;
	frame_add(5120, 5123, FRAME_BOOT);
	frame_add(5124, 6001, FRAME_IMAGE);
	assert_int_equal(frame_total(), total + 880);
	assert_int_equal(frame_kind_count(FRAME_BOOT), 3);
	assert_int_equal(frame_extents(&count)[count - 1].first, 1024);
	assert_int_equal(count, 2);
	assert_not_freeable(&frame_table[5121]);
	assert_not_freeable(&frame_table[5124]);
	frame_give_back(5120, 5123);
	frame_give_back(5124, 6001);
	assert_int_equal(frame_kind_count(FRAME_BOOT) + frame_kind_count(FRAME_IMAGE), 0);
	assert_int_equal(frame_kind_count(FRAME_FREE), usable + 880);
	// 1024 to 11999 is one piece now: ten largest blocks, and what lies beside them.
	assert_int_equal(frame_free_blocks(FRAME_ORDER_MAX), 10);
	for (uint64_t number = 5120; number < 6001; number++)
		assert_not_freeable(&frame_table[number]);
	assert_audit();
}

static void extents_join(void **state)
{
	const struct frame_extent *extents;
	size_t count;

	(void)state;
	frame_add(12100, 12110, FRAME_MODULE);
	frame_add(12050, 12060, FRAME_RESERVED);
	extents = frame_extents(&count);
	assert_int_equal(count, 4);
	assert_int_equal(extents[2].first, 12050);
	frame_add(12060, 12100, FRAME_KERNEL);
	assert_int_equal(frame_extents(&count)[2].first, 12050);
	assert_int_equal(frame_extents(&count)[2].end, 12110);
	assert_int_equal(count, 3);
	frame_add(12040, 12050, FRAME_MODULE);
	assert_int_equal(frame_extents(&count)[2].first, 12040);
	assert_int_equal(frame_limit, 12110);
	for (unsigned kind = 0; kind < FRAME_KIND_COUNT; kind++)
		assert_string_not_equal(frame_kind_name(kind), "?");
	assert_string_equal(frame_kind_name(FRAME_DEVICE + 1), "?");
}

static int start(void **state)
{
	(void)state;
	fake_machine_reserve(FRAMES);
	memset(in_use, true, sizeof(in_use));
	frame_add(0, 1, FRAME_RESERVED);
	for (unsigned i = RANGES; i-- > 0;) {
		frame_add(ram[i].first, ram[i].end, FRAME_FREE);
		mark(ram[i].first, ram[i].end - ram[i].first, false);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_in_largest_blocks),
		cmocka_unit_test(random_blocks),
		cmocka_unit_test(several_cpus),
		cmocka_unit_test(every_frame_once),
		cmocka_unit_test(references),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(wrong_frees_panic),
		cmocka_unit_test(fails_when_told_to),
		cmocka_unit_test(given_back),
		cmocka_unit_test(extents_join),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
