// SPDX-License-Identifier: MIT
//
// Contents of the files in memory: read, written, made longer and shorter, holes. See
// kernel/file/tmpfs.h.
//
// Readers take no lock, as mappings do not: they see each byte before or after a write. Writers,
// truncation and holes take the file's `lock`, one at a time.
#include "kernel/file/file.h"
#include "kernel/file/tmpfs.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "lib/string.h"
#include "mm/frame.h"
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/stat.h>

#define SIZE_MAX_FILE ((uint64_t)INT64_MAX) // bytes a file may have

static const struct file_ops regular_file_ops;

struct tmpfs_inode *tmpfs_regular(const struct file *file)
{
	return file->ops == &regular_file_ops ? tmpfs_inode(file->inode) : NULL;
}

// ---- reading ----
// Bytes of a page that is not there: the archive's, or zeros. Moved, or -errno.
static long read_missing(struct object *object, uint64_t offset, struct io *io, size_t step)
{
	struct frame *frame;
	size_t moved;
	bool cached;
	int result;

	if (offset >= object->source)
		return (long)io_zero(io, step);
	result = object_page(object, offset >> PAGE_SHIFT, &frame, &cached);
	if (result == -ENXIO)
		return (long)io_zero(io, step); // it was truncated this very moment
	if (result)
		return result;
	moved = io_to(io, (char *)frame_to_virt(frame) + offset % PAGE_SIZE, step);
	frame_put(frame);
	return (long)moved;
}

static long read_part(struct object *object, uint64_t offset, struct io *io, size_t step)
{
	struct frame *frame = object_cached_page(object, offset >> PAGE_SHIFT);
	size_t moved;

	if (!frame)
		return read_missing(object, offset, io, step);
	moved = io_to(io, (char *)frame_to_virt(frame) + offset % PAGE_SIZE, step);
	frame_put(frame);
	return (long)moved;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static long regular_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct object *object = file->inode->object;
	uint64_t position = *offset, size;
	long total = 0;

	if (position + io->left > SIZE_MAX_FILE)
		return -EINVAL;
	while (io->left && position < (size = inode_size(file->inode))) {
		size_t step = least(PAGE_SIZE - position % PAGE_SIZE, size - position);
		long moved;

		step = least(step, io->left);
		moved = read_part(object, position, io, step);
		if (moved < 0)
			return total ? total : moved;
		position += (uint64_t)moved;
		total += moved;
		if ((size_t)moved < step) {
			total = total ? total : -EFAULT;
			break;
		}
		if (io_must_end())
			break;
	}
	*offset = position;
	file_accessed(file);
	return total;
}

// ---- writing ----
// How many bytes may be written at `offset`: at least 1, or -EFBIG.
static long allowed_length(uint64_t offset, size_t count)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_FSIZE).rlim_cur;

	if (offset >= limit) {
		struct signal_info info = {.signal = SIGXFSZ, .code = SI_KERNEL};

		signal_send_task(current_task(), &info);
		return -EFBIG;
	}
	if (limit > SIZE_MAX_FILE)
		limit = SIZE_MAX_FILE;
	if (offset >= limit)
		return -EFBIG;
	return (long)least(count, limit - offset);
}

