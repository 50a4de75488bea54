// SPDX-License-Identifier: MIT
//
// System calls of epoll (kernel/file/epoll.c).
#include "kernel/file/epoll.h"
#include "kernel/file/io.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/signal_action.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>

#define MILLISECOND 1000000ul

long sys_epoll_create1(int flags)
{
	return flags & ~EPOLL_CLOEXEC ? -EINVAL : epoll_install(flags);
}

long sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : epoll_install(0);
}

long sys_epoll_ctl(int descriptor, int operation, int target, uintptr_t from)
{
	struct epoll_event event = {0};
	struct file *epoll, *file;
	long result;

	if (operation != EPOLL_CTL_DEL && copy_from_user(&event, from, sizeof(event)))
		return -EFAULT;
	epoll = get_open_file(descriptor);
	file = epoll ? get_open_file(target) : NULL;
	result = file ? epoll_change(epoll, operation, file, target, &event) : -EBADF;
	file_put(file);
	file_put(epoll);
	return result;
}

static long wait_for_events(int descriptor, uintptr_t to, int most, uint64_t deadline)
{
	struct file *file;
	struct io events;
	long result;

	if (most <= 0 || (unsigned)most > INT32_MAX / sizeof(struct epoll_event))
		return -EINVAL;
	if (io_user(&events, to, (size_t)most * sizeof(struct epoll_event)))
		return -EFAULT;
	file = get_open_file(descriptor);
	if (!file)
		return -EBADF;
	result = epoll_wait(file, &events, deadline);
	file_put(file);
	return result;
}

static uint64_t deadline_of(int timeout)
{
	if (timeout <= 0)
		return timeout ? WAIT_FOREVER : 0;
	return time_add(clock_monotonic(), (uint64_t)timeout * MILLISECOND);
}

long sys_epoll_wait(int descriptor, uintptr_t to, int most, int timeout)
{
	return wait_for_events(descriptor, to, most, deadline_of(timeout));
}

static long wait_with_mask(int descriptor, uintptr_t to, int most, uint64_t deadline,
			   uintptr_t user_mask, size_t size)
{
	uint64_t mask;
	long result;

	if (user_mask && size != sizeof(mask))
		return -EINVAL;
	if (user_mask && copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	if (user_mask)
		signal_mask_set_temporarily(mask);
	result = wait_for_events(descriptor, to, most, deadline);
	if (user_mask && result != -EINTR)
		signal_mask_restore();
	return result;
}

long sys_epoll_pwait(int descriptor, uintptr_t to, int most, int timeout, uintptr_t mask,
		     size_t size)
{
	return wait_with_mask(descriptor, to, most, deadline_of(timeout), mask, size);
}

long sys_epoll_pwait2(int descriptor, uintptr_t to, int most, uintptr_t timeout, uintptr_t mask,
		      size_t size)
{
	uint64_t deadline = WAIT_FOREVER, time;
	long error = timeout ? user_duration_read(timeout, &time) : 0;

	if (error)
		return error;
	if (timeout)
		deadline = time ? time_add(clock_monotonic(), time) : 0;
	return wait_with_mask(descriptor, to, most, deadline, mask, size);
}
