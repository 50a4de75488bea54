// SPDX-License-Identifier: MIT
//
// eventfd: a counter in a file. Writing adds to it, reading takes all of it, or one; who finds
// nothing to take, or no room, waits.
//
// Locks: `lock` guards the counter; sleepers and poll read it without, and look again.
#include "kernel/file/event.h"

#include "kernel/file/anonymous.h"
#include "kernel/file/poll.h"
#include "kernel/process/wait.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

#define MOST (UINT64_MAX - 1) // that the counter can hold

struct eventfd {
	struct spinlock lock;
	uint64_t count;
	bool semaphore;            // a read takes one; constant
	struct wait_queue changed; // woken when it has
};

struct room {
	struct eventfd *event;
	uint64_t wanted;
};

static uint64_t count_of(const struct eventfd *event)
{
	return __atomic_load_n(&event->count, __ATOMIC_ACQUIRE);
}

static bool has_some(void *event)
{
	return count_of(event) != 0;
}

static bool has_room(void *argument)
{
	const struct room *room = argument;

	return count_of(room->event) <= MOST - room->wanted;
}

// 0 when there is nothing.
static uint64_t take(struct eventfd *event)
{
	uint64_t taken;

	spin_lock(&event->lock);
	taken = event->semaphore && event->count ? 1 : event->count;
	event->count -= taken;
	spin_unlock(&event->lock);
	return taken;
}

static bool add(struct eventfd *event, uint64_t value)
{
	bool added;

	spin_lock(&event->lock);
	added = event->count <= MOST - value;
	if (added)
		event->count += value;
	spin_unlock(&event->lock);
	return added;
}

static long eventfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct eventfd *event = file->data;
	uint64_t taken;
	int error = 0;

	(void)offset;
	if (io->left < sizeof(taken))
		return -EINVAL;
	while (!(taken = take(event)) && !error)
		error = file->flags & O_NONBLOCK ? -EAGAIN
						 : wait_until(&event->changed, has_some, event);
	if (!taken)
		return error;
	wake_all(&event->changed);
	return io_to(io, &taken, sizeof(taken)) == sizeof(taken) ? (long)sizeof(taken) : -EFAULT;
}

static long eventfd_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct eventfd *event = file->data;
	struct room room = {.event = event};
	int error = 0;

	(void)offset;
	if (io->left < sizeof(room.wanted))
		return -EINVAL;
	if (io_from(io, &room.wanted, sizeof(room.wanted)) != sizeof(room.wanted))
		return -EFAULT;
	if (room.wanted > MOST)
		return -EINVAL;
	while (!add(event, room.wanted)) {
		error = file->flags & O_NONBLOCK ? -EAGAIN
						 : wait_until(&event->changed, has_room, &room);
		if (error)
			return error;
	}
	wake_all(&event->changed);
	return sizeof(room.wanted);
}

static unsigned eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *event = file->data;
	uint64_t count;

	poll_wait(table, &event->changed);
	count = count_of(event);
	return (count ? POLLIN | POLLRDNORM : 0) | (count < MOST ? POLLOUT | POLLWRNORM : 0);
}

static void eventfd_release(struct file *file)
{
	kfree(file->data);
}

static const struct file_ops eventfd_ops = {
	.name = "[eventfd]",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.stat = anonymous_stat,
	.release = eventfd_release,
};

int eventfd_install(uint32_t count, int flags)
{
	struct eventfd *event = kzalloc(sizeof(*event));
	int descriptor;

	if (!event)
		return -ENOMEM;
	event->count = count;
	event->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&event->changed);
	descriptor = anonymous_install(&eventfd_ops, event,
				       O_RDWR | (unsigned)(flags & (O_CLOEXEC | O_NONBLOCK)));
	if (descriptor < 0)
		kfree(event);
	return descriptor;
}