static int seals_forbid_write(const struct tmpfs_file *file, uint64_t end)
{
	if (file->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return (file->seals & F_SEAL_GROW) && end > file->object.size ? -EPERM : 0;
}

// Bytes moved into one page, or -errno. What was not moved of a new page is zeros.
static long write_part(struct tmpfs_file *file, uint64_t offset, struct io *io, size_t step)
{
	struct object *object = &file->object;
	struct frame *frame;
	size_t moved;
	int result = seals_forbid_write(file, offset + step);

	if (result == 0)
		result = object_page_to_write(object, offset >> PAGE_SHIFT, &frame);
	if (result)
		return result;
	moved = io_from(io, (char *)frame_to_virt(frame) + offset % PAGE_SIZE, step);
	frame_put(frame);
	if (offset + moved > object->size && moved)
		object_extend(object, offset + moved);
	else if (!moved && offset >= object->size)
		object_resize(object, object->size); // a page for nothing, beyond the end
	return moved ? (long)moved : -EFAULT;
}

// With the file's lock held.
static long write_all(struct tmpfs_file *file, struct io *io, uint64_t *position, size_t count)
{
	long total = 0;

	while ((size_t)total < count) {
		size_t step = least(PAGE_SIZE - *position % PAGE_SIZE, count - (size_t)total);
		long moved = write_part(file, *position, io, step);

		if (moved < 0)
			return total ? total : moved;
		*position += (uint64_t)moved;
		total += moved;
		if ((size_t)moved < step || io_must_end())
			break;
	}
	return total;
}

// Who writes what he may not execute takes the right to become another away.
static void drop_set_id(struct inode *inode)
{
	uint32_t gone = S_ISUID;

	if (!(inode->mode & (S_ISUID | S_ISGID)) || capable(CAP_FSETID))
		return;
	if (inode->mode & S_IXGRP)
		gone |= S_ISGID;
	spin_lock(&inode->lock);
	inode->mode &= ~gone;
	spin_unlock(&inode->lock);
}

static long regular_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct tmpfs_file *contents = &tmpfs_inode(file->inode)->file;
	uint64_t position;
	long result;

	if (*offset + io->left > SIZE_MAX_FILE)
		return -EINVAL;
	if (!io->left)
		return 0;
	result = sleep_lock_take(&contents->lock);
	if (result)
		return result;
	position = file->flags & O_APPEND ? contents->object.size : *offset;
	result = allowed_length(position, io->left);
	if (result > 0) {
		drop_set_id(file->inode);
		inode_touch(file->inode, TIME_MODIFICATION | TIME_CHANGE);
		result = write_all(contents, io, &position, (size_t)result);
		*offset = result < 0 ? *offset : position;
	}
	sleep_lock_release(&contents->lock);
	return result;
}

// ---- the position ----
static long seek_data_or_hole(struct file *file, int64_t offset, int whence)
{
	struct object *object = file->inode->object;
	uint64_t size = inode_size(file->inode), position = (uint64_t)offset, page, found;

	if (offset < 0 || position >= size)
		return -ENXIO;
	page = position >> PAGE_SHIFT;
	found = whence == SEEK_DATA ? object_next_data(object, page)
				    : object_next_hole(object, page);
	if (found > size >> PAGE_SHIFT || found << PAGE_SHIFT >= size) {
		if (whence == SEEK_DATA)
			return -ENXIO;
		position = size;
	} else if (found != page) {
		position = found << PAGE_SHIFT;
	}
	file->offset = position;
	return (long)position;
}

static long regular_seek(struct file *file, int64_t offset, int whence)
{
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_data_or_hole(file, offset, whence);
	return file_seek(file, offset, whence, inode_size(file->inode));
}

// ---- the size ----
static int check_resize(const struct tmpfs_file *file, uint64_t size)
{
	uint64_t old = file->object.size;

	if (size < old && (file->seals & F_SEAL_SHRINK))
		return -EPERM;
	if (size > old && (file->seals & F_SEAL_GROW))
		return -EPERM;
	return size > old && allowed_length(size - 1, 1) < 0 ? -EFBIG : 0;
}

static int resize(struct inode *inode, uint64_t size)
{
	struct tmpfs_file *file = &tmpfs_inode(inode)->file;
	int result = sleep_lock_take(&file->lock);

	if (result)
		return result;
	result = check_resize(file, size);
	if (result == 0) {
		object_resize(&file->object, size);
		inode_touch(inode, TIME_MODIFICATION | TIME_CHANGE);
	}
	sleep_lock_release(&file->lock);
	return result;
}

int tmpfs_resize(struct inode *inode, uint64_t size)
{
	int result = inode_write_begin(inode);

	if (result)
		return result;
	result = resize(inode, size);
	inode_write_end(inode);
	return result;
}

// ---- fallocate ----
// Zeros in [start, end): whole pages become a hole, the rest is written.
static int punch(struct tmpfs_file *file, uint64_t start, uint64_t end)
{
	uint64_t first = (start + PAGE_SIZE - 1) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
	int result = 0;

	if (first < last)
		result = object_punch(&file->object, first, last);
	while (result == 0 && start < end) {
		uint64_t step = least(PAGE_SIZE - start % PAGE_SIZE, end - start);
		uint64_t index = start >> PAGE_SHIFT;
		struct frame *frame;

		if (index >= first && index < last) {
			start = last << PAGE_SHIFT;
			continue;
		}
		frame = object_cached_page(&file->object, index);
		if (!frame && start < file->object.source)
			result = object_page_to_write(&file->object, index, &frame);
		if (frame) {
			memset((char *)frame_to_virt(frame) + start % PAGE_SIZE, 0, step);
			object_keep(&file->object, frame);
			frame_put(frame);
		}
		start += step;
	}
	return result;
}

