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
	struct spinlock lock;    // one setitimer at a time; before the timers' lock
	struct process *process; // whose it is; outlives it
	// Changed in the hold of `lock` while the timer is not armed: fire may read it.
	uint64_t interval;
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

static struct alarm *alarm_of(const struct process *process)
{
	return __atomic_load_n(&process->alarm, __ATOMIC_ACQUIRE);
}

// The alarm's lock is held.
static struct alarm_setting get_locked(struct alarm *alarm)
{
	struct alarm_setting setting = {0};
	uint64_t when = timer_when(&alarm->timer), now = clock_monotonic();

	if (!when)
		return setting;
	setting.interval = alarm->interval;
	setting.left = when > now ? when - now : 1; // 0 would say that it is not set
	return setting;
}

struct alarm_setting alarm_get(struct process *process)
{
	struct alarm *alarm = alarm_of(process);
	struct alarm_setting setting = {0};

	if (!alarm)
		return setting;
	spin_lock(&alarm->lock);
	setting = get_locked(alarm);
	spin_unlock(&alarm->lock);
	return setting;
}

// The process's alarm, made when there is none: NULL without memory. Another thread may be faster.
static struct alarm *alarm_make(struct process *process)
{
	struct alarm *made = kzalloc(sizeof(*made)), *found = NULL;

	if (!made)
		return NULL;
	made->process = process;
	if (__atomic_compare_exchange_n(&process->alarm, &found, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	kfree(made);
	return found;
}

static void set_locked(struct alarm *alarm, const struct alarm_setting *setting)
{
	uint64_t now = clock_monotonic();

	timer_disarm(&alarm->timer);
	alarm->interval = setting->interval;
	if (setting->interval && setting->interval < SHORTEST)
		alarm->interval = SHORTEST;
	if (setting->left)
		timer_arm(&alarm->timer,
			  setting->left > UINT64_MAX - now ? UINT64_MAX : now + setting->left,
			  alarm_fire);
}

int alarm_set(const struct alarm_setting *setting, struct alarm_setting *old)
{
	struct process *process = current_process();
	struct alarm *alarm = alarm_of(process);

	*old = (struct alarm_setting){0};
	if (!alarm && !setting->left)
		return 0;
	if (!alarm)
		alarm = alarm_make(process);
	if (!alarm)
		return -ENOMEM;
	spin_lock(&alarm->lock);
	*old = get_locked(alarm);
	set_locked(alarm, setting);
	spin_unlock(&alarm->lock);
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
