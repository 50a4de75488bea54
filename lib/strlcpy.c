// SPDX-License-Identifier: MIT
//
// strlcpy and strlcat, apart from string.c because not every host's C library has them.
#include "lib/string.h"

size_t strlcpy(char *restrict to, const char *restrict from, size_t size)
{
	size_t length = strlen(from);

	if (size > 0) {
		size_t fits = length < size ? length : size - 1;

		memcpy(to, from, fits);
		to[fits] = '\0';
	}
	return length;
}

size_t strlcat(char *restrict to, const char *restrict from, size_t size)
{
	size_t used = strnlen(to, size);

	if (used == size)
		return size + strlen(from);
	return used + strlcpy(to + used, from, size - used);
}