static int punch_hole(struct tmpfs_file *file, uint64_t start, uint64_t length)
{
	if (file->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return punch(file, start, start + length);
}

int tmpfs_punch(struct object *object, uint64_t first, uint64_t end)
{
	struct tmpfs_file *file = container_of(object, struct tmpfs_file, object);
	int result = sleep_lock_take(&file->lock);

	if (result)
		return result;
	result = punch_hole(file, first << PAGE_SHIFT, (end - first) << PAGE_SHIFT);
	sleep_lock_release(&file->lock);
	return result;
}

// Pages for all of [start, end). On failure those that are new stay: nobody can tell.
static int allocate_pages(struct object *object, uint64_t start, uint64_t end)
{
	uint64_t index = start >> PAGE_SHIFT, last = (end + PAGE_SIZE - 1) >> PAGE_SHIFT;
	int result = 0;

	if (object->quota && last - index > object->quota->limit)
		return -ENOSPC;
	for (; result == 0 && index < last; index++) {
		result = object_page_ahead(object, index);
		if (result == 0 && io_must_end())
			result = -EINTR;
	}
	return result;
}

static int allocate(struct tmpfs_file *file, int mode, uint64_t start, uint64_t end)
{
	bool beyond = end > file->object.size, grows = beyond && !(mode & FALLOC_FL_KEEP_SIZE);
	int result = 0;

	if (beyond && allowed_length(end - 1, 1) < 0)
		return -EFBIG;
	if (beyond && (file->seals & F_SEAL_GROW))
		return -EPERM;
	result = allocate_pages(&file->object, start, end);
	if (result == 0 && grows)
		object_extend(&file->object, end);
	else if (result && !(mode & FALLOC_FL_KEEP_SIZE))
		object_resize(&file->object, file->object.size);
	return result;
}

long tmpfs_allocate(struct file *file, int mode, uint64_t offset, uint64_t length)
{
	struct tmpfs_file *contents = &tmpfs_inode(file->inode)->file;
	int result;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	result = sleep_lock_take(&contents->lock);
	if (result)
		return result;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		result = punch_hole(contents, offset, length);
	else
		result = allocate(contents, mode, offset, offset + length);
	sleep_lock_release(&contents->lock);
	if (result == 0)
		inode_touch(file->inode, TIME_MODIFICATION | TIME_CHANGE);
	return result;
}

// ---- seals ----
#define ALL_SEALS                                                                         \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
	 F_SEAL_EXEC)
#define WRITE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static int add_seals(struct inode *inode, uint32_t seals)
{
	struct tmpfs_file *file = &tmpfs_inode(inode)->file;
	int result;

	if (file->seals & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & F_SEAL_WRITE) && !(file->seals & F_SEAL_WRITE)) {
		result = object_deny_write(&file->object);
		if (result)
			return result;
	}
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= WRITE_SEALS;
	file->seals |= seals;
	return 0;
}

int tmpfs_add_seals(struct file *file, uint64_t seals)
{
	struct tmpfs_inode *node = tmpfs_regular(file);
	int result;

	if (seals > UINT32_MAX)
		return -EINVAL;
	if (!file_writable(file))
		return -EPERM;
	if ((seals & ~(uint64_t)ALL_SEALS) || !node)
		return -EINVAL;
	result = sleep_lock_take(&node->file.lock);
	if (result)
		return result;
	result = add_seals(&node->inode, (uint32_t)seals);
	sleep_lock_release(&node->file.lock);
	return result;
}

int tmpfs_check_mapping(const struct tmpfs_inode *node, bool shared, bool write, bool *may_write)
{
	if (!shared || !(node->file.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return 0;
	if (write)
		return -EPERM;
	*may_write = false;
	return 0;
}

// ---- opening ----
static void regular_release(struct file *file)
{
	if (file_writable(file) && !file->data)
		inode_write_end(file->inode);
}

static const struct file_ops regular_file_ops = {
	.read = regular_read,
	.write = regular_write,
	.seek = regular_seek,
	.release = regular_release,
};

int tmpfs_open(struct inode *inode, unsigned flags, struct file **file)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	int result = writes ? inode_write_begin(inode) : 0;

	if (result)
		return result;
	*file = file_create(&regular_file_ops, inode_get(inode), flags);
	if (*file)
		return 0;
	if (writes)
		inode_write_end(inode);
	inode_put(inode);
	return -ENOMEM;
}

void tmpfs_forget_writer(struct file *file)
{
	file->data = file;
	inode_write_end(file->inode);
}
