// SPDX-License-Identifier: MIT
//
// Open files: their life, and the checks that reading, writing and mapping have in common.
//
// Two tasks that share an open file share its position. As nobody is preempted in ring 0 and a
// read takes the position before and sets it after the transfer, concurrent reads may return the
// same bytes, but the position stays a number that one of them left.
#include "kernel/file/file.h"
#include "kernel/file/device.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include <stddef.h>

static struct cache *file_cache;

struct file *file_create(const struct file_ops *ops, struct inode *inode, unsigned flags)
{
	struct file *file;

	if (!file_cache)
		file_cache = cache_create("file", sizeof(struct file));
	file = file_cache ? cache_alloc_zeroed(file_cache) : NULL;
	if (!file)
		return NULL;
	file->references = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode;
	return file;
}

struct file *file_get(struct file *file)
{
	__atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
	return file;
}

void file_put(struct file *file)
{
	if (!file || __atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (file->ops->release)
		file->ops->release(file);
	inode_put(file->inode);
	cache_free(file_cache, file);
}

bool file_readable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
}

bool file_writable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
}

long file_read(struct file *file, struct io *io, uint64_t *offset)
{
	if (!file_readable(file))
		return -EBADF;
	if (file->ops->directory)
		return -EISDIR;
	if (!file->ops->read)
		return -EINVAL;
	return file->ops->read(file, io, offset ? offset : &file->offset);
}

long file_write(struct file *file, struct io *io, uint64_t *offset)
{
	if (!file_writable(file))
		return -EBADF;
	if (!file->ops->write)
		return -EINVAL;
	return file->ops->write(file, io, offset ? offset : &file->offset);
}

void file_stat(struct file *file, struct stat *status)
{
	if (file->ops->stat)
		file->ops->stat(file, status);
	else
		inode_stat(file->inode, status);
}

long file_seek(struct file *file, int64_t offset, int whence, uint64_t size)
{
	uint64_t base = 0;
	int64_t position;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->offset;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0 || (uint64_t)offset >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			offset = (int64_t)size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow((int64_t)base, offset, &position) || position < 0)
		return -EINVAL;
	file->offset = (uint64_t)position;
	return position;
}

int file_mapping(struct file *file, int prot, int flags, struct object **object, bool *may_write)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

	if (file->flags & O_PATH)
		return -EBADF;
	if (!file_readable(file))
		return -EACCES;
	*may_write = !shared || file_writable(file);
	*object = file->inode ? file->inode->object : NULL;
	// Where there is an object, mmap says this itself, after its other checks as on Linux.
	if (!*object && !*may_write && (prot & PROT_WRITE))
		return -EACCES;
	if (*object || (file->inode && device_is_zero(file->inode)))
		return 0;
	return -ENODEV;
}
