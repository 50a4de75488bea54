// SPDX-License-Identifier: MIT
//
// Pipes: a ring of 16 pages whose frames come with the first byte and go with the last, so that a
// pipe nobody writes to costs no frame.
//
// `head` and `tail` count all bytes ever written and read; their difference is what is in it.
//
// Pipes with a name are opened in fifo.c.
//
// Locks: `lock` (may sleep) guards the ring; it is held over copies to and from ring 3. The
// counters of the ring are written in its hold and read without it by sleepers and poll; those of
// the ends change without it.
#include "kernel/file/pipe.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "kernel/file/poll.h"
#include "kernel/file/pipe_internal.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/poll.h>
#include <linux/stat.h>

static struct cache *pipe_cache; // constant once started
static uint64_t last_number;

static size_t pipe_used(const struct pipe *pipe)
{
	return (size_t)(__atomic_load_n(&pipe->head, __ATOMIC_ACQUIRE) -
			__atomic_load_n(&pipe->tail, __ATOMIC_ACQUIRE));
}

static bool is_open(const uint32_t *end)
{
	return __atomic_load_n(end, __ATOMIC_ACQUIRE);
}

static struct frame **page_slot(struct pipe *pipe, uint64_t position)
{
	return &pipe->pages[position / PAGE_SIZE % PIPE_PAGES];
}

// The part of `count` bytes from `position` that lies in one page.
static size_t page_step(uint64_t position, size_t count)
{
	size_t step = PAGE_SIZE - (position & (PAGE_SIZE - 1));

	return step < count ? step : count;
}

static char *page_bytes(struct frame *frame, uint64_t position)
{
	return (char *)frame_to_virt(frame) + (position & (PAGE_SIZE - 1));
}

// ---- reading ----
static bool can_read(void *argument)
{
	struct pipe *pipe = argument;

	return pipe_used(pipe) || !is_open(&pipe->writers);
}

// Moves out what is there. Bytes moved: fewer than possible when ring 3's memory faulted.
static size_t take_bytes(struct pipe *pipe, struct io *io)
{
	size_t total = 0;

	while (io->left && pipe_used(pipe)) {
		struct frame **slot = page_slot(pipe, pipe->tail);
		size_t step = page_step(pipe->tail, pipe_used(pipe));
		size_t moved;

		if (step > io->left)
			step = io->left;
		moved = io_to(io, page_bytes(*slot, pipe->tail), step);
		// As on Linux, a piece that faults half-way stays in the pipe.
		if (moved < step)
			break;
		__atomic_store_n(&pipe->tail, pipe->tail + moved, __ATOMIC_RELEASE);
		total += moved;
		// When the ring was full, the page's start holds its newest bytes already.
		if (pipe->tail % PAGE_SIZE == 0 &&
		    (pipe_used(pipe) <= PIPE_CAPACITY - PAGE_SIZE || MUTANT(pipe_frees_newest))) {
			frame_put(*slot);
			*slot = NULL;
		}
	}
	return total;
}

// With the lock held: sleeps without it until there is something. 0, or -errno and the lock gone.
static int wait_readable(struct pipe *pipe, unsigned flags)
{
	while (!pipe_used(pipe) && is_open(&pipe->writers)) {
		int result = -EAGAIN;

		sleep_lock_release(&pipe->lock);
		if (!(flags & O_NONBLOCK))
			result = wait_until(&pipe->readable, can_read, pipe);
		if (result == 0)
			result = sleep_lock_take(&pipe->lock);
		if (result)
			return result;
	}
	return 0;
}

long pipe_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct pipe *pipe = file->data;
	size_t moved;
	bool empty;
	int result;

	(void)offset;
	if (io->left == 0)
		return 0;
	result = sleep_lock_take(&pipe->lock);
	if (result == 0)
		result = wait_readable(pipe, file->flags);
	if (result)
		return result;
	empty = pipe_used(pipe) == 0;
	moved = take_bytes(pipe, io);
	sleep_lock_release(&pipe->lock);
	if (moved)
		wake_all(&pipe->writable);
	return moved || empty ? (long)moved : -EFAULT;
}

// ---- writing ----
// What a writer waits for: room for all of a small write, or for anything of a large one.
struct room {
	struct pipe *pipe;
	size_t needed;
};

static bool can_write(void *argument)
{
	struct room *room = argument;

	return PIPE_CAPACITY - pipe_used(room->pipe) >= room->needed ||
	       !is_open(&room->pipe->readers);
}

// The frame that byte `position` goes into. 0 or -ENOMEM.
static int page_for_write(struct pipe *pipe, uint64_t position)
{
	struct frame **slot = page_slot(pipe, position);

	if (!*slot)
		*slot = frame_alloc(0, FRAME_KERNEL);
	return *slot ? 0 : -ENOMEM;
}

// Moves in what fits. 0, -ENOMEM or -EFAULT; *moved says how many bytes in any case.
static int put_bytes(struct pipe *pipe, struct io *io, size_t *moved)
{
	*moved = 0;
	while (io->left && pipe_used(pipe) < PIPE_CAPACITY) {
		size_t step = page_step(pipe->head, PIPE_CAPACITY - pipe_used(pipe));
		size_t copied;

		if (step > io->left)
			step = io->left;
		if (page_for_write(pipe, pipe->head))
			return -ENOMEM;
		copied = io_from(io, page_bytes(*page_slot(pipe, pipe->head), pipe->head), step);
		// As on Linux, a piece that faults half-way leaves nothing behind.
		if (copied < step)
			return -EFAULT;
		__atomic_store_n(&pipe->head, pipe->head + copied, __ATOMIC_RELEASE);
		*moved += copied;
	}
	return 0;
}

