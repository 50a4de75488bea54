// SPDX-License-Identifier: MIT
//
// SIGALRM after a time: made when a process first asks for it, as few do; kept across exec, not
// inherited by fork.
#include "kernel/process/alarm.h"

#include "kernel/machine/timer.h"
#include "kernel/process/process.h"
#include "kernel/process/timer.h"
#include "mm/slab.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>

#define SHORTEST 1000000ul // of an interval, ns: a tick is longer anyway

struct alarm {
	struct timer timer;
	struct process *process; // whose it is; outlives it
	uint64_t interval;       // changed only while the timer is not armed
};

static uint64_t alarm_fire(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);
	struct signal_info info = {.signal = SIGALRM, .code = SI_KERNEL};
	uint64_t now = clock_monotonic(), next = timer->when + alarm->interval;

	signal_send(alarm->process, &info);
	if (!alarm->interval)
		return 0;
	// What was missed is not made up for.
	return next > now ? next : now + alarm->interval;
}

struct alarm_setting alarm_get(struct process *process)
{
	struct alarm_setting setting = {0};
	uint64_t when, now = clock_monotonic();

	if (!process->alarm)
		return setting;
	when = timer_when(&process->alarm->timer);
	if (!when)
		return setting;
	setting.interval = process->alarm->interval;
	setting.left = when > now ? when - now : 1; // 0 would say that it is not set
	return setting;
}

int alarm_set(const struct alarm_setting *setting)
{
	struct process *process = current_process();
	uint64_t now = clock_monotonic();

	if (!process->alarm) {
		if (!setting->left)
			return 0;
		process->alarm = kzalloc(sizeof(*process->alarm));
		if (!process->alarm)
			return -ENOMEM;
		process->alarm->process = process;
	}
	timer_disarm(&process->alarm->timer);
	process->alarm->interval = setting->interval;
	if (setting->interval && setting->interval < SHORTEST)
		process->alarm->interval = SHORTEST;
	if (setting->left)
		timer_arm(&process->alarm->timer,
			  setting->left > UINT64_MAX - now ? UINT64_MAX : now + setting->left,
			  alarm_fire);
	return 0;
}

void alarm_release(struct process *process)
{
	if (!process->alarm)
		return;
	timer_disarm(&process->alarm->timer);
	kfree(process->alarm);
	process->alarm = NULL;
}
