// SPDX-License-Identifier: MIT
//
// Numbers out of text, for both rings: boot options, pseudo files, cpio headers, strtoul. No
// locale, no leading space, and no result that silently overflowed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads an unsigned number from at most `limit` characters of `text` (it may be unterminated
// then). `base` 2 to 36, or 0 for C's notation (0x, 0, decimal). Stores the number and returns how
// many characters it took: 0 when there is no digit or when the number exceeds 64 bits.
size_t parse_unsigned(const char *text, size_t limit, unsigned int base, uint64_t *value);

// The whole of `text` is one number, in C's notation with an optional suffix k, M or G (powers
// of 1024). False, and `value` untouched, for anything else.
bool parse_size(const char *text, uint64_t *value);
