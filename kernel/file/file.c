// SPDX-License-Identifier: MIT
//
// Open files: their life, and the checks that reading, writing and mapping have in common.
//
// Locks: tasks that share an open file share its position; `position_lock` lets one of them at a
// time read from there, write or seek. It is the outermost lock of all.
#include "kernel/file/file.h"
#include "kernel/file/device.h"
#include "kernel/file/epoll.h"
#include "kernel/file/lock.h"
#include "kernel/file/tmpfs.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include <stddef.h>

static struct cache *file_cache; // constant once started

int file_start(void)
{
	file_cache = cache_create("file", sizeof(struct file));
	return file_cache ? 0 : -ENOMEM;
}

struct file *file_create(const struct file_ops *ops, struct inode *inode, unsigned flags)
{
	struct file *file = cache_alloc_zeroed(file_cache);

	if (!file)
		return NULL;
	file->references = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode;
	sleep_lock_init(&file->position_lock);
	return file;
}

struct file *file_get(struct file *file)
{
	__atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
	return file;
}

// Whether it was the last. Whoever begins to watch a file has a reference, so the last one to go
// sees the watch.
static bool drop(struct file *file)
{
	if (__atomic_load_n(&file->watches, __ATOMIC_RELAXED))
		return epoll_drop(file);
	return __atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL) == 0;
}

void file_put(struct file *file)
{
	if (file && drop(file))
		file_end(file);
}

void file_end(struct file *file)
{
	lock_file_closed(file);
	if (file->watches)
		epoll_forget(file);
	if (file->ops->release)
		file->ops->release(file);
	inode_put(file->inode);
	cache_free(file_cache, file);
}

static inline bool has_position(const struct file *file)
{
	return file->inode && (inode_is(file->inode, S_IFREG) || inode_is(file->inode, S_IFDIR));
}

int file_lock_position(struct file *file)
{
	return has_position(file) ? sleep_lock_take(&file->position_lock) : 0;
}

void file_unlock_position(struct file *file)
{
	if (has_position(file))
		sleep_lock_release(&file->position_lock);
}

bool file_readable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
}

bool file_writable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
}

static long at_position(struct file *file, struct io *io,
			long (*move)(struct file *, struct io *, uint64_t *))
{
	long result = sleep_lock_take(&file->position_lock);

	if (result)
		return result;
	result = move(file, io, &file->offset);
	sleep_lock_release(&file->position_lock);
	return result;
}

long file_read(struct file *file, struct io *io, uint64_t *offset)
{
	if (!file_readable(file))
		return -EBADF;
	if (file->ops->directory)
		return -EISDIR;
	if (!file->ops->read)
		return -EINVAL;
	if (!offset && has_position(file))
		return at_position(file, io, file->ops->read);
	return file->ops->read(file, io, offset ? offset : &file->offset);
}

long file_write(struct file *file, struct io *io, uint64_t *offset)
{
	if (!file_writable(file))
		return -EBADF;
	if (!file->ops->write)
		return -EINVAL;
	if (!offset && has_position(file))
		return at_position(file, io, file->ops->write);
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

void file_accessed(struct file *file)
{
	if (!(file->flags & O_NOATIME))
		inode_accessed(file->inode);
}

// Of file systems that are mounted so for good: those of /proc and /sys, of pipes and all else
// that has no name.
static bool never_executed(const struct file *file)
{
	const struct inode *inode = file->inode;

	return !inode || inode->device == PROC_DEVICE || inode->device == SYS_DEVICE;
}

int file_mapping(struct file *file, int prot, int flags, struct object **object, bool *may_write)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

	if (file->flags & O_PATH)
		return -EBADF;
	*may_write = !shared || file_writable(file);
	*object = file->inode ? file->inode->object : NULL;
	if (!file_readable(file))
		return -EACCES;
	if (file->ops == &framebuffer_ops)
		*object = framebuffer_mapping(file);
	// Where there is an object, mmap says this itself, after its other checks as on Linux.
	if (!*object && !*may_write && (prot & PROT_WRITE))
		return -EACCES;
	if (tmpfs_regular(file))
		return tmpfs_check_mapping(tmpfs_inode(file->inode), shared, prot & PROT_WRITE,
					   may_write);
	if (*object || (file->inode && device_is_zero(file->inode)))
		return 0;
	return (prot & PROT_EXEC) && never_executed(file) ? -EPERM : -ENODEV;
}
