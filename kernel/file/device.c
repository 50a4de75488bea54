// SPDX-License-Identifier: MIT
//
// The devices every program expects: null, zero, full, random, urandom, and the names of the
// terminal; the framebuffer where there is a screen. Numbers are Linux's
// (Documentation/admin-guide/devices.txt).
#include "kernel/file/device.h"
#include "kernel/driver/framebuffer.h"
#include "kernel/file/file.h"
#include "kernel/file/tty.h"
#include "kernel/machine/random.h"
#include <asm/errno.h>
#include <linux/major.h>
#include <linux/stat.h>

enum {
	MINOR_NULL = 3,
	MINOR_ZERO = 5,
	MINOR_FULL = 7,
	MINOR_RANDOM = 8,
	MINOR_URANDOM = 9,
};
#define TTY_CONSOLE device_number(TTYAUX_MAJOR, 1)
#define TTY_SERIAL  device_number(TTY_MAJOR, 64)

#define ZERO_STEP 65536 // bytes before others may run

#define MEMORY_DEVICE(minor) (MEM_MAJOR << 8 | (minor))

const struct device_node device_nodes[] = {
	{"null", MEMORY_DEVICE(MINOR_NULL), 0666},
	{"zero", MEMORY_DEVICE(MINOR_ZERO), 0666},
	{"full", MEMORY_DEVICE(MINOR_FULL), 0666},
	{"random", MEMORY_DEVICE(MINOR_RANDOM), 0666},
	{"urandom", MEMORY_DEVICE(MINOR_URANDOM), 0666},
	{"tty", TTYAUX_MAJOR << 8, 0666},
	{"console", TTYAUX_MAJOR << 8 | 1, 0600},
	{"ttyS0", TTY_MAJOR << 8 | 64, 0600},
	{"fb0", FB_MAJOR << 8, 0660},
};
const size_t device_node_count = sizeof(device_nodes) / sizeof(device_nodes[0]);

static long null_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file, (void)io, (void)offset;
	return 0;
}

static long null_write(struct file *file, struct io *io, uint64_t *offset)
{
	long count = (long)io->left;

	(void)file, (void)offset;
	io_skip(io, io->left);
	return count;
}

static long zero_read(struct file *file, struct io *io, uint64_t *offset)
{
	long total = 0;

	(void)file, (void)offset;
	while (io->left) {
		size_t step = io->left < ZERO_STEP ? io->left : ZERO_STEP;
		size_t moved = io_zero(io, step);

		total += (long)moved;
		if (moved < step)
			return total ? total : -EFAULT;
		if (io_must_end())
			break;
	}
	return total;
}

static long full_write(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file, (void)io, (void)offset;
	return -ENOSPC;
}

static long random_read(struct file *file, struct io *io, uint64_t *offset)
{
	uint8_t bytes[256];
	long total = 0;

	(void)file, (void)offset;
	while (io->left) {
		size_t step = io->left < sizeof(bytes) ? io->left : sizeof(bytes);
		size_t moved;

		random_bytes(bytes, step);
		moved = io_to(io, bytes, step);
		total += (long)moved;
		if (moved < step)
			return total ? total : -EFAULT;
		if (io_must_end())
			break;
	}
	return total;
}

static long random_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	(void)file, (void)command, (void)argument;
	return -EINVAL; // not -ENOTTY: as Linux's answers what it does not know
}

// Positions of these devices mean nothing, but seeking works.
static long device_seek(struct file *file, int64_t offset, int whence)
{
	(void)offset, (void)whence;
	file->offset = 0;
	return 0;
}

static const struct file_ops null_ops = {
	.read = null_read,
	.write = null_write,
	.seek = device_seek,
};
static const struct file_ops zero_ops = {
	.read = zero_read,
	.write = null_write,
	.seek = device_seek,
};
static const struct file_ops full_ops = {
	.read = zero_read,
	.write = full_write,
	.seek = device_seek,
};
static const struct file_ops random_ops = {
	.read = random_read,
	.write = null_write,
	.ioctl = random_ioctl,
	.seek = device_seek,
};

bool device_is_zero(const struct inode *inode)
{
	return inode_is(inode, S_IFCHR) && inode->special == device_number(MEM_MAJOR, MINOR_ZERO);
}

static const struct file_ops *memory_device(uint32_t minor)
{
	switch (minor) {
	case MINOR_NULL:
		return &null_ops;
	case MINOR_ZERO:
		return &zero_ops;
	case MINOR_FULL:
		return &full_ops;
	case MINOR_RANDOM:
	case MINOR_URANDOM:
		return &random_ops;
	default:
		return NULL;
	}
}

bool device_exists(const struct device_node *node)
{
	return node->special != FRAMEBUFFER_DEVICE || framebuffer();
}

int device_open(struct inode *inode, unsigned flags, struct file **file)
{
	const struct file_ops *ops = NULL;

	if (inode->special == TTY_CURRENT || inode->special == TTY_CONSOLE ||
	    inode->special == TTY_SERIAL)
		return tty_open(inode, flags, file);
	if (inode->special >> 8 == MEM_MAJOR)
		ops = memory_device(inode->special & 0xff);
	else if (inode->special == FRAMEBUFFER_DEVICE && framebuffer())
		ops = &framebuffer_ops;
	if (!ops)
		return -ENXIO;
	*file = file_create(ops, inode_get(inode), flags);
	if (*file)
		return 0;
	inode_put(inode);
	return -ENOMEM;
}
