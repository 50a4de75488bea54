// SPDX-License-Identifier: MIT
//
// framebuffer: /dev/fb0 as Linux has it, run by picture.t with a screen. TAP; at the end the
// screen shows three rectangles, red, green and blue, for the host to look at.
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct fb_var_screeninfo form;
static struct fb_fix_screeninfo memory;
static int screen, count;

static void ok(int holds, const char *what)
{
	printf("%s %d - %s\n", holds ? "ok" : "not ok", ++count, what);
}

static int fails(long result, int error)
{
	return result == -1 && errno == error;
}

static void test_form(void)
{
	struct fb_var_screeninfo other;
	struct stat status;

	ok(fstat(screen, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == 29 &&
		   minor(status.st_rdev) == 0,
	   "a character device with Linux's numbers");
	ok(ioctl(screen, FBIOGET_VSCREENINFO, &form) == 0 && form.bits_per_pixel == 32 &&
		   form.xres == 1024 && form.yres == 768 && form.red.length == 8,
	   "its form");
	ok(ioctl(screen, FBIOGET_FSCREENINFO, &memory) == 0 &&
		   memory.line_length >= form.xres * 4 &&
		   memory.smem_len >= memory.line_length * form.yres &&
		   memory.type == FB_TYPE_PACKED_PIXELS && memory.visual == FB_VISUAL_TRUECOLOR,
	   "its memory");
	other = form;
	other.xres = 640;
	ok(ioctl(screen, FBIOPUT_VSCREENINFO, &other) == 0 && other.xres == form.xres,
	   "the mode stays, and that is told");
	other.xoffset = 1;
	ok(fails(ioctl(screen, FBIOPAN_DISPLAY, &other), EINVAL), "no panning");
	ok(fails(ioctl(screen, FBIOBLANK, FB_BLANK_NORMAL), EINVAL), "no switching off");
	ok(fails(ioctl(screen, 0x4699, 0), ENOTTY), "an ioctl that is none");
	ok(fails(ioctl(screen, FBIOGET_VSCREENINFO, 8), EFAULT) &&
		   fails(ioctl(screen, FBIOPUT_VSCREENINFO, 8), EFAULT),
	   "addresses that are none");
}

// What Linux's fb_io_read and fb_io_write answer at the end, and past it.
static void test_edges(void)
{
	long size = memory.smem_len;
	char *all = calloc(1, size + 8), bytes[16] = "0123456789abcde";

	ok(pwrite(screen, bytes, 16, size - 8) == 8, "a write is cut at the end");
	ok(pread(screen, bytes, 16, size - 8) == 8 && memcmp(bytes, "01234567", 8) == 0,
	   "and so is a read, which finds what was written");
	ok(fails(pwrite(screen, bytes, 1, size), ENOSPC), "no room at the end");
	ok(fails(pwrite(screen, bytes, 1, size + 1), EFBIG), "past the end");
	ok(pwrite(screen, bytes, 0, size) == 0, "nothing to write");
	ok(pread(screen, bytes, 1, size) == 0 && pread(screen, bytes, 1, size + 9) == 0,
	   "nothing to read");
	ok(pwrite(screen, all, size + 8, 0) == size, "all at once, and more");
	ok(fails(pwrite(screen, all, size + 8, size), EFBIG), "more than there is, at the end");
	ok(fails(pwrite(screen, (void *)8, 8, 0), EFAULT), "bytes that are not there");
	ok(lseek(screen, 8, SEEK_SET) == 8 && write(screen, bytes, 4) == 4 &&
		   lseek(screen, 0, SEEK_CUR) == 12,
	   "the position moves");
	free(all);
}

static void rectangle(int x, int y, int width, int height, unsigned colour)
{
	unsigned *row = malloc(width * sizeof(*row));

	for (int i = 0; i < width; i++)
		row[i] = (colour >> 16 & 255) << form.red.offset |
			 (colour >> 8 & 255) << form.green.offset |
			 (colour & 255) << form.blue.offset;
	for (int i = y; i < y + height; i++)
		pwrite(screen, row, width * sizeof(*row),
		       (long)i * memory.line_length + x * (long)sizeof(*row));
	free(row);
}

int main(void)
{
	screen = open("/dev/fb0", O_RDWR);
	ok(screen >= 0, "/dev/fb0 opens");
	test_form();
	test_edges();
	rectangle(0, 0, 1024, 768, 0);
	rectangle(10, 20, 30, 40, 0xff0000);
	rectangle(110, 20, 31, 40, 0x00ff00);
	rectangle(210, 20, 32, 40, 0x0000ff);
	printf("1..%d\n", count);
	fflush(stdout);
	return 0;
}
