// SPDX-License-Identifier: MIT
//
// Strings and blocks of memory, for both rings: ISO C's functions and the BSDs' bounded strlcpy
// and strlcat, plus the two operations on whole pages that the page-fault handler lives on. No
// locale, no wide characters. Nothing here allocates, locks or fails.
#pragma once

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length); // the two may overlap
void *memset(void *block, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
void *memchr(const void *block, int byte, size_t length);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);
char *strstr(const char *text, const char *wanted);

// Copy or append to a buffer of `size` bytes in all, always ending it with a NUL when size > 0.
// Both return the length the result would have had without the limit: >= size means cut.
size_t strlcpy(char *restrict to, const char *restrict from, size_t size);
size_t strlcat(char *restrict to, const char *restrict from, size_t size);

// Whole pages of 4096 bytes, both addresses 8-byte aligned. By quadwords and not `rep stosb`:
// without ERMS a byte store costs as much as a quadword store.
static inline void page_clear(void *page)
{
	unsigned long quadwords = 512;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(quadwords) : "a"(0L) : "memory");
}

static inline void page_copy(void *restrict to, const void *restrict from)
{
	unsigned long quadwords = 512;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(quadwords) : : "memory");
}
