// SPDX-License-Identifier: MIT
//
// System calls on time. Sleeps end at a timer tick, at the first one not before the deadline.
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/alarm.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/usage.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/times.h>

#define TICK_NANOSECONDS (NANOSECONDS / TICKS_PER_SECOND)

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

static uint64_t cpu_time(int who)
{
	struct usage usage;

	process_usage_ticks(current_process(), who, &usage);
	return (usage.user_ticks + usage.kernel_ticks) * TICK_NANOSECONDS;
}

static int clock_read(int clock, uint64_t *now)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*now = clock_realtime();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*now = clock_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*now = cpu_time(RUSAGE_SELF);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*now = cpu_time(RUSAGE_THREAD);
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_clock_gettime(int clock, uintptr_t time)
{
	uint64_t now;
	int error = clock_read(clock, &now);

	return error ? error : user_time_write(time, now);
}

static bool is_coarse(int clock)
{
	return clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ||
	       clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

long sys_clock_getres(int clock, uintptr_t resolution)
{
	uint64_t now;
	int error = clock_read(clock, &now);

	if (error || !resolution)
		return error;
	return user_time_write(resolution, is_coarse(clock) ? TICK_NANOSECONDS : 1);
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

static bool never(void *unused)
{
	(void)unused;
	return false;
}

// Sleeps until clock_monotonic() reaches `deadline`. 0 or -ERESTARTSYS.
static int sleep_until(uint64_t deadline)
{
	struct wait_queue nobody = WAIT_QUEUE_INIT(nobody);
	int result = wait_until_deadline(&nobody, never, NULL, deadline);

	return result == -ETIMEDOUT ? 0 : result;
}

static long sleep_or_restart(uint64_t deadline, uintptr_t left);

static long restart_sleep(struct restart *restart)
{
	return sleep_or_restart(restart->deadline, restart->address);
}

// A relative sleep: started anew after a stop it goes on to the same end, and says what was left
// when a handler cut it short.
static long sleep_or_restart(uint64_t deadline, uintptr_t left)
{
	uint64_t now;

	if (!sleep_until(deadline))
		return 0;
	now = clock_monotonic();
	if (now >= deadline)
		return 0;
	if (left && user_time_write(left, deadline - now))
		return -EFAULT;
	current_task()->restart = (struct restart){
		.function = restart_sleep,
		.deadline = deadline,
		.address = left,
	};
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_for(uint64_t duration, uintptr_t left)
{
	return sleep_or_restart(time_add(clock_monotonic(), duration), left);
}

long sys_nanosleep(uintptr_t request, uintptr_t left)
{
	uint64_t duration;
	int error = user_duration_read(request, &duration);

	return error ? error : sleep_for(duration, left);
}

long sys_clock_nanosleep(int clock, int flags, uintptr_t request, uintptr_t left)
{
	uint64_t wanted, now;
	int error = clock_read(clock, &now);

	if (error || clock == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	if (is_coarse(clock) || clock == CLOCK_MONOTONIC_RAW)
		return -EOPNOTSUPP;
	error = user_duration_read(request, &wanted);
	if (error)
		return error;
	if (!(flags & TIMER_ABSTIME))
		return sleep_for(wanted, left);
	if (wanted <= now)
		return 0;
	return sleep_until(time_add(clock_monotonic(), wanted - now)) ? -ERESTARTNOHAND : 0;
}

long sys_times(uintptr_t times)
{
	struct usage self, children;
	struct tms value;

	process_usage_ticks(current_process(), RUSAGE_SELF, &self);
	process_usage_ticks(current_process(), RUSAGE_CHILDREN, &children);
	value = (struct tms){
		.tms_utime = (long)self.user_ticks,
		.tms_stime = (long)self.kernel_ticks,
		.tms_cutime = (long)children.user_ticks,
		.tms_cstime = (long)children.kernel_ticks,
	};
	if (times && copy_to_user(times, &value, sizeof(value)))
		return -EFAULT;
	return (long)(clock_monotonic() / TICK_NANOSECONDS);
}

// Rounds up: what is left of an alarm is never shown as 0.
static struct __kernel_old_timeval to_timeval(uint64_t nanoseconds)
{
	uint64_t microseconds = nanoseconds / 1000 + !!(nanoseconds % 1000);

	return (struct __kernel_old_timeval){
		.tv_sec = (long)(microseconds / 1000000),
		.tv_usec = (long)(microseconds % 1000000),
	};
}

static int from_timeval(const struct __kernel_old_timeval *time, uint64_t *nanoseconds)
{
	if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= 1000000)
		return -EINVAL;
	if ((uint64_t)time->tv_sec >= UINT64_MAX / NANOSECONDS)
		*nanoseconds = UINT64_MAX;
	else
		*nanoseconds =
			(uint64_t)time->tv_sec * NANOSECONDS + (uint64_t)time->tv_usec * 1000;
	return 0;
}

static int write_setting(uintptr_t to, const struct alarm_setting *setting)
{
	struct __kernel_old_itimerval value = {
		.it_interval = to_timeval(setting->interval),
		.it_value = to_timeval(setting->left),
	};

	return copy_to_user(to, &value, sizeof(value));
}

// Timers that count a process's own time are not there: -EINVAL, as for unknown ones.
long sys_getitimer(int which, uintptr_t value)
{
	struct alarm_setting setting = alarm_get(current_process());

	return which == ITIMER_REAL ? write_setting(value, &setting) : -EINVAL;
}

long sys_setitimer(int which, uintptr_t value, uintptr_t old)
{
	struct alarm_setting before, setting = {0};
	struct __kernel_old_itimerval new;
	int error;

	if (which != ITIMER_REAL)
		return -EINVAL;
	if (value && copy_from_user(&new, value, sizeof(new)))
		return -EFAULT;
	if (value && (from_timeval(&new.it_interval, &setting.interval) ||
		      from_timeval(&new.it_value, &setting.left)))
		return -EINVAL;
	error = alarm_set(&setting, &before);
	if (error)
		return error;
	return old ? write_setting(old, &before) : 0;
}

long sys_alarm(uint32_t seconds)
{
	struct alarm_setting before, setting = {.left = seconds * NANOSECONDS};
	int error = alarm_set(&setting, &before);

	if (error)
		return error;
	// Rounded to the nearest second, but a set alarm is never 0.
	if (before.left && before.left < NANOSECONDS)
		return 1;
	return (long)((before.left + NANOSECONDS / 2) / NANOSECONDS);
}
