// SPDX-License-Identifier: MIT
//
// timer_create and its kin.
#include "kernel/machine/user_copy.h"
#include "kernel/process/posix_timer.h"
#include "kernel/process/process.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

static int read_event(uintptr_t from, struct posix_timer_request *request)
{
	struct sigevent event;

	if (!from)
		return 0;
	if (copy_from_user(&event, from, sizeof(event)))
		return -EFAULT;
	request->notify = event.sigev_notify;
	request->signal = event.sigev_signo;
	request->tid = event._sigev_un._tid;
	request->value = (uint64_t)(uintptr_t)event.sigev_value.sival_ptr;
	request->named = true;
	return 0;
}

long sys_timer_create(int clock, uintptr_t event, uintptr_t to)
{
	struct posix_timer_request request = {
		.clock = clock,
		.notify = SIGEV_SIGNAL,
		.signal = SIGALRM,
	};
	int id = read_event(event, &request);

	if (!id)
		id = posix_timer_create(&request);
	if (id < 0 || !copy_to_user(to, &id, sizeof(id)))
		return id < 0 ? id : 0;
	posix_timer_delete(id);
	return -EFAULT;
}

static int read_setting(uintptr_t from, struct alarm_setting *setting)
{
	int error = user_duration_read(from, &setting->interval);

	if (error)
		return error;
	return user_duration_read(from + sizeof(struct __kernel_timespec), &setting->left);
}

long sys_timer_settime(int id, int flags, uintptr_t new, uintptr_t old)
{
	struct alarm_setting setting, before;
	int error = new ? read_setting(new, &setting) : -EINVAL;

	if (!error)
		error = posix_timer_set(id, flags & TIMER_ABSTIME, &setting, &before);
	if (error)
		return error;
	return old ? user_setting_write(old, &before) : 0;
}

long sys_timer_gettime(int id, uintptr_t to)
{
	struct alarm_setting setting;
	int error = posix_timer_get(id, &setting);

	return error ? error : user_setting_write(to, &setting);
}

long sys_timer_getoverrun(int id)
{
	return posix_timer_overrun(id);
}

long sys_timer_delete(int id)
{
	return posix_timer_delete(id);
}
