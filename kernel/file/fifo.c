// SPDX-License-Identifier: MIT
//
// Pipes with a name: who opens one end waits until somebody has the other. The pipe is there while
// some file of the inode is open.
//
// Locks: `fifo_lock` guards inodes' pointers to their pipes, and the pipes' references.
#include "kernel/file/pipe_internal.h"
#include "kernel/file/tmpfs.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

static struct spinlock fifo_lock;

// The inode's pipe, with a reference, or NULL when out of memory.
static struct pipe *get(struct tmpfs_inode *node)
{
	struct pipe *pipe, *new = pipe_alloc();

	if (!new)
		return NULL;
	spin_lock(&fifo_lock);
	if (!node->pipe) {
		node->pipe = new;
		new = NULL;
	}
	pipe = node->pipe;
	pipe->references++;
	spin_unlock(&fifo_lock);
	if (new)
		pipe_free(new);
	return pipe;
}

static void put(struct tmpfs_inode *node)
{
	struct pipe *pipe = NULL;

	spin_lock(&fifo_lock);
	if (!--node->pipe->references) {
		pipe = node->pipe;
		node->pipe = NULL;
	}
	spin_unlock(&fifo_lock);
	if (pipe)
		pipe_free(pipe);
}

static void fifo_release(struct file *file)
{
	pipe_close_ends(file);
	put(tmpfs_inode(file->inode));
}

const struct file_ops fifo_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
	.release = fifo_release,
};

static bool is_open(const uint32_t *end)
{
	return __atomic_load_n(end, __ATOMIC_SEQ_CST);
}

// Somebody who has opened the other end since.
struct partner {
	const uint32_t *ever;
	uint32_t before;
	bool there; // already
};

static bool has_come(void *argument)
{
	const struct partner *partner = argument;

	return partner->there ||
	       __atomic_load_n(partner->ever, __ATOMIC_ACQUIRE) != partner->before;
}

static void open_end(uint32_t *open, uint32_t *ever, struct wait_queue *others)
{
	__atomic_add_fetch(open, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(ever, 1, __ATOMIC_SEQ_CST);
	wake_all(others);
}

// The other end as it is when one arrives: whoever comes after this is never missed, and who is
// there waits for a partner himself, and may be gone as soon as he has one.
static struct partner look_for(const uint32_t *open, const uint32_t *ever)
{
	struct partner partner = {.ever = ever, .before = __atomic_load_n(ever, __ATOMIC_SEQ_CST)};

	partner.there = is_open(open);
	return partner;
}

// Opens the file's ends and waits for the other one: 0 or -ERESTARTSYS.
static int open_ends(struct file *file, struct pipe *pipe)
{
	struct partner writer = look_for(&pipe->writers, &pipe->writers_ever);
	struct partner reader = look_for(&pipe->readers, &pipe->readers_ever);
	const bool reads = file_readable(file), writes = file_writable(file);

	if (reads)
		open_end(&pipe->readers, &pipe->readers_ever, &pipe->writable);
	if (writes)
		open_end(&pipe->writers, &pipe->writers_ever, &pipe->readable);
	if (reads && writes)
		return 0;
	if (writes)
		return wait_until(&pipe->writable, has_come, &reader);
	if (!(file->flags & O_NONBLOCK))
		return wait_until(&pipe->readable, has_come, &writer);
	if (!writer.there)
		file->offset = writer.before;
	return 0;
}

int fifo_open(struct inode *inode, unsigned flags, struct file **file)
{
	struct pipe *pipe = get(tmpfs_inode(inode));
	int result = -ENOMEM;

	if (!pipe)
		return -ENOMEM;
	*file = NULL;
	if ((flags & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK) &&
	    !is_open(&pipe->readers))
		result = -ENXIO;
	else
		*file = file_create(&fifo_ops, inode_get(inode), flags);
	if (!*file) {
		if (result == -ENOMEM)
			inode_put(inode);
		put(tmpfs_inode(inode));
		return result;
	}
	(*file)->data = pipe;
	result = open_ends(*file, pipe);
	if (result)
		file_put(*file);
	return result;
}
