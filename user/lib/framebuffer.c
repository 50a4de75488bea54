// SPDX-License-Identifier: MIT
//
// From a canvas to the screen: see framebuffer.h.
#include "user/lib/framebuffer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

bool framebuffer_open(struct framebuffer *screen)
{
	memset(screen, 0, sizeof(*screen));
	screen->file = open("/dev/fb0", O_RDWR);
	if (screen->file < 0 || ioctl(screen->file, FBIOGET_VSCREENINFO, &screen->form) < 0 ||
	    ioctl(screen->file, FBIOGET_FSCREENINFO, &screen->memory) < 0)
		return false;
	if (screen->form.bits_per_pixel != 32) {
		errno = ENODEV;
		return false;
	}
	screen->row = malloc(screen->memory.line_length);
	screen->pixels = mmap(NULL, screen->memory.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			      screen->file, 0);
	if (screen->pixels == MAP_FAILED)
		screen->pixels = NULL;
	return screen->row != NULL;
}

static uint32_t pixel(const struct fb_var_screeninfo *form, uint32_t colour)
{
	return (colour >> 16 & 0xff) << form->red.offset |
	       (colour >> 8 & 0xff) << form->green.offset | (colour & 0xff) << form->blue.offset;
}

// Row `row` of the canvas in [from, to), to that place on the screen.
static void show_span(struct framebuffer *screen, const struct canvas *canvas, int row,
		      const struct span *span, int x, int y)
{
	const uint8_t *pixels = canvas->pixels + (long)row * canvas->width + span->from;
	long place = (long)y * screen->memory.line_length + x * 4L;
	int count = span->to - span->from;

	for (int i = 0; i < count; i++)
		screen->row[i] = pixel(&screen->form, canvas->colours[pixels[i]]);
	if (screen->pixels)
		memcpy(screen->pixels + place, screen->row, (size_t)count * 4);
	else
		pwrite(screen->file, screen->row, (size_t)count * 4, place);
}

void framebuffer_show(struct framebuffer *screen, struct canvas *canvas)
{
	int left = ((int)screen->form.xres - canvas->width) / 2;
	int top = ((int)screen->form.yres - canvas->height) / 2;

	if (left < 0 || top < 0)
		return;
	for (int y = 0; y < canvas->height; y++) {
		struct span *span = &canvas->changed[y];

		if (span->from < span->to)
			show_span(screen, canvas, y, span, left + span->from, top + y);
		*span = (struct span){0, 0};
	}
}
