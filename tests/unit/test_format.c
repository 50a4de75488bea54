// SPDX-License-Identifier: MIT
//
// lib/format.c against the host's snprintf: chosen corners, then random specifications.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "tests/unit/random.h"

#define snprintf  tested_snprintf
#define vsnprintf tested_vsnprintf
#include "lib/format.c"
#undef snprintf
#undef vsnprintf

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#endif
#pragma GCC diagnostic ignored "-Wformat-zero-length"

#define ROOM 700

// The same text, the same result, nothing written past the size given.
#define assert_same(size, ...)                                     \
	do {                                                       \
		char theirs[ROOM], ours[ROOM];                     \
		int expected, result;                              \
                                                                   \
		memset(theirs, '~', ROOM);                         \
		memset(ours, '~', ROOM);                           \
		expected = snprintf(theirs, size, __VA_ARGS__);    \
		result = tested_snprintf(ours, size, __VA_ARGS__); \
		assert_memory_equal(ours, theirs, ROOM);           \
		assert_int_equal(result, expected);                \
	} while (0)

static void integers(void **state)
{
	(void)state;
	assert_same(ROOM, "%d %i %u", 0, INT_MIN, UINT_MAX);
	assert_same(ROOM, "%ld %ld %lu %lld", LONG_MIN, LONG_MAX, ULONG_MAX, LLONG_MIN);
	assert_same(ROOM, "%hhd %hhu %hd %hu", 0x1ff, 0x1ff, 0x1ffff, 0x1ffff);
	assert_same(ROOM, "%zu %zd %jd %td", SIZE_MAX, (size_t)-1, INTMAX_MIN, PTRDIFF_MIN);
	assert_same(ROOM, "%x %X %#x %#X %#x", 0xabc, 0xabc, 0xabc, 0xabc, 0);
	assert_same(ROOM, "%o %#o %#o %lo", 8, 8, 0, ULONG_MAX);
	assert_same(ROOM, "%+d % d %+d % d %+ d", 5, 5, -5, -5, 5);
	assert_same(ROOM, "%.0d|%.0x|%#.0o|%.0u|%5.0d", 0, 0, 0, 0, 0);
	assert_same(ROOM, "%05d|%-5d|%-05d|%05.3d|%+05d", -42, -42, -42, -42, 42);
	assert_same(ROOM, "%#08x|%#-8x|%#8.4x|%#.8o", 0x1f, 0x1f, 0x1f, 0x1f);
	assert_same(ROOM, "%*d|%*d|%.*d|%.*d", 7, 1, -7, 2, 3, 3, -3, 4);
}

static void text(void **state)
{
	(void)state;
	assert_same(ROOM, "");
	assert_same(ROOM, "no conversion");
	assert_same(ROOM, "%s|%10s|%-10s|%.2s|%10.2s", "abc", "abc", "abc", "abc", "abc");
	assert_same(ROOM, "%s|%10s", (char *)NULL, (char *)NULL);
	assert_same(ROOM, "%c%c|%5c|%-5c|", 'x', 0, 'y', 'z');
	assert_same(ROOM, "100%% of %d%%", 5);
	assert_same(ROOM, "%p|%20p|%-20p|", (void *)1, (void *)0xfffffffffffffffful, (void *)16);
	assert_same(ROOM, "%300d|%-300s|", 1, "x");
}

// The sanitizer's snprintf reads on until a NUL, so the host's can not be asked.
static void unterminated_text(void **state)
{
	const char letters[3] = {'a', 'b', 'c'};
	char buffer[16];

	(void)state;
	tested_snprintf(buffer, 16, "%.3s|%.0s|%.*s", letters, letters, 2, letters);
	assert_string_equal(buffer, "abc||ab");
}

// glibc writes (nil); a kernel's log is clearer with the number.
static void null_pointer(void **state)
{
	char buffer[8];

	(void)state;
	assert_int_equal(tested_snprintf(buffer, 8, "%p", NULL), 1);
	assert_string_equal(buffer, "0");
}

static void cut(void **state)
{
	(void)state;
	for (size_t size = 0; size < 20; size++) {
		assert_same(size, "%d-%s-%x", 12345, "abcdef", 0xbeef);
		assert_same(size, "%-10d%5s", 1, "x");
	}
	assert_int_equal(tested_snprintf(NULL, 0, "%s", "four"), 4);
}

// The result does not fit in an int, and must not take for ever either.
static void too_long(void **state)
{
	char buffer[4];

	(void)state;
	assert_int_equal(tested_snprintf(buffer, 4, "%*d%*d", INT_MAX, 1, INT_MAX, 1), -1);
	assert_string_equal(buffer, "   ");
}

static void unknown_conversion(void **state)
{
	char buffer[32];

	(void)state;
	assert_int_equal(tested_snprintf(buffer, 32, "%k %-5y|%d", 7), 9);
	assert_string_equal(buffer, "%k %-5y|7");
	assert_int_equal(tested_snprintf(buffer, 32, "abc%"), 4);
	assert_string_equal(buffer, "abc%");
}

// Any flags, width, precision and length with an integer conversion of the bits in `value`.
static void random_specification(char *specification)
{
	static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "j", "t"};
	char *at = specification;

	*at++ = '%';
	for (int i = 0; i < 5; i++)
		if (random_below(3) == 0)
			*at++ = "-+ #0"[i];
	if (random_below(2))
		at += sprintf(at, "%d", (int)random_below(30) + 1);
	if (random_below(2))
		at += sprintf(at, ".%d", (int)random_below(30));
	at += sprintf(at, "%s", lengths[random_below(8)]);
	*at++ = "diuxXo"[random_below(6)];
	*at = '\0';
}

static void random_integers(void **state)
{
	char specification[32];

	(void)state;
	random_start();
	for (int i = 0; i < 40000; i++) {
		uint64_t value = random_next() >> random_below(64);
		char theirs[80], ours[80];
		int expected, result;

		random_specification(specification);
		if (random_below(4) == 0)
			value = -value;
		expected = snprintf(theirs, sizeof(theirs), specification, value);
		result = tested_snprintf(ours, sizeof(ours), specification, value);
		if (result != expected || strcmp(theirs, ours) != 0)
			fail_msg("%s of %#lx: [%s], should be [%s]", specification, value, ours,
				 theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(text),
		cmocka_unit_test(unterminated_text),
		cmocka_unit_test(null_pointer),
		cmocka_unit_test(cut),
		cmocka_unit_test(too_long),
		cmocka_unit_test(unknown_conversion),
		cmocka_unit_test(random_integers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
