// SPDX-License-Identifier: MIT
//
// The screen, as Linux has it: /dev/fb0.
#pragma once

#include "user/lib/canvas.h"
#include <linux/fb.h>

struct framebuffer {
	int file;
	struct fb_var_screeninfo form;
	struct fb_fix_screeninfo memory;
	char *pixels;  // mapped; NULL: they are written with pwrite
	uint32_t *row; // room for one row in the screen's form
};

// False: errno; there is none, or it has no 32 bits a pixel.
bool framebuffer_open(struct framebuffer *screen);

// Shows what has changed of a canvas, in the middle of the screen.
void framebuffer_show(struct framebuffer *screen, struct canvas *canvas);
