// SPDX-License-Identifier: MIT
//
// Bitmap fonts for what is drawn on the screen. The printable ASCII characters, nothing else.
#pragma once

#include <stdint.h>

struct font {
	int width, height; // of every character, in pixels
	const uint64_t
		*bits; // ' ' to '~', each in whole words: rows from the top, bits from the left
};

extern const struct font font_small, font_plain, font_large; // 6x12, 8x16, 12x24 pixels
