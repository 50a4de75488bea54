// SPDX-License-Identifier: MIT
//
// System calls that sleep, interval timers, times. Sleeps by the CPU time of a process end at a
// tick, all others when they are to end.
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/alarm.h"
#include "kernel/process/clock_id.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/usage.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/times.h>

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

// By a process's CPU time: looked at in each tick, as nothing says when that time has come.
static long sleep_by_cpu(const struct clock_id *clock, uint64_t until)
{
	while (clock_id_now(clock) < until) {
		if (sleep_until(clock_monotonic() + TICK_NANOSECONDS))
			return -ERESTARTNOHAND;
	}
	return 0;
}

static long sleep_by_clock(const struct clock_id *clock, bool absolute, uint64_t wanted,
			   uintptr_t left)
{
	uint64_t now = clock_id_now(clock), deadline;
	long result;

	if (clock->kind != CLOCK_KIND_CPU && !absolute)
		return sleep_for(wanted, left);
	if (clock->kind != CLOCK_KIND_CPU) {
		deadline = time_add(clock_monotonic(), wanted > now ? wanted - now : 0);
		return wanted > now && sleep_until(deadline) ? -ERESTARTNOHAND : 0;
	}
	if (!absolute)
		wanted = time_add(now, wanted);
	result = sleep_by_cpu(clock, wanted);
	if (!result || absolute)
		return result;
	now = clock_id_now(clock);
	if (left && user_time_write(left, wanted > now ? wanted - now : 0))
		return -EFAULT;
	return -EINTR;
}

static int check_sleep(const struct clock_id *clock)
{
	if (clock_id_is_coarse(clock) || clock->number == CLOCK_MONOTONIC_RAW ||
	    clock->number == CLOCK_THREAD_CPUTIME_ID)
		return -EOPNOTSUPP;
	// There is nothing that could wake the machine.
	if (clock->number == CLOCK_REALTIME_ALARM || clock->number == CLOCK_BOOTTIME_ALARM)
		return -EOPNOTSUPP;
	return clock->task ? -EINVAL : 0;
}

long sys_clock_nanosleep(int number, int flags, uintptr_t request, uintptr_t left)
{
	struct clock_id clock;
	uint64_t wanted;
	long result = clock_id_find(number, &clock);

	// A device's clock: such there may be, but nobody can sleep by one.
	if (number < 0 && (number & 7) == 3)
		return -EOPNOTSUPP;
	if (result)
		return result;
	result = check_sleep(&clock);
	if (!result)
		result = user_duration_read(request, &wanted);
	if (!result)
		result = sleep_by_clock(&clock, flags & TIMER_ABSTIME, wanted, left);
	clock_id_put(&clock);
	return result;
}

long sys_times(uintptr_t times)
{
	struct usage self, children;
	struct tms value;

	process_usage_sums(current_process(), RUSAGE_SELF, &self);
	process_usage_sums(current_process(), RUSAGE_CHILDREN, &children);
	value = (struct tms){
		.tms_utime = (long)usage_ticks(self.user_time),
		.tms_stime = (long)usage_ticks(self.kernel_time),
		.tms_cutime = (long)usage_ticks(children.user_time),
		.tms_cstime = (long)usage_ticks(children.kernel_time),
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

static bool is_timer(int which)
{
	return which == ITIMER_REAL || which == ITIMER_VIRTUAL || which == ITIMER_PROF;
}

long sys_getitimer(int which, uintptr_t value)
{
	struct alarm_setting setting;

	if (!is_timer(which))
		return -EINVAL;
	setting = alarm_get(current_process(), which);
	return write_setting(value, &setting);
}

// In Linux's order: a time that can not be read, or is none, before a timer that is not there.
long sys_setitimer(int which, uintptr_t value, uintptr_t old)
{
	struct alarm_setting before, setting = {0};
	struct __kernel_old_itimerval new;
	int error;

	if (value && copy_from_user(&new, value, sizeof(new)))
		return -EFAULT;
	if (value && (from_timeval(&new.it_interval, &setting.interval) ||
		      from_timeval(&new.it_value, &setting.left)))
		return -EINVAL;
	if (!is_timer(which))
		return -EINVAL;
	error = alarm_set(which, &setting, &before);
	if (error)
		return error;
	return old ? write_setting(old, &before) : 0;
}

long sys_alarm(uint32_t seconds)
{
	struct alarm_setting before, setting = {.left = seconds * NANOSECONDS};
	int error = alarm_set(ITIMER_REAL, &setting, &before);

	if (error)
		return error;
	// Rounded to the nearest second, but a set alarm is never 0.
	if (before.left && before.left < NANOSECONDS)
		return 1;
	return (long)((before.left + NANOSECONDS / 2) / NANOSECONDS);
}
