// SPDX-License-Identifier: MIT
//
// Numbers from text, random numbers, sorting and searching.
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int digit_value(char character)
{
	if (isdigit(character))
		return character - '0';
	return isalpha(character) ? tolower(character) - 'a' + 10 : INT_MAX;
}

// Passes over "0x" where the base allows it and a digit follows; settles base 0.
static const char *settle_base(const char *at, int *base)
{
	bool prefix = at[0] == '0' && tolower(at[1]) == 'x' && digit_value(at[2]) < 16;

	if (*base == 0)
		*base = prefix ? 16 : *at == '0' ? 8 : 10;
	return *base == 16 && prefix ? at + 2 : at;
}

// What strtol and strtoul have in common: spaces, a sign, digits. The result is the number
// without its sign; *large when that does not fit.
static unsigned long parse_number(const char *text, char **end, int base, bool *negative,
				  bool *large)
{
	unsigned long value = 0;
	const char *at = text, *digits;

	while (isspace((unsigned char)*at))
		at++;
	*negative = *at == '-';
	if (*at == '-' || *at == '+')
		at++;
	at = digits = settle_base(at, &base);
	for (*large = false; digit_value(*at) < base; at++)
		*large |= __builtin_mul_overflow(value, (unsigned long)base, &value) ||
			  __builtin_add_overflow(value, (unsigned long)digit_value(*at), &value);
	if (end)
		*end = (char *)(at == digits ? text : at);
	return value;
}

static bool valid_base(const char *text, char **end, int base)
{
	if (base == 0 || (base >= 2 && base <= 36))
		return true;
	errno = EINVAL;
	if (end)
		*end = (char *)text;
	return false;
}

unsigned long strtoul(const char *restrict text, char **restrict end, int base)
{
	bool negative, large;
	unsigned long value;

	if (!valid_base(text, end, base))
		return 0;
	value = parse_number(text, end, base, &negative, &large);
	if (large) {
		errno = ERANGE;
		return ULONG_MAX;
	}
	return negative ? -value : value;
}

long strtol(const char *restrict text, char **restrict end, int base)
{
	unsigned long limit = LONG_MAX, value;
	bool negative, large;

	if (!valid_base(text, end, base))
		return 0;
	value = parse_number(text, end, base, &negative, &large);
	if (large || value > limit + negative) {
		errno = ERANGE;
		return negative ? LONG_MIN : LONG_MAX;
	}
	return (long)(negative ? -value : value);
}

long long strtoll(const char *restrict text, char **restrict end, int base)
{
	return strtol(text, end, base);
}

unsigned long long strtoull(const char *restrict text, char **restrict end, int base)
{
	return strtoul(text, end, base);
}

int atoi(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

long atol(const char *text)
{
	return strtol(text, NULL, 10);
}

int abs(int number)
{
	return number < 0 ? -number : number;
}

long labs(long number)
{
	return number < 0 ? -number : number;
}

// Marsaglia's xorshift, 32 bits, period 2^32 - 1; a seed of 0 would stay 0 for ever.
int rand_r(unsigned int *seed)
{
	uint32_t state = *seed ? *seed : 0x9e3779b9;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	*seed = state;
	return (int)(state & RAND_MAX);
}

static unsigned int rand_state = 1;

void srand(unsigned int seed)
{
	rand_state = seed;
}

int rand(void)
{
	return rand_r(&rand_state);
}

static void swap_bytes(char *a, char *b, size_t size)
{
	while (size--) {
		char byte = *a;

		*a++ = *b;
		*b++ = byte;
	}
}

// Lets the element at `root` sink until no child is larger.
static void sift_down(char *base, size_t root, size_t count, size_t size,
		      int (*compare)(const void *, const void *))
{
	for (;;) {
		size_t child = 2 * root + 1;

		if (child >= count)
			return;
		if (child + 1 < count &&
		    compare(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (compare(base + root * size, base + child * size) >= 0)
			return;
		swap_bytes(base + root * size, base + child * size, size);
		root = child;
	}
}

// Heapsort: n log n in the worst case, in place, no recursion.
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	for (size_t root = count / 2; root-- > 0;)
		sift_down(base, root, count, size, compare);
	for (size_t last = count; last-- > 1;) {
		swap_bytes(base, (char *)base + last * size, size);
		sift_down(base, 0, last, size, compare);
	}
}

void *bsearch(const void *key, const void *base, size_t count, size_t size,
	      int (*compare)(const void *, const void *))
{
	while (count > 0) {
		const char *middle = (const char *)base + count / 2 * size;
		int order = compare(key, middle);

		if (order == 0)
			return (void *)middle;
		if (order > 0) {
			base = middle + size;
			count -= count / 2 + 1;
		} else {
			count /= 2;
		}
	}
	return NULL;
}
