// SPDX-License-Identifier: MIT
#include "lib/parse.h"
#include "lib/string.h"

// The digit's value in any base up to 36, or 36 for what is no digit.
static unsigned int digit_value(char character)
{
	if (character >= '0' && character <= '9')
		return (unsigned int)(character - '0');
	if (character >= 'a' && character <= 'z')
		return (unsigned int)(character - 'a') + 10;
	if (character >= 'A' && character <= 'Z')
		return (unsigned int)(character - 'A') + 10;
	return 36;
}

// Length of a "0x" that a hexadecimal digit follows: "0xg" is the number 0 and an x.
static size_t hexadecimal_prefix(const char *text, size_t limit)
{
	if (limit < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return 0;
	return digit_value(text[2]) < 16 ? 2 : 0;
}

size_t parse_unsigned(const char *text, size_t limit, unsigned int base, uint64_t *value)
{
	size_t prefix = base == 0 || base == 16 ? hexadecimal_prefix(text, limit) : 0;
	size_t at = prefix;
	uint64_t sum = 0;

	if (base == 0)
		base = prefix ? 16 : limit > 0 && text[0] == '0' ? 8 : 10;
	for (; at < limit && digit_value(text[at]) < base; at++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_value(text[at]), &sum))
			return 0;
	if (at == prefix)
		return 0;
	*value = sum;
	return at;
}

static unsigned int suffix_shift(char suffix)
{
	switch (suffix) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	default:
		return 0;
	}
}

bool parse_size(const char *text, uint64_t *value)
{
	uint64_t number;
	size_t taken = parse_unsigned(text, SIZE_MAX, 0, &number);
	unsigned int shift;

	if (taken == 0)
		return false;
	shift = suffix_shift(text[taken]);
	if (text[taken + (shift != 0)] != '\0')
		return false;
	if (number > UINT64_MAX >> shift)
		return false;
	*value = number << shift;
	return true;
}
