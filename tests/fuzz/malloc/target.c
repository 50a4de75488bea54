// SPDX-License-Identifier: MIT
//
// lib/libc/malloc.c for libFuzzer: its input is a program of calls, two to six bytes each, on 64
// slots. Each block is filled with a pattern of its slot and looked at before it goes; the whole
// heap is recounted now and then and at the end, when everything is free again.
#define _GNU_SOURCE
#include "tests/unit/malloc_under_test.h"

#define SLOTS 64u

static struct {
	unsigned char *bytes;
	size_t size;
} slots[SLOTS];

static const uint8_t *input;
static size_t left;

static size_t take(size_t bytes)
{
	size_t value = 0;

	for (; bytes > 0 && left > 0; bytes--, left--)
		value = value << 8 | *input++;
	return value;
}

// Small ones mostly; the largest are mappings.
static size_t take_size(void)
{
	size_t value = take(2);

	switch (value >> 14) {
	case 0:
		return value & 0x3f;
	case 1:
		return value & 0xfff;
	case 2:
		return (value & 0x3fff) * 4;
	default:
		return (value & 0x3fff) * 64;
	}
}

static void fill(unsigned int number)
{
	if (slots[number].size > 512) {
		memset(slots[number].bytes, (int)number, 256);
		memset(slots[number].bytes + slots[number].size - 256, (int)number, 256);
	} else {
		memset(slots[number].bytes, (int)number, slots[number].size);
	}
}

static void check(unsigned int number, size_t size)
{
	for (size_t i = 0; i < size; i += i == 255 && size > 512 ? size - 511 : 1)
		assert_int_equal(slots[number].bytes[i], number);
}

static void own(unsigned int number, void *bytes, size_t size)
{
	if (!bytes)
		return;
	assert_int_equal((uintptr_t)bytes % 16, 0);
	assert_true(tested_usable_size(bytes) >= size);
	slots[number].bytes = bytes;
	slots[number].size = size;
	fill(number);
}

static void release_slot(unsigned int number)
{
	if (!slots[number].bytes)
		return;
	check(number, slots[number].size);
	tested_free(slots[number].bytes);
	slots[number].bytes = NULL;
}

static void resize_slot(unsigned int number)
{
	size_t size = take_size() + 1, had = slots[number].size;
	unsigned char *bytes = tested_realloc(slots[number].bytes, size);
	unsigned char *before = slots[number].bytes;

	if (!bytes)
		return;
	slots[number].bytes = bytes;
	if (before)
		check(number, had <= size ? had : size < 256 ? size : 256);
	own(number, bytes, size);
}

static void make_zeroed(unsigned int number)
{
	size_t size = take_size();
	unsigned char *bytes = tested_calloc(1, size);

	for (size_t i = 0; bytes && i < size; i += i < 512 ? 1 : 61)
		assert_int_equal(bytes[i], 0);
	own(number, bytes, size);
}

// What a byte says first: what to do, with a slot of the next one.
static void step(void)
{
	unsigned int what = (unsigned int)take(1), number = (unsigned int)take(1) % SLOTS;

	if (what % 16 < 12 && what % 16 != 9)
		release_slot(number);
	switch (what % 16) {
	case 0 ... 5:
		own(number, tested_malloc(slots[number].size = take_size()), slots[number].size);
		break;
	case 6:
		make_zeroed(number);
		break;
	case 7:
		own(number, tested_memalign(16ul << what / 16, slots[number].size = take_size()),
		    slots[number].size);
		break;
	case 8:
		tested_trim(take_size());
		break;
	case 9:
		resize_slot(number);
		break;
	case 12:
		fail_at = requests + number % 4;
		fail_on = number % 8 >= 4;
		break;
	case 13:
		refuse_brk = number % 2;
		break;
	case 14:
		audit();
		break;
	case 15:
		empty_caches();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!heap_start)
		fresh_heap(NULL);
	input = data;
	left = size;
	while (left > 0)
		step();
	for (unsigned int number = 0; number < SLOTS; number++)
		release_slot(number);
	fail_at = 0;
	fail_on = refuse_brk = false;
	audit();
	empty_caches();
	assert_int_equal(audit(), 0);
	heap.map_from = MAP_FROM;
	heap.trim_above = TRIM_ABOVE;
	return 0;
}
