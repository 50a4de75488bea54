// SPDX-License-Identifier: MIT
//
// System calls that move bytes: read, write and their kin, lseek, sendfile, fsync.
#include "kernel/machine/user_copy.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fadvise.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <linux/uio.h>

#define SMALL_VECTOR 8 // pieces that fit on the stack

enum direction { READ, WRITE };

static long transfer(struct file *file, struct io *io, uint64_t *offset, enum direction direction)
{
	return direction == READ ? file_read(file, io, offset) : file_write(file, io, offset);
}

static long move_bytes(struct file *file, uintptr_t buffer, size_t count, uint64_t *offset,
		       enum direction direction)
{
	struct io io;
	int result;

	if (direction == READ ? !file_readable(file) : !file_writable(file))
		return -EBADF;
	result = io_user(&io, buffer, count);
	return result ? result : transfer(file, &io, offset, direction);
}

static long move_at_position(int descriptor, uintptr_t buffer, size_t count,
			     enum direction direction)
{
	bool counted;
	struct file *file = file_borrow_descriptor(descriptor, &counted);
	long result;

	if (!file)
		return -EBADF;
	result = move_bytes(file, buffer, count, NULL, direction);
	file_return(file, counted);
	return result;
}

long sys_read(int descriptor, uintptr_t buffer, size_t count)
{
	return move_at_position(descriptor, buffer, count, READ);
}

long sys_write(int descriptor, uintptr_t buffer, size_t count)
{
	return move_at_position(descriptor, buffer, count, WRITE);
}

static long move_at_offset(int descriptor, uintptr_t buffer, size_t count, int64_t offset,
			   enum direction direction)
{
	uint64_t position = (uint64_t)offset;
	struct file *file;
	long result = -ESPIPE;

	if (offset < 0)
		return -EINVAL;
	file = get_open_file(descriptor);
	if (!file)
		return -EBADF;
	if (file->ops->seek)
		result = move_bytes(file, buffer, count, &position, direction);
	file_put(file);
	return result;
}

long sys_pread64(int descriptor, uintptr_t buffer, size_t count, int64_t offset)
{
	return move_at_offset(descriptor, buffer, count, offset, READ);
}

long sys_pwrite64(int descriptor, uintptr_t buffer, size_t count, int64_t offset)
{
	return move_at_offset(descriptor, buffer, count, offset, WRITE);
}

static long move_vector(struct file *file, uintptr_t vector, uint64_t count, uint64_t *offset,
			enum direction direction)
{
	struct iovec small[SMALL_VECTOR];
	struct iovec *pieces = small;
	struct io io;
	long result = -EFAULT;

	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > SMALL_VECTOR) {
		pieces = kmalloc(count * sizeof(*pieces));
		if (!pieces)
			return -ENOMEM;
	}
	if (copy_from_user(pieces, vector, count * sizeof(*pieces)) == 0)
		result = io_vector(&io, pieces, count);
	if (result == 0)
		result = transfer(file, &io, offset, direction);
	if (pieces != small)
		kfree(pieces);
	return result;
}

static long move_vector_at_position(int descriptor, uintptr_t vector, uint64_t count,
				    enum direction direction)
{
	struct file *file = get_open_file(descriptor);
	long result;

	if (!file)
		return -EBADF;
	result = move_vector(file, vector, count, NULL, direction);
	file_put(file);
	return result;
}

static long move_vector_at_offset(int descriptor, uintptr_t vector, uint64_t count, int64_t offset,
				  enum direction direction)
{
	uint64_t position = (uint64_t)offset;
	struct file *file;
	long result = -ESPIPE;

	if (offset < 0)
		return -EINVAL;
	file = get_open_file(descriptor);
	if (!file)
		return -EBADF;
	if (file->ops->seek)
		result = move_vector(file, vector, count, &position, direction);
	file_put(file);
	return result;
}

long sys_readv(int descriptor, uintptr_t vector, uint64_t count)
{
	return move_vector_at_position(descriptor, vector, count, READ);
}

long sys_writev(int descriptor, uintptr_t vector, uint64_t count)
{
	return move_vector_at_position(descriptor, vector, count, WRITE);
}

long sys_preadv(int descriptor, uintptr_t vector, uint64_t count, int64_t offset)
{
	return move_vector_at_offset(descriptor, vector, count, offset, READ);
}

long sys_pwritev(int descriptor, uintptr_t vector, uint64_t count, int64_t offset)
{
	return move_vector_at_offset(descriptor, vector, count, offset, WRITE);
}

