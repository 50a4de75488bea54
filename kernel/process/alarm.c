// SPDX-License-Identifier: MIT
//
// Interval timers: made when a process first asks for it, as few do; kept across exec, not
// inherited by fork.
#include "kernel/process/alarm.h"

#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/cpu_timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/timer.h"
#include "lib/mutant.h"
#include "mm/slab.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/time.h>

#define TICK_NANOSECONDS (1000000000ul / TICKS_PER_SECOND)
#define SHORTEST         1000000ul // between two times that it goes off, ns: a tick is longer

// Guarded by process_lock.
struct cpu_alarm {
	struct cpu_timer timer;
	uint64_t interval;
	int signal;
};

struct alarm {
	struct timer timer;
	struct spinlock lock;    // one setitimer at a time; before the timers' lock
	struct process *process; // whose it is; outlives it
	// Changed in the hold of `lock` while the timer is not armed: fire may read it.
	uint64_t interval;
	struct cpu_alarm cpu[2]; // ITIMER_VIRTUAL, ITIMER_PROF
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
	if (next <= now)
		next = now + alarm->interval;
	return next > now + SHORTEST ? next : now + SHORTEST;
}

static uint64_t cpu_alarm_fire(struct cpu_timer *timer, uint64_t now)
{
	struct cpu_alarm *alarm = container_of(timer, struct cpu_alarm, timer);
	struct signal_info info = {.signal = alarm->signal, .code = SI_KERNEL};
	uint64_t next = timer->when + alarm->interval;

	(void)signal_send_first(timer->process, signal_first_running(timer->process), &info);
	if (!alarm->interval)
		return 0;
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
	// 0 would say that it is not set.
	setting.left = when > now && !MUTANT(alarm_left_lost) ? when - now : 1;
	return setting;
}

// As Linux: never less than a tick, even when its time has come.
static struct alarm_setting get_cpu(struct cpu_alarm *alarm)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	const struct cpu_timer *timer = &alarm->timer;
	struct alarm_setting setting = {0};
	uint64_t now;

	if (timer->armed) {
		now = cpu_clock_locked(timer->process, NULL, timer->clock);
		setting.left = timer->when > now ? timer->when - now : TICK_NANOSECONDS;
		setting.interval = alarm->interval;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return setting;
}

// The tick that is running already does not count.
static void set_cpu(struct cpu_alarm *alarm, const struct alarm_setting *setting)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct cpu_timer *timer = &alarm->timer;
	uint64_t now = cpu_clock_locked(timer->process, NULL, timer->clock);

	cpu_timer_disarm(timer);
	alarm->interval = setting->interval;
	if (setting->left)
		cpu_timer_arm(timer, setting->left > UINT64_MAX - now - TICK_NANOSECONDS
					     ? UINT64_MAX
					     : now + setting->left + TICK_NANOSECONDS);
	spin_unlock_irqrestore(&process_lock, flags);
}

static struct cpu_alarm *cpu_alarm(struct alarm *alarm, int which)
{
	return &alarm->cpu[which == ITIMER_PROF];
}

struct alarm_setting alarm_get(struct process *process, int which)
{
	struct alarm *alarm = alarm_of(process);
	struct alarm_setting setting = {0};

	if (!alarm)
		return setting;
	spin_lock(&alarm->lock);
	setting = which == ITIMER_REAL ? get_locked(alarm) : get_cpu(cpu_alarm(alarm, which));
	spin_unlock(&alarm->lock);
	return setting;
}

static void cpu_alarm_init(struct cpu_alarm *alarm, struct process *process, enum cpu_clock clock,
			   int signal)
{
	alarm->signal = signal;
	alarm->timer.process = process;
	alarm->timer.clock = clock;
	alarm->timer.fire = cpu_alarm_fire;
}

// The process's alarm, made when there is none: NULL without memory. Another thread may be faster.
static struct alarm *alarm_make(struct process *process)
{
	struct alarm *made = kzalloc(sizeof(*made)), *found = NULL;

	if (!made)
		return NULL;
	made->process = process;
	cpu_alarm_init(&made->cpu[0], process, CPU_CLOCK_USER, SIGVTALRM);
	cpu_alarm_init(&made->cpu[1], process, CPU_CLOCK_TICKS, SIGPROF);
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
	if (setting->left)
		timer_arm(&alarm->timer,
			  setting->left > UINT64_MAX - now ? UINT64_MAX : now + setting->left,
			  alarm_fire);
}

int alarm_set(int which, const struct alarm_setting *setting, struct alarm_setting *old)
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
	*old = which == ITIMER_REAL ? get_locked(alarm) : get_cpu(cpu_alarm(alarm, which));
	if (which == ITIMER_REAL)
		set_locked(alarm, setting);
	else
		set_cpu(cpu_alarm(alarm, which), setting);
	spin_unlock(&alarm->lock);
	return 0;
}

void alarm_release(struct process *process)
{
	uint64_t flags;

	if (!process->alarm)
		return;
	timer_disarm(&process->alarm->timer);
	flags = spin_lock_irqsave(&process_lock);
	cpu_timer_disarm(&process->alarm->cpu[0].timer);
	cpu_timer_disarm(&process->alarm->cpu[1].timer);
	spin_unlock_irqrestore(&process_lock, flags);
	kfree(process->alarm);
	process->alarm = NULL;
}
