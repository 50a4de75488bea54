// SPDX-License-Identifier: MIT
//
// System calls that make descriptors for events.
#include "kernel/file/event.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/signal.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/timerfd.h>

long sys_eventfd2(uint32_t count, int flags)
{
	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return eventfd_install(count, flags);
}

long sys_eventfd(uint32_t count)
{
	return eventfd_install(count, 0);
}

long sys_timerfd_create(int clock, int flags)
{
	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	switch (clock) {
	case CLOCK_REALTIME:
		return timerfd_install(true, flags);
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return timerfd_install(false, flags);
	default:
		return -EINVAL;
	}
}

long sys_timerfd_settime(int descriptor, int flags, uintptr_t new, uintptr_t old)
{
	struct alarm_setting setting, before;
	int error;

	if (user_duration_read(new, &setting.interval) == -EFAULT)
		return -EFAULT;
	error = user_duration_read(new + sizeof(struct __kernel_timespec), &setting.left);
	if (error == -EFAULT)
		return error;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) || error ||
	    user_duration_read(new, &setting.interval))
		return -EINVAL;
	error = timerfd_set(descriptor, flags & TFD_TIMER_ABSTIME, &setting, &before);
	if (error || !old)
		return error;
	return user_setting_write(old, &before);
}

long sys_timerfd_gettime(int descriptor, uintptr_t to)
{
	struct alarm_setting setting;
	int error = timerfd_get(descriptor, &setting);

	return error ? error : user_setting_write(to, &setting);
}

long sys_signalfd4(int descriptor, uintptr_t from, size_t size, int flags)
{
	uint64_t mask;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK) || size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, from, sizeof(mask)))
		return -EFAULT;
	mask &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	return descriptor == -1 ? signalfd_install(mask, flags)
				: signalfd_change(descriptor, mask) ?: descriptor;
}

long sys_signalfd(int descriptor, uintptr_t from, size_t size)
{
	return sys_signalfd4(descriptor, from, size, 0);
}