static long seek_locked(struct file *file, int64_t offset, int whence)
{
	long result = file_lock_position(file);

	if (result)
		return result;
	result = file->ops->seek(file, offset, whence);
	file_unlock_position(file);
	return result;
}

long sys_lseek(int descriptor, int64_t offset, int whence)
{
	struct file *file = get_open_file(descriptor);
	long result;

	if (!file)
		return -EBADF;
	if (whence < 0 || whence > SEEK_MAX)
		result = -EINVAL;
	else
		result = file->ops->seek ? seek_locked(file, offset, whence) : -ESPIPE;
	file_put(file);
	return result;
}

// ---- sendfile ----
// One page through the kernel: bytes that arrived, 0 at the end, or -errno. *offset moves only by
// what arrived.
static long send_page(struct file *out, struct file *in, uint64_t *offset, size_t count,
		      char *page)
{
	uint64_t position = *offset;
	struct io io;
	long got, sent;

	io_kernel(&io, page, count < PAGE_SIZE ? count : PAGE_SIZE);
	got = file_read(in, &io, &position);
	if (got <= 0)
		return got;
	io_kernel(&io, page, (size_t)got);
	sent = file_write(out, &io, NULL);
	if (sent > 0)
		*offset += (uint64_t)sent;
	return sent;
}

static long send_all(struct file *out, struct file *in, uint64_t *offset, size_t count)
{
	char *page = kmalloc(PAGE_SIZE);
	long total = 0;
	long result = 0;

	if (!page)
		return -ENOMEM;
	if (count > IO_MAX)
		count = IO_MAX;
	while ((size_t)total < count) {
		result = send_page(out, in, offset, count - (size_t)total, page);
		if (result <= 0)
			break;
		total += result;
		if (io_must_end())
			break;
	}
	kfree(page);
	return total ? total : result;
}

static long send_checked(struct file *out, struct file *in, uint64_t *offset, size_t count)
{
	if (!file_readable(in) || !file_writable(out))
		return -EBADF;
	if (!in->ops->seek || !in->ops->read || (out->flags & O_APPEND))
		return -EINVAL;
	return send_all(out, in, offset ? offset : &in->offset, count);
}

static long send_with_offset(struct file *out, struct file *in, uintptr_t user_offset,
			     size_t count)
{
	int64_t offset;
	uint64_t position;
	long result;

	if (!user_offset)
		return send_checked(out, in, NULL, count);
	if (copy_from_user(&offset, user_offset, sizeof(offset)))
		return -EFAULT;
	if (!in->ops->seek)
		return -ESPIPE;
	if (offset < 0)
		return -EINVAL;
	position = (uint64_t)offset;
	result = send_checked(out, in, &position, count);
	if (copy_to_user(user_offset, &position, sizeof(position)))
		return -EFAULT;
	return result;
}

long sys_sendfile(int out, int in, uintptr_t offset, size_t count)
{
	struct file *source = get_open_file(in);
	struct file *target = get_open_file(out);
	long result = -EBADF;

	if (source && target)
		result = send_with_offset(target, source, offset, count);
	file_put(source);
	file_put(target);
	return result;
}

// ---- nothing here is ever written late ----
long sys_fsync(int descriptor)
{
	struct file *file = get_open_file(descriptor);
	long result = 0;

	if (!file)
		return -EBADF;
	if (!file->inode || inode_is(file->inode, S_IFCHR))
		result = -EINVAL;
	file_put(file);
	return result;
}

long sys_sync(void)
{
	return 0;
}

long sys_fadvise64(int descriptor, int64_t offset, size_t length, int advice)
{
	struct file *file = get_open_file(descriptor);
	long result = 0;

	(void)offset;
	if (!file)
		return -EBADF;
	if (!file->inode)
		result = -ESPIPE;
	else if ((int64_t)length < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		result = -EINVAL;
	file_put(file);
	return result;
}

// What is in memory already need not be read.
long sys_readahead(int descriptor, int64_t offset, size_t count)
{
	struct file *file = get_open_file(descriptor);
	long result = 0;

	(void)offset, (void)count;
	if (!file)
		return -EBADF;
	if (!file_readable(file))
		result = -EBADF;
	else if (!file->inode || !inode_is(file->inode, S_IFREG) || !file->inode->object)
		result = -EINVAL;
	file_put(file);
	return result;
}
