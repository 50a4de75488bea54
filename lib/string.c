// SPDX-License-Identifier: MIT
//
// The functions that ISO C has; strlcpy.c holds those it has not, so that a hosted build can take
// that file and keep its own C library's memcpy.
//
// Short blocks are done with two or four possibly overlapping loads that all come before the
// stores: no loop, no branch on alignment, and right for overlapping operands. Longer ones
// go by `rep movsq`, whose start costs some 30 cycles but which then moves 8 bytes an iteration
// (Intel SDM vol. 1, 7.3.9.3); the odd bytes at the end are again one overlapping quadword.
#include "lib/string.h"
#include <stdint.h>

// GCC turns loops that look like memset, memcpy or strlen into calls of just those functions,
// which in this file would be calls of themselves.
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

// An unaligned quadword of anything: may_alias because a block's real type is unknown here.
typedef uint64_t __attribute__((may_alias, aligned(1))) quadword;
typedef uint32_t __attribute__((may_alias, aligned(1))) doubleword;
typedef uint16_t __attribute__((may_alias, aligned(1))) word;

#define REP_THRESHOLD 32

// Copies at most 32 bytes; every load comes before the first store, so overlap does no harm.
static inline void copy_short(char *to, const char *from, size_t length)
{
	if (length > 16) {
		const char *tail = from + length - 16;
		uint64_t a = *(quadword *)from, b = *(quadword *)(from + 8);
		uint64_t c = *(quadword *)tail, d = *(quadword *)(tail + 8);

		*(quadword *)to = a;
		*(quadword *)(to + 8) = b;
		*(quadword *)(to + length - 16) = c;
		*(quadword *)(to + length - 8) = d;
	} else if (length >= 8) {
		uint64_t a = *(quadword *)from, b = *(quadword *)(from + length - 8);

		*(quadword *)to = a;
		*(quadword *)(to + length - 8) = b;
	} else if (length >= 4) {
		uint32_t a = *(doubleword *)from, b = *(doubleword *)(from + length - 4);

		*(doubleword *)to = a;
		*(doubleword *)(to + length - 4) = b;
	} else if (length >= 2) {
		uint16_t a = *(word *)from, b = *(word *)(from + length - 2);

		*(word *)to = a;
		*(word *)(to + length - 2) = b;
	} else if (length == 1) {
		*to = *from;
	}
}

// Upwards, more than 8 bytes; also right when `to` lies below an overlapping `from`, because the
// last quadword is read before anything is written.
static inline void copy_long(char *to, const char *from, size_t length)
{
	uint64_t tail = *(quadword *)(from + length - 8);
	char *last = to + length - 8;
	size_t quadwords = length / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(quadwords) : : "memory");
	*(quadword *)last = tail;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
	if (length <= REP_THRESHOLD)
		copy_short(to, from, length);
	else
		copy_long(to, from, length);
	return to;
}

// Downwards goes by a plain loop: `std; rep movsq` would leave the direction flag set for an
// interrupt handler that comes in between, and the ABI promises handlers a clear one.
static void copy_down(char *to, const char *from, size_t length)
{
	uint64_t head = *(quadword *)from;
	char *first = to;

	while (length >= 8) {
		length -= 8;
		*(quadword *)(to + length) = *(quadword *)(from + length);
	}
	*(quadword *)first = head;
}

void *memmove(void *to, const void *from, size_t length)
{
	if (length <= REP_THRESHOLD)
		copy_short(to, from, length);
	else if ((uintptr_t)to - (uintptr_t)from >= length)
		copy_long(to, from, length);
	else
		copy_down(to, from, length);
	return to;
}

void *memset(void *block, int byte, size_t length)
{
	uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;
	char *start = block, *end = start + length;
	size_t quadwords = length / 8;

	if (length >= 8) {
		*(quadword *)(end - 8) = pattern;
		if (length > 16)
			__asm__ volatile("rep stosq"
					 : "+D"(start), "+c"(quadwords)
					 : "a"(pattern)
					 : "memory");
		else
			*(quadword *)start = pattern;
	} else if (length >= 4) {
		*(doubleword *)start = (uint32_t)pattern;
		*(doubleword *)(end - 4) = (uint32_t)pattern;
	} else if (length >= 2) {
		*(word *)start = (uint16_t)pattern;
		*(word *)(end - 2) = (uint16_t)pattern;
	} else if (length == 1) {
		*start = (char)pattern;
	}
	return block;
}

int memcmp(const void *a, const void *b, size_t length)
{
	const uint8_t *x = a, *y = b;

	while (length >= 8 && *(quadword *)x == *(quadword *)y) {
		x += 8;
		y += 8;
		length -= 8;
	}
	for (; length > 0; x++, y++, length--)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *block, int byte, size_t length)
{
	const uint8_t *at = block;

	for (; length > 0; at++, length--)
		if (*at == (uint8_t)byte)
			return (void *)at;
	return NULL;
}

size_t strlen(const char *text)
{
	const char *end = text;

	while (*end)
		end++;
	return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit > 0; a++, b++, limit--)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

char *strchr(const char *text, int character)
{
	for (;; text++) {
		if (*text == (char)character)
			return (char *)text;
		if (!*text)
			return NULL;
	}
}

char *strrchr(const char *text, int character)
{
	const char *last = NULL;

	for (;; text++) {
		if (*text == (char)character)
			last = text;
		if (!*text)
			return (char *)last;
	}
}

char *strstr(const char *text, const char *wanted)
{
	size_t length = strlen(wanted);

	for (;; text++) {
		if (strncmp(text, wanted, length) == 0)
			return (char *)text;
		if (!*text)
			return NULL;
	}
}