void pipe_send_signal(void)
{
	struct signal_info info = {.signal = SIGPIPE, .code = SI_USER};

	info.pid = current_process()->pid;
	signal_send_task(current_task(), &info);
}

// One round of a write: waits for room and fills it. 0 or -errno.
static int write_round(struct file *file, struct io *io, size_t needed, size_t *moved)
{
	struct pipe *pipe = file->data;
	struct room room = {pipe, needed};
	int result;

	*moved = 0;
	if (!can_write(&room)) {
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		result = wait_until(&pipe->writable, can_write, &room);
		if (result)
			return result;
	}
	result = sleep_lock_take(&pipe->lock);
	if (result)
		return result;
	if (!is_open(&pipe->readers))
		result = -EPIPE;
	else if (can_write(&room)) // else another writer was faster
		result = put_bytes(pipe, io, moved);
	sleep_lock_release(&pipe->lock);
	if (*moved)
		wake_all(&pipe->readable);
	return result;
}

long pipe_write(struct file *file, struct io *io, uint64_t *offset)
{
	size_t needed = io->left <= PIPE_BUF ? io->left : 1;
	long total = 0;

	(void)offset;
	while (io->left) {
		size_t moved;
		int result = write_round(file, io, needed, &moved);

		total += (long)moved;
		if (result == -EPIPE)
			pipe_send_signal();
		if (result)
			return total ? total : result;
	}
	return total;
}

// ---- the rest ----
static unsigned read_events(struct file *file, struct pipe *pipe)
{
	unsigned events = 0;

	// In this order: what a writer left before it went is never missed.
	if (!is_open(&pipe->writers) && pipe->writers_ever != (uint32_t)file->offset)
		events |= POLLHUP;
	if (pipe_used(pipe))
		events |= POLLIN | POLLRDNORM;
	return events;
}

static unsigned write_events(struct pipe *pipe)
{
	unsigned events = 0;

	if (PIPE_CAPACITY - pipe_used(pipe) >= PIPE_BUF)
		events |= POLLOUT | POLLWRNORM;
	if (!is_open(&pipe->readers))
		events |= POLLERR;
	return events;
}

unsigned pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->data;
	unsigned events = 0;

	if (file_readable(file)) {
		poll_wait(table, &pipe->readable);
		events |= read_events(file, pipe);
	}
	if (file_writable(file)) {
		poll_wait(table, &pipe->writable);
		events |= write_events(pipe);
	}
	return events;
}

long pipe_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	int used = (int)pipe_used(file->data);

	if (command != FIONREAD)
		return -ENOTTY;
	return copy_to_user(argument, &used, sizeof(used));
}

static void pipe_stat(struct file *file, struct stat *status)
{
	struct pipe *pipe = file->data;

	memset(status, 0, sizeof(*status));
	status->st_dev = PIPE_DEVICE;
	status->st_ino = pipe->number;
	status->st_nlink = 1;
	status->st_mode = S_IFIFO | 0600;
	status->st_blksize = PAGE_SIZE;
}

void pipe_close_ends(struct file *file)
{
	struct pipe *pipe = file->data;

	if (file_readable(file) && !__atomic_sub_fetch(&pipe->readers, 1, __ATOMIC_ACQ_REL))
		wake_all(&pipe->writable);
	if (file_writable(file) && !__atomic_sub_fetch(&pipe->writers, 1, __ATOMIC_ACQ_REL))
		wake_all(&pipe->readable);
}

void pipe_free(struct pipe *pipe)
{
	for (unsigned i = 0; i < PIPE_PAGES; i++)
		if (pipe->pages[i])
			frame_put(pipe->pages[i]);
	cache_free(pipe_cache, pipe);
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = file->data;

	pipe_close_ends(file);
	if (__atomic_sub_fetch(&pipe->references, 1, __ATOMIC_ACQ_REL) == 0)
		pipe_free(pipe);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
	.stat = pipe_stat,
	.release = pipe_release,
};

bool file_is_pipe(const struct file *file)
{
	return file->ops == &pipe_ops || file->ops == &fifo_ops;
}

int pipe_start(void)
{
	pipe_cache = cache_create("pipe", sizeof(struct pipe));
	return pipe_cache ? 0 : -ENOMEM;
}

struct pipe *pipe_alloc(void)
{
	struct pipe *pipe = cache_alloc_zeroed(pipe_cache);

	if (!pipe)
		return NULL;
	sleep_lock_init(&pipe->lock);
	wait_queue_init(&pipe->readable);
	wait_queue_init(&pipe->writable);
	pipe->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
	return pipe;
}

int pipe_create(unsigned flags, struct file **read_end, struct file **write_end)
{
	struct pipe *pipe = pipe_alloc();

	if (!pipe)
		return -ENOMEM;
	pipe->references = 2;
	pipe->readers = pipe->writers = pipe->writers_ever = 1;
	*read_end = file_create(&pipe_ops, NULL, O_RDONLY | flags);
	*write_end = *read_end ? file_create(&pipe_ops, NULL, O_WRONLY | flags) : NULL;
	if (!*write_end) {
		if (*read_end) {
			(*read_end)->data = pipe;
			pipe->references = 1;
			file_put(*read_end);
		} else {
			cache_free(pipe_cache, pipe);
		}
		return -ENOMEM;
	}
	(*read_end)->data = pipe;
	(*write_end)->data = pipe;
	return 0;
}
