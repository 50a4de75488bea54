// SPDX-License-Identifier: MIT
//
// framebuffer: /dev/fb0 as Linux has it, run by picture.t with a screen. TAP; at the end the
// screen shows three rectangles, red, green and blue, for the host to look at.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

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

// ---- mappings ----
static unsigned *map(size_t size, int prot, int flags, long offset)
{
	return mmap(NULL, size, prot, flags, screen, offset);
}

static unsigned on_screen(long pixel)
{
	unsigned value = 0;

	pread(screen, &value, sizeof(value), pixel * (long)sizeof(value));
	return value;
}

// What /proc/self/smaps says of the mapping at `address`: `line`'s text after its name.
static int told(void *address, const char *line, const char *wanted)
{
	char start[32], text[256];
	FILE *smaps = fopen("/proc/self/smaps", "r");
	int inside = 0, found = 0;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	while (smaps && fgets(text, sizeof(text), smaps)) {
		if (strspn(text, "0123456789abcdef") >= 8)
			inside = strncmp(text, start, strlen(start)) == 0;
		if (inside && strstr(text, line))
			found |= strstr(text, wanted) != NULL;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

static void test_mapping(void)
{
	size_t size = memory.smem_len;
	unsigned *pixels = map(size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	unsigned char there[4] = {0};
	pid_t child;

	ok(pixels != MAP_FAILED, "it can be mapped");
	pixels[5] = 0x123456;
	pixels[size / 4 - 1] = 0x654321;
	ok(on_screen(5) == 0x123456 && on_screen((long)size / 4 - 1) == 0x654321,
	   "what is written through the mapping is on the screen");
	ok(told(pixels, "/dev/fb0", "rw-s") && told(pixels, "Rss:", " 0 kB") &&
		   told(pixels, "VmFlags:", "rd wr sh mr mw me ms pf io de dd"),
	   "its line of smaps, its flags, and nothing resident");
	child = fork();
	if (child == 0) {
		pixels[6] = 0xabcdef;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	ok(pixels[6] == 0xabcdef && on_screen(6) == 0xabcdef, "a child writes to the same screen");
	ok(mincore(pixels, 4096 * 4, there) == 0 && there[0] == 1 && there[3] == 1,
	   "mincore: it is there");
	ok(pread(screen, pixels + 2048, 4, 5 * 4) == 4 && pixels[2048] == 0x123456,
	   "a call writes into the mapping");
	ok(mprotect(pixels, 4096, PROT_READ) == 0 && pixels[5] == 0x123456 &&
		   mprotect(pixels, 4096, PROT_READ | PROT_WRITE) == 0,
	   "its protection changes");
	pixels[5] = 7;
	ok(on_screen(5) == 7, "and changes back");
	ok(munmap(pixels, size) == 0, "and is unmapped");
}

// What Linux refuses of mappings of a device.
static void test_refused(void)
{
	long size = memory.smem_len;
	char *pixels = (char *)map(8192, PROT_READ | PROT_WRITE, MAP_SHARED, 0), *moved;

	ok(map(size + 1, PROT_READ, MAP_SHARED, 0) == MAP_FAILED && errno == EINVAL &&
		   map(size, PROT_READ, MAP_SHARED, 4096) == MAP_FAILED && errno == EINVAL,
	   "nothing past its end can be mapped");
	ok(fails(madvise(pixels, 8192, MADV_DONTNEED), EINVAL) &&
		   fails(madvise(pixels, 8192, MADV_PAGEOUT), EINVAL) &&
		   fails(madvise(pixels, 8192, MADV_DODUMP), EINVAL) &&
		   fails(madvise(pixels, 8192, MADV_DOFORK), EINVAL) &&
		   fails(madvise(pixels, 8192, MADV_REMOVE), ENODEV) &&
		   fails(madvise(pixels, 8192, MADV_POPULATE_READ), EFAULT) &&
		   madvise(pixels, 8192, MADV_RANDOM) == 0,
	   "advice that its pages may go");
	ok(mlock(pixels, 8192) == 0 && !told(pixels, "VmFlags:", " lo ") &&
		   munlock(pixels, 8192) == 0,
	   "mlock passes it over");
	ok(mlockall(MCL_CURRENT) == 0 && !told(pixels, "VmFlags:", " lo ") && munlockall() == 0,
	   "and so does mlockall");
	ok(fails((long)mremap(pixels, 8192, 12288, MREMAP_MAYMOVE), EFAULT) &&
		   fails((long)mremap(pixels, 0, 8192, MREMAP_MAYMOVE), EINVAL),
	   "it does not grow");
	moved = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ok(mremap(pixels, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved,
	   "but it moves");
	moved[0] = 42;
	ok((on_screen(0) & 255) == 42, "with its pages");
	munmap(moved, 8192);
}

static void test_private(void)
{
	unsigned *pixels = map(8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	pixels[0] = 1; // before any read, and after one
	ok(pixels != MAP_FAILED && on_screen(0) != 1 && pixels[0] == 1,
	   "a private mapping is copied when it is written");
	ok(pixels[1024] == on_screen(1024), "and shows the screen where it is not");
	pixels[1024] = on_screen(1024) + 1;
	ok(pixels[1024] == on_screen(1024) + 1, "until it is");
	ok(told(pixels, "Anonymous:", " 8 kB") && told(pixels, "Rss:", " 8 kB"),
	   "the copies are resident");
	munmap(pixels, 8192);
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
	test_mapping();
	test_refused();
	test_private();
	rectangle(0, 0, 1024, 768, 0);
	rectangle(10, 20, 30, 40, 0xff0000);
	rectangle(110, 20, 31, 40, 0x00ff00);
	rectangle(210, 20, 32, 40, 0x0000ff);
	printf("1..%d\n", count);
	fflush(stdout);
	return 0;
}
