// SPDX-License-Identifier: MIT
//
// System calls that read and set clocks.
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/clock_id.h"
#include "kernel/process/process.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

#define LATEST_SECOND (INT64_MAX / (int64_t)NANOSECONDS - 30 * 366 * 86400l)

int user_duration_read(uintptr_t from, uint64_t *nanoseconds)
{
	struct __kernel_timespec time;

	if (copy_from_user(&time, from, sizeof(time)))
		return -EFAULT;
	if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (long long)NANOSECONDS)
		return -EINVAL;
	if ((uint64_t)time.tv_sec >= UINT64_MAX / NANOSECONDS)
		*nanoseconds = UINT64_MAX;
	else
		*nanoseconds = (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
	return 0;
}

int user_time_write(uintptr_t to, uint64_t nanoseconds)
{
	struct __kernel_timespec time = {
		.tv_sec = (long long)(nanoseconds / NANOSECONDS),
		.tv_nsec = (long long)(nanoseconds % NANOSECONDS),
	};

	return copy_to_user(to, &time, sizeof(time));
}

int user_setting_write(uintptr_t to, const struct alarm_setting *setting)
{
	if (user_time_write(to, setting->interval))
		return -EFAULT;
	return user_time_write(to + sizeof(struct __kernel_timespec), setting->left);
}

long sys_clock_gettime(int number, uintptr_t time)
{
	struct clock_id clock;
	uint64_t now;
	int error = clock_id_find(number, &clock);

	if (error)
		return error;
	now = clock_id_now(&clock);
	clock_id_put(&clock);
	return user_time_write(time, now);
}

long sys_clock_getres(int number, uintptr_t resolution)
{
	struct clock_id clock;
	bool ticks;
	int error = clock_id_find(number, &clock);

	if (error)
		return error;
	ticks = clock_id_is_coarse(&clock) ||
		(clock.kind == CLOCK_KIND_CPU && clock.cpu != CPU_CLOCK_EXACT);
	clock_id_put(&clock);
	return resolution ? user_time_write(resolution, ticks ? TICK_NANOSECONDS : 1) : 0;
}

static int set_realtime(int64_t seconds, int64_t nanoseconds)
{
	if (seconds < 0 || nanoseconds < 0 || nanoseconds >= (int64_t)NANOSECONDS)
		return -EINVAL;
	// As Linux: it is never before the start of the machine's uptime, nor close to the end.
	if (seconds >= LATEST_SECOND)
		return -EINVAL;
	return clock_set_realtime((uint64_t)seconds * NANOSECONDS + (uint64_t)nanoseconds)
		       ? 0
		       : -EINVAL;
}

static long set_cpu_clock(int number)
{
	struct clock_id clock;

	if (clock_id_find(number, &clock))
		return -EINVAL;
	clock_id_put(&clock);
	return -EPERM;
}

long sys_clock_settime(int clock, uintptr_t time)
{
	struct __kernel_timespec value;

	// Of CPU time, which nobody can set, Linux looks at the value first.
	if (clock > 0)
		return -EINVAL;
	if (copy_from_user(&value, time, sizeof(value)))
		return -EFAULT;
	if (clock < 0)
		return set_cpu_clock(clock);
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return set_realtime(value.tv_sec, value.tv_nsec);
}

long sys_settimeofday(uintptr_t time, uintptr_t zone)
{
	struct __kernel_old_timeval value;
	struct timezone ignored;

	if (time && copy_from_user(&value, time, sizeof(value)))
		return -EFAULT;
	if (time && (value.tv_usec < 0 || value.tv_usec > 1000000))
		return -EINVAL;
	if (zone && copy_from_user(&ignored, zone, sizeof(ignored)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return time ? set_realtime(value.tv_sec, value.tv_usec * 1000) : 0;
}

long sys_gettimeofday(uintptr_t time, uintptr_t zone)
{
	uint64_t now = clock_realtime();
	struct timeval value = {
		.tv_sec = (long)(now / NANOSECONDS),
		.tv_usec = (long)(now % NANOSECONDS / 1000),
	};
	struct timezone utc = {0};

	if (time && copy_to_user(time, &value, sizeof(value)))
		return -EFAULT;
	return zone && copy_to_user(zone, &utc, sizeof(utc)) ? -EFAULT : 0;
}

long sys_time(uintptr_t seconds)
{
	long now = (long)(clock_realtime() / NANOSECONDS);

	if (seconds && copy_to_user(seconds, &now, sizeof(now)))
		return -EFAULT;
	return now;
}
