// SPDX-License-Identifier: MIT
//
// lib/string.c and strlcpy.c against the host's functions, at all alignments, against both ends of
// a block that unreadable pages surround: inline assembly is invisible to the sanitizers.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/unit/random.h"

#define memcpy  tested_memcpy
#define memmove tested_memmove
#define memset  tested_memset
#define memcmp  tested_memcmp
#define memchr  tested_memchr
#define strlen  tested_strlen
#define strnlen tested_strnlen
#define strcmp  tested_strcmp
#define strncmp tested_strncmp
#define strchr  tested_strchr
#define strrchr tested_strrchr
#define strstr  tested_strstr
#define strlcpy tested_strlcpy
#define strlcat tested_strlcat
#include "lib/string.c"
#include "lib/strlcpy.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strlcpy
#undef strlcat

#define PAGE   4096
#define LENGTH 150 // past every threshold in string.c

static char *block_a, *block_b; // a page each, between two that can not be touched
static char expected[PAGE];

static char *guarded_page(void)
{
	char *start = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + PAGE, PAGE, PROT_READ | PROT_WRITE) != 0)
		abort();
	return start + PAGE;
}

static int prepare(void **state)
{
	(void)state;
	block_a = guarded_page();
	block_b = guarded_page();
	random_start();
	return 0;
}

static void fill(char *page)
{
	for (int i = 0; i < PAGE; i++)
		page[i] = (char)random_next();
}

// Where a block of `length` starts: `offset` bytes into the page, or as far from its end.
static size_t place(size_t offset, size_t length, int at_end)
{
	return at_end ? PAGE - length - offset : offset;
}

static void copies(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH; length++) {
		for (int i = 0; i < 8 * 8 * 4; i++) {
			size_t from = place((size_t)i % 8, length, i & 64);
			size_t to = place((size_t)i / 8 % 8, length, i & 128);

			fill(block_a);
			fill(block_b);
			memcpy(expected, block_b, PAGE);
			memcpy(expected + to, block_a + from, length);
			assert_ptr_equal(tested_memcpy(block_b + to, block_a + from, length),
					 block_b + to);
			assert_memory_equal(block_b, expected, PAGE);
			if (length > 40)
				i += 6; // every alignment still meets every other
		}
	}
}

static void moves(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH; length++) {
		for (size_t distance = 0; distance <= 80; distance++) {
			size_t low = distance % 2 ? 0 : PAGE - length - distance;
			size_t from = low, to = low + distance;

			for (int down = 0; down < 2; down++) {
				fill(block_a);
				memcpy(expected, block_a, PAGE);
				memmove(expected + to, expected + from, length);
				assert_ptr_equal(
					tested_memmove(block_a + to, block_a + from, length),
					block_a + to);
				assert_memory_equal(block_a, expected, PAGE);
				from = low + distance;
				to = low;
			}
		}
	}
}

static void sets(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH; length++) {
		for (int i = 0; i < 16; i++) {
			size_t to = place((size_t)i % 8, length, i & 8);
			int byte = (int)random_next();

			fill(block_a);
			memcpy(expected, block_a, PAGE);
			memset(expected + to, byte, length);
			assert_ptr_equal(tested_memset(block_a + to, byte, length), block_a + to);
			assert_memory_equal(block_a, expected, PAGE);
		}
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void compares(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH; length++) {
		for (int i = 0; i < 64; i++) {
			char *a = block_a + place((size_t)i % 8, length, i & 8);
			char *b = block_b + place((size_t)i / 8, length, i & 16);

			fill(block_a);
			memcpy(b, a, length);
			assert_int_equal(tested_memcmp(a, b, length), 0);
			if (length == 0)
				continue;
			b[random_below(length)] ^= (char)(1 << random_below(8));
			assert_int_equal(sign(tested_memcmp(a, b, length)),
					 sign(memcmp(a, b, length)));
		}
	}
}

// Text of few different letters, so that things are found, ending right before the unreadable.
static char *random_text(char *page, size_t length)
{
	char *text = page + PAGE - length - 1;

	for (size_t i = 0; i < length; i++)
		text[i] = "ab\xff"[random_below(3)];
	text[length] = '\0';
	return text;
}

static void searches(void **state)
{
	(void)state;
	for (int i = 0; i < 50000; i++) {
		char *a = random_text(block_a, random_below(12));
		char *b = random_text(block_b, random_below(i % 2 ? 12 : 4));
		size_t limit = random_below(15), end = strlen(a) + 1;
		int wanted = (unsigned char)"ab\xff\0c"[random_below(5)];

		assert_int_equal(tested_strlen(a), strlen(a));
		assert_int_equal(tested_strnlen(a, limit), strnlen(a, limit));
		assert_int_equal(sign(tested_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(tested_strncmp(a, b, limit)), sign(strncmp(a, b, limit)));
		assert_ptr_equal(tested_strchr(a, wanted), strchr(a, wanted));
		assert_ptr_equal(tested_strrchr(a, wanted), strrchr(a, wanted));
		assert_ptr_equal(tested_strstr(a, b), strstr(a, b));
		assert_ptr_equal(tested_memchr(a, wanted, end), memchr(a, wanted, end));
	}
}

// The host may have neither: the description in the header is the model.
static void bounded_copies(void **state)
{
	(void)state;
	for (int i = 0; i < 50000; i++) {
		char *text = random_text(block_a, random_below(12));
		size_t size = random_below(24), length = strlen(text), used;
		char *buffer = block_b + PAGE - size;

		assert_int_equal(tested_strlcpy(buffer, text, size), length);
		if (size > 0) {
			assert_int_equal(strnlen(buffer, size), length < size ? length : size - 1);
			assert_memory_equal(buffer, text, strlen(buffer));
		}
		used = strnlen(buffer, size);
		assert_int_equal(tested_strlcat(buffer, text, size), used + length);
		if (size > 0) {
			size_t all = used + length < size ? used + length : size - 1;

			assert_int_equal(strnlen(buffer, size), all);
			assert_memory_equal(buffer + used, text, all - used);
		}
	}
}

static void pages(void **state)
{
	(void)state;
	fill(block_a);
	page_copy(block_b, block_a);
	assert_memory_equal(block_a, block_b, PAGE);
	page_clear(block_a);
	memset(expected, 0, PAGE);
	assert_memory_equal(block_a, expected, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),   cmocka_unit_test(moves),
		cmocka_unit_test(sets),     cmocka_unit_test(compares),
		cmocka_unit_test(searches), cmocka_unit_test(bounded_copies),
		cmocka_unit_test(pages),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("string", tests, prepare, NULL);
}
