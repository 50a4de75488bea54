// SPDX-License-Identifier: MIT
//
// timerfd: a timer in a file. Reading takes how often it has fired since the last time. Left out:
// being told when the real-time clock is set.
//
// Locks: `lock` makes one of several settings, and re-armings, at a time; it comes before the
// timers' lock.
#include "kernel/file/event.h"

#include "kernel/file/anonymous.h"
#include "kernel/file/files.h"
#include "kernel/file/poll.h"
#include "kernel/machine/timer.h"
#include "kernel/process/timer.h"
#include "kernel/process/wait.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

struct timerfd {
	struct spinlock lock;
	struct timer timer;
	uint64_t interval; // changed while the timer is not armed
	uint64_t fired;    // since the last read; atomic
	bool expired;      // and has not been armed again; atomic
	bool realtime;     // which clock; constant
	struct wait_queue fire_wait;
};

// One with an interval is armed again only when somebody asks how often it has fired: those that
// nobody reads cost nothing, however short their interval.
static uint64_t timerfd_fire(struct timer *timer)
{
	struct timerfd *event = container_of(timer, struct timerfd, timer);

	__atomic_store_n(&event->expired, true, __ATOMIC_RELAXED);
	__atomic_add_fetch(&event->fired, 1, __ATOMIC_RELEASE);
	wake_all(&event->fire_wait);
	return 0;
}

// Arms an expired one again, if it has an interval: how often it would have fired by now besides.
// The lock is held.
static uint64_t catch_up(struct timerfd *event)
{
	uint64_t now = clock_monotonic(), missed;

	if (!event->interval || !__atomic_exchange_n(&event->expired, false, __ATOMIC_ACQUIRE))
		return 0;
	missed = (now - event->timer.when) / event->interval;
	timer_arm(&event->timer, event->timer.when + (missed + 1) * event->interval, timerfd_fire);
	return missed;
}

static uint64_t take_fired(struct timerfd *event)
{
	uint64_t fired;

	spin_lock(&event->lock);
	fired = __atomic_exchange_n(&event->fired, 0, __ATOMIC_ACQ_REL);
	if (fired)
		fired += catch_up(event);
	spin_unlock(&event->lock);
	return fired;
}

static bool has_fired(void *event)
{
	return __atomic_load_n(&((struct timerfd *)event)->fired, __ATOMIC_ACQUIRE) != 0;
}

static long timerfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct timerfd *event = file->data;
	uint64_t fired;
	int error = 0;

	(void)offset;
	if (io->left < sizeof(fired))
		return -EINVAL;
	while (!(fired = take_fired(event)) && !error)
		error = file->flags & O_NONBLOCK ? -EAGAIN
						 : wait_until(&event->fire_wait, has_fired, event);
	if (!fired)
		return error;
	return io_to(io, &fired, sizeof(fired)) == sizeof(fired) ? (long)sizeof(fired) : -EFAULT;
}

static unsigned timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *event = file->data;

	poll_wait(table, &event->fire_wait);
	return has_fired(event) ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *event = file->data;

	timer_disarm(&event->timer);
	kfree(event);
}

static const struct file_ops timerfd_ops = {
	.name = "[timerfd]",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.stat = anonymous_stat,
	.release = timerfd_release,
};

int timerfd_install(bool realtime, int flags)
{
	struct timerfd *event = kzalloc(sizeof(*event));
	int descriptor;

	if (!event)
		return -ENOMEM;
	event->realtime = realtime;
	wait_queue_init(&event->fire_wait);
	descriptor = anonymous_install(&timerfd_ops, event,
				       O_RDWR | (unsigned)(flags & (O_CLOEXEC | O_NONBLOCK)));
	if (descriptor < 0)
		kfree(event);
	return descriptor;
}

// The file of a descriptor, with a reference: 0, -EBADF or -EINVAL.
static int find(int descriptor, struct file **file)
{
	*file = file_get_descriptor(descriptor);
	if (!*file)
		return -EBADF;
	if ((*file)->ops == &timerfd_ops)
		return 0;
	file_put(*file);
	return -EINVAL;
}

static void get_locked(struct timerfd *event, struct alarm_setting *setting)
{
	uint64_t missed = catch_up(event), when = timer_when(&event->timer);
	uint64_t now = clock_monotonic();

	__atomic_add_fetch(&event->fired, missed, __ATOMIC_RELEASE);
	*setting = (struct alarm_setting){.interval = event->interval};
	if (when)
		setting->left = when > now ? when - now : 1;
}

static void arm(struct timerfd *event, bool absolute, uint64_t time)
{
	uint64_t now = clock_monotonic(), other = event->realtime ? clock_realtime() : now;
	uint64_t wait = !absolute ? time : time > other ? time - other : 0;

	timer_arm(&event->timer, wait > UINT64_MAX - now ? UINT64_MAX : now + wait, timerfd_fire);
}

int timerfd_set(int descriptor, bool absolute, const struct alarm_setting *setting,
		struct alarm_setting *old)
{
	struct file *file;
	struct timerfd *event;
	int error = find(descriptor, &file);

	if (error)
		return error;
	event = file->data;
	spin_lock(&event->lock);
	get_locked(event, old);
	timer_disarm(&event->timer);
	__atomic_store_n(&event->fired, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&event->expired, false, __ATOMIC_RELAXED);
	event->interval = setting->interval;
	if (setting->left)
		arm(event, absolute, setting->left);
	spin_unlock(&event->lock);
	file_put(file);
	return 0;
}

int timerfd_get(int descriptor, struct alarm_setting *setting)
{
	struct file *file;
	struct timerfd *event;
	int error = find(descriptor, &file);

	if (error)
		return error;
	event = file->data;
	spin_lock(&event->lock);
	get_locked(event, setting);
	spin_unlock(&event->lock);
	file_put(file);
	return 0;
}
