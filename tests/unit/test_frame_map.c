// SPDX-License-Identifier: MIT
//
// Frames as records: what a reader sees must be what the allocator has, frame by frame, however
// much is read at a time, and also inside of free blocks, whose frames still say what they were.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mm/frame.h"
#include "mm/frame_map.h"
#include "tests/unit/fake_machine.h"

#define FRAMES 12288ul // 48 MiB
#define BLOCKS 2000

// The last range is far away: between the two the table of frames need not be there.
static const struct frame_extent ram[] = {{1, 700}, {1024, 4120}, {4123, 4124}, {9001, 11999}};
#define RANGES (sizeof(ram) / sizeof(ram[0]))

static uint8_t model[FRAMES]; // enum frame_kind of each frame
static struct frame_record records[FRAMES];

static void fill(struct frame *frame, unsigned order, enum frame_kind kind)
{
	memset(&model[frame - frame_table], kind, 1ul << order);
}

static int set_up(void **state)
{
	(void)state;
	fake_machine_reserve(FRAMES);
	for (size_t i = 0; i < RANGES; i++) {
		frame_add(ram[i].first, ram[i].end, FRAME_FREE);
		memset(&model[ram[i].first], FRAME_FREE, ram[i].end - ram[i].first);
	}
	return 0;
}

// Reads everything, `step` frames at a time, and compares.
static void compare(size_t step)
{
	uint64_t kinds[FRAME_KIND_COUNT] = {0};
	size_t at = 0, got;

	memset(records, 0xee, sizeof(records));
	while ((got = frame_map_read(at, step, records + at)) > 0)
		at += got;
	assert_int_equal(at, frame_limit);
	for (size_t i = 0; i < at; i++) {
		if (records[i].kind != model[i])
			fail_msg("frame %zu: read %u, has %u", i, records[i].kind, model[i]);
		kinds[records[i].kind]++;
	}
	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++)
		assert_int_equal(kinds[kind], frame_kind_count(kind));
}

static void kinds_at_random(void **state)
{
	static struct {
		struct frame *frame;
		unsigned order;
	} blocks[BLOCKS];

	(void)state;
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 200; i++) {
			unsigned which = fake_random(BLOCKS);
			unsigned order = fake_random(4) ? 0 : fake_random(8);
			enum frame_kind kind = order ? FRAME_KERNEL : FRAME_ANON;

			if (blocks[which].frame) {
				fill(blocks[which].frame, blocks[which].order, FRAME_FREE);
				frame_free(blocks[which].frame, blocks[which].order);
				blocks[which].frame = NULL;
				continue;
			}
			blocks[which].frame = frame_alloc(order, kind);
			blocks[which].order = order;
			if (blocks[which].frame)
				fill(blocks[which].frame, order, kind);
		}
		compare(1 + fake_random(3000));
	}
}

static void references(void **state)
{
	struct frame *frame = frame_alloc(0, FRAME_ANON);
	struct frame_record record;

	(void)state;
	frame_get(frame);
	assert_int_equal(frame_map_read(frame - frame_table, 1, &record), 1);
	assert_int_equal(record.references, 2);
	assert_int_equal(record.kind, FRAME_ANON);
	assert_int_equal(record.order, 0);
	frame->references = 70000;
	frame_map_read(frame - frame_table, 1, &record);
	assert_int_equal(record.references, FRAME_RECORD_MANY);
	frame->references = 1;
	frame_free(frame, 0);
	frame_map_read(frame - frame_table, 1, &record);
	assert_int_equal(record.references, 0);
	assert_int_equal(record.kind, FRAME_FREE);
}

static void end_of_memory(void **state)
{
	struct frame_record record[3];

	(void)state;
	assert_int_equal(frame_limit, 11999);
	assert_int_equal(frame_map_read(11998, 3, record), 1);
	assert_int_equal(frame_map_read(11999, 3, record), 0);
	assert_int_equal(frame_map_read(UINT64_MAX, 3, record), 0);
	assert_int_equal(frame_map_read(5000, 1, record), 1);
	assert_int_equal(record[0].kind, FRAME_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_at_random),
		cmocka_unit_test(references),
		cmocka_unit_test(end_of_memory),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
