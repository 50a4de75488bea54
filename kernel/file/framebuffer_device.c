// SPDX-License-Identifier: MIT
//
// /dev/fb0: the screen as programs for Linux know it (linux/fb.h): its form by ioctl, its pixels
// by read,
// write and mmap. Left out: palettes, panning, changing the mode, switching the screen off.
//
// Nothing is locked: who writes to one place at once gets a mixture, as on Linux.
#include "kernel/driver/framebuffer.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "kernel/machine/user_copy.h"
#include "lib/string.h"
#include "mm/object.h"
#include <asm/errno.h>
#include <linux/fb.h>

#define STEP PAGE_SIZE // bytes before others may run

// Moves between the screen and the transfer; bytes moved, or -EFAULT.
static long transfer(struct io *io, uint64_t *offset, size_t count,
		     size_t (*move)(struct io *io, char *pixels, size_t count))
{
	size_t total = 0;

	while (total < count) {
		size_t step = count - total < STEP ? count - total : STEP;
		size_t moved = move(io, framebuffer_memory() + *offset, step);

		total += moved;
		*offset += moved;
		if (moved < step)
			return total ? (long)total : -EFAULT;
		if (io_must_end())
			break;
	}
	return (long)total;
}

static size_t move_out(struct io *io, char *pixels, size_t count)
{
	return io_to(io, pixels, count);
}

static size_t move_in(struct io *io, char *pixels, size_t count)
{
	return io_from(io, pixels, count);
}

static long framebuffer_read(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = framebuffer_size();

	(void)file;
	if (*offset >= size)
		return 0;
	return transfer(io, offset, io->left < size - *offset ? io->left : size - *offset,
			move_out);
}

// What does not fit is left out; an error only when nothing fits.
static long framebuffer_write(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = framebuffer_size(), count = io->left;
	long error = 0;

	(void)file;
	if (*offset > size)
		return -EFBIG;
	if (count > size) {
		error = -EFBIG;
		count = size;
	}
	if (count > size - *offset) {
		error = error ? error : -ENOSPC;
		count = size - *offset;
	}
	return count ? transfer(io, offset, count, move_in) : error;
}

static long framebuffer_seek(struct file *file, int64_t offset, int whence)
{
	return file_seek(file, offset, whence, 0);
}

// ---- mappings ----
// Held for ever. Several nodes may lead to the one screen: mappings have the name of the first.
static struct inode *mapped_node;

struct object *framebuffer_mapping(struct file *file)
{
	struct inode *none = NULL, *node = inode_get(file->inode);

	if (!__atomic_compare_exchange_n(&mapped_node, &none, node, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		inode_put(node);
	return framebuffer_object();
}

struct inode *framebuffer_inode(const struct object *object)
{
	if (!object->device)
		return NULL;
	return __atomic_load_n(&mapped_node, __ATOMIC_ACQUIRE);
}

// ---- what it is like ----
static struct fb_bitfield bits_at(uint8_t shift)
{
	return (struct fb_bitfield){.offset = shift, .length = 8};
}

// Zeros first: bytes between the fields reach ring 3 as well.
static long put_variable(uintptr_t argument)
{
	const struct boot_framebuffer *screen = framebuffer();
	struct fb_var_screeninfo info;

	memset(&info, 0, sizeof(info));
	info.xres = info.xres_virtual = screen->width;
	info.yres = info.yres_virtual = screen->height;
	info.bits_per_pixel = 32;
	info.red = bits_at(screen->red_shift);
	info.green = bits_at(screen->green_shift);
	info.blue = bits_at(screen->blue_shift);
	info.activate = FB_ACTIVATE_NOW;
	info.width = info.height = UINT32_MAX; // in millimetres: not known
	info.vmode = FB_VMODE_NONINTERLACED;
	return copy_to_user(argument, &info, sizeof(info));
}

static long put_fixed(uintptr_t argument)
{
	const struct boot_framebuffer *screen = framebuffer();
	struct fb_fix_screeninfo info;

	memset(&info, 0, sizeof(info));
	strlcpy(info.id, "faultline", sizeof(info.id));
	info.smem_start = screen->address;
	info.smem_len = (uint32_t)framebuffer_size();
	info.type = FB_TYPE_PACKED_PIXELS;
	info.visual = FB_VISUAL_TRUECOLOR;
	info.line_length = screen->pitch;
	info.accel = FB_ACCEL_NONE;
	return copy_to_user(argument, &info, sizeof(info));
}

static long pan(uintptr_t argument)
{
	struct fb_var_screeninfo info;

	if (copy_from_user(&info, argument, sizeof(info)))
		return -EFAULT;
	return info.xoffset || info.yoffset ? -EINVAL : put_variable(argument);
}

static long framebuffer_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct fb_var_screeninfo asked;

	(void)file;
	switch (command) {
	case FBIOGET_VSCREENINFO:
		return put_variable(argument);
	case FBIOPUT_VSCREENINFO:
		// Linux's drivers of a screen that firmware has set up leave the mode as it is,
		// and say so.
		if (copy_from_user(&asked, argument, sizeof(asked)))
			return -EFAULT;
		return put_variable(argument);
	case FBIOGET_FSCREENINFO:
		return put_fixed(argument);
	case FBIOPAN_DISPLAY:
		return pan(argument);
	case FBIOBLANK:
		return -EINVAL;
	default:
		return -ENOTTY;
	}
}

const struct file_ops framebuffer_ops = {
	.read = framebuffer_read,
	.write = framebuffer_write,
	.seek = framebuffer_seek,
	.ioctl = framebuffer_ioctl,
};
