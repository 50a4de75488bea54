// SPDX-License-Identifier: MIT
//
// lib/parse.c against the host's strtoull, and lib/bitmap.h against an array of bools.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/bitmap.h"
#include "lib/parse.h"
#include "tests/unit/random.h"

static void corners(void **state)
{
	uint64_t value = 77;

	(void)state;
	assert_int_equal(parse_unsigned("", SIZE_MAX, 10, &value), 0);
	assert_int_equal(parse_unsigned(" 1", SIZE_MAX, 10, &value), 0);
	assert_int_equal(parse_unsigned("-1", SIZE_MAX, 10, &value), 0);
	assert_int_equal(parse_unsigned("18446744073709551616", SIZE_MAX, 10, &value), 0);
	assert_int_equal(parse_unsigned("12", 0, 10, &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(parse_unsigned("1234", 2, 10, &value), 2);
	assert_int_equal(value, 12);
	assert_int_equal(parse_unsigned("0x1fg", SIZE_MAX, 0, &value), 4);
	assert_int_equal(value, 0x1f);
	assert_int_equal(parse_unsigned("0x1f", 2, 0, &value), 1);
	assert_int_equal(value, 0);
	assert_int_equal(parse_unsigned("0x", SIZE_MAX, 16, &value), 1);
	assert_int_equal(parse_unsigned("000181FF", 8, 16, &value), 8);
	assert_int_equal(value, 0x181ff);
	assert_int_equal(parse_unsigned("18446744073709551615", SIZE_MAX, 10, &value), 20);
	assert_true(value == UINT64_MAX);
}

static void sizes(void **state)
{
	uint64_t value = 77;

	(void)state;
	assert_false(parse_size("", &value));
	assert_false(parse_size("M", &value));
	assert_false(parse_size("1x", &value));
	assert_false(parse_size("1MB", &value));
	assert_false(parse_size("1 ", &value));
	assert_false(parse_size("20000000000G", &value));
	assert_int_equal(value, 77);
	assert_true(parse_size("64M", &value) && value == 64 << 20);
	assert_true(parse_size("0x10k", &value) && value == 16 << 10);
	assert_true(parse_size("3G", &value) && value == 3ull << 30);
	assert_true(parse_size("4096", &value) && value == 4096);
}

// Text of characters that numbers are made of, in any order.
static void random_texts(void **state)
{
	static const int bases[] = {0, 2, 8, 10, 16, 36};

	(void)state;
	random_start();
	for (int i = 0; i < 100000; i++) {
		char text[24] = "", *end;
		int base = bases[random_below(6)];
		uint64_t value = 0, expected;
		size_t taken;

		for (uint64_t length = random_below(23), at = 0; at < length; at++)
			text[at] = "00123456789abfxXzZ"[random_below(18)];
		errno = 0;
		expected = strtoull(text, &end, base);
		taken = parse_unsigned(text, SIZE_MAX, (unsigned int)base, &value);
		if (errno == ERANGE)
			assert_int_equal(taken, 0);
		else if (taken != (size_t)(end - text) || (taken && value != expected))
			fail_msg("\"%s\" in base %d: %zu characters, %lu", text, base, taken,
				 value);
	}
}

#define BITS 200

static void bitmaps(void **state)
{
	uint64_t map[BITMAP_WORDS(BITS)] = {0};
	bool model[BITS] = {false};

	(void)state;
	random_start();
	map[BITMAP_WORDS(BITS) - 1] = ~0ull
				      << BITS % 64; // what lies past the end is not looked at
	for (int i = 0; i < 20000; i++) {
		size_t bit = random_below(BITS), from = random_below(BITS + 1);
		size_t set = from, clear = from;

		model[bit] = random_below(i / 1000 % 2 ? 8 : 2) == 0;
		if (model[bit])
			bitmap_set(map, bit);
		else
			bitmap_clear(map, bit);
		assert_int_equal(bitmap_test(map, bit), model[bit]);
		while (set < BITS && !model[set])
			set++;
		while (clear < BITS && model[clear])
			clear++;
		assert_int_equal(bitmap_next_set(map, BITS, from), set);
		assert_int_equal(bitmap_next_clear(map, BITS, from), clear);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corners),
		cmocka_unit_test(sizes),
		cmocka_unit_test(random_texts),
		cmocka_unit_test(bitmaps),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
