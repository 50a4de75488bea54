// SPDX-License-Identifier: MIT
//
// timer_create's timers. Each brings the note for its signal along, so that firing needs no memory
// and a timer is pending at most once. How often it would have fired until its signal is taken is
// calculated then (overrun), so that intervals may be as short as programs like: the timer itself
// is never armed for less than SHORTEST.
//
// Locks: a process's `lock` guards its list of timers, and all of a timer that says so; it is
// taken before the timers' lock and process_lock. What firing looks at is changed only while the
// timer is not armed.
#include "kernel/process/posix_timer.h"

#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/timer.h"
#include "kernel/process/user.h"
#include "lib/mutant.h"
#include "mm/slab.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/time.h>

#define SHORTEST 1000000ul // between two times that it fires, ns

struct posix_timer {
	struct list link; // on its process's list; lock
	int id;           // this and the next six: constant
	int notify;
	struct clock_id clock;
	struct process *process;
	struct task *task;       // SIGEV_THREAD_ID: who gets the signal, held; else NULL
	struct user *user;       // who made it, whose count of signals it is in
	struct signal_note note; // process_lock
	int overrun;             // of the signal that was taken last; process_lock
	// When the signal that is pending came, or the next one will: perhaps before the machine
	// was started. process_lock
	int64_t due;
	uint64_t interval; // this and the next: read while armed, changed while not
	unsigned cpu;      // on which it was armed
	struct timer timer;
	struct cpu_timer cpu_timer; // instead, by CPU time
};

struct posix_timers {
	struct spinlock lock;
	struct list timers;
	int next_id;
};

// ---- firing; process_lock is held ----
// On the timer's own clock: the monotonic one, or CPU time.
static uint64_t now_locked(const struct posix_timer *timer)
{
	const struct clock_id *clock = &timer->clock;

	if (clock->kind == CLOCK_KIND_CPU)
		return cpu_clock_locked(clock->process, clock->task, clock->cpu);
	return clock_monotonic();
}

// The first time after `now`, without saying that it is what comes next.
static uint64_t next_due(const struct posix_timer *timer, uint64_t now)
{
	uint64_t due = (uint64_t)timer->due;

	if (timer->due > (int64_t)now)
		return due;
	return due + ((now - due) / timer->interval + 1) * timer->interval;
}

// Times that it was due up to `now`, besides the one at `due`; what comes next is after `now`.
static uint64_t forward(struct posix_timer *timer, uint64_t now)
{
	uint64_t missed = 0;

	if (timer->interval && (int64_t)now >= timer->due && !MUTANT(overruns_uncounted)) {
		missed = (now - (uint64_t)timer->due) / timer->interval;
		timer->due += (int64_t)((missed + 1) * timer->interval);
	}
	return missed;
}

static void taken(struct signal_note *note)
{
	struct posix_timer *timer = container_of(note, struct posix_timer, note);
	uint64_t missed = forward(timer, now_locked(timer));

	timer->overrun = missed > INT32_MAX ? INT32_MAX : (int)missed;
	note->info.overrun = timer->overrun;
}

// As on Linux: the thread that runs where the timer was armed, if it is one of the process's. This
// may happen on another CPU, where another thread runs.
static struct task *ask_first(const struct posix_timer *timer)
{
	const struct task *running =
		timer->clock.kind == CLOCK_KIND_CPU
			? current_task()
			: __atomic_load_n(&cpus[timer->cpu]->current, __ATOMIC_RELAXED);
	struct task *task;

	list_for_each_entry (task, &timer->process->tasks, thread_link) {
		if (task == running)
			return task;
	}
	return NULL;
}

// When it fires next; 0: not by itself.
static uint64_t fire_locked(struct posix_timer *timer, uint64_t now)
{
	bool pending = timer->note.queued;
	uint64_t next;

	if (!pending && (int64_t)now >= timer->due && timer->notify != SIGEV_NONE &&
	    (!timer->task || !timer->task->exiting)) {
		signal_send_note(timer->process, timer->task, ask_first(timer), &timer->note);
		pending = timer->note.queued;
	}
	if (!timer->interval)
		return 0;
	// Of a signal that nobody wants nothing is counted.
	if (!pending)
		(void)forward(timer, now);
	next = next_due(timer, now);
	return next > now + SHORTEST ? next : now + SHORTEST;
}

static uint64_t fire(struct timer *armed)
{
	struct posix_timer *timer = container_of(armed, struct posix_timer, timer);
	uint64_t flags = spin_lock_irqsave(&process_lock);
	uint64_t next = fire_locked(timer, clock_monotonic());

	spin_unlock_irqrestore(&process_lock, flags);
	return next;
}

static uint64_t fire_cpu(struct cpu_timer *armed, uint64_t now)
{
	return fire_locked(container_of(armed, struct posix_timer, cpu_timer), now);
}

// ---- arming; the list's lock is held ----
static void disarm(struct posix_timer *timer)
{
	uint64_t flags;

	if (timer->clock.kind != CLOCK_KIND_CPU)
		timer_disarm(&timer->timer);
	flags = spin_lock_irqsave(&process_lock);
	cpu_timer_disarm(&timer->cpu_timer);
	if (!MUTANT(disarmed_timer_signals))
		signal_note_cancel(&timer->note);
	timer->overrun = 0;
	spin_unlock_irqrestore(&process_lock, flags);
}

static void arm(struct posix_timer *timer, bool absolute, uint64_t time)
{
	bool cpu = timer->clock.kind == CLOCK_KIND_CPU;
	uint64_t now = clock_id_now(&timer->clock), flags, when;
	int64_t wait = time > INT64_MAX ? INT64_MAX : (int64_t)time, due;

	if (absolute || MUTANT(timers_absolute))
		wait -= (int64_t)now;
	// Without CPU time the timers' own clock is the monotonic one.
	if (timer->clock.kind == CLOCK_KIND_REALTIME)
		now = clock_monotonic();
	due = wait > INT64_MAX - (int64_t)now ? INT64_MAX : (int64_t)now + wait;
	when = due > 0 ? (uint64_t)due : 1;
	flags = spin_lock_irqsave(&process_lock);
	timer->due = due;
	if (cpu)
		cpu_timer_arm(&timer->cpu_timer, when);
	spin_unlock_irqrestore(&process_lock, flags);
	if (!cpu)
		timer_arm(&timer->timer, when, fire);
}

static void get(struct posix_timer *timer, struct alarm_setting *setting)
{
	bool cpu = timer->clock.kind == CLOCK_KIND_CPU;
	uint64_t flags, now, due = 0;
	bool armed = cpu || timer_when(&timer->timer);

	flags = spin_lock_irqsave(&process_lock);
	now = now_locked(timer);
	if (cpu)
		armed = timer->cpu_timer.armed;
	if (timer->interval)
		due = next_due(timer, now);
	else if (timer->due > 0)
		due = (uint64_t)timer->due;
	spin_unlock_irqrestore(&process_lock, flags);
	*setting = (struct alarm_setting){.interval = timer->interval};
	if (!armed)
		return;
	setting->left = due > now ? due - now : 1;
}

// ---- the list ----
// The running process's, made when there is none; NULL without memory.
static struct posix_timers *timers_make(struct process *process)
{
	struct posix_timers *found = __atomic_load_n(&process->posix_timers, __ATOMIC_ACQUIRE);
	struct posix_timers *made = found ? NULL : kzalloc(sizeof(*made));

	if (!made)
		return found;
	list_init(&made->timers);
	if (__atomic_compare_exchange_n(&process->posix_timers, &found, made, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return made;
	kfree(made); // another thread was faster
	return found;
}

// The timer with this number, its list locked, or NULL with nothing locked.
static struct posix_timer *lock_timer(int id, struct posix_timers **list)
{
	struct posix_timer *timer;

	*list = __atomic_load_n(&current_process()->posix_timers, __ATOMIC_ACQUIRE);
	if (!*list)
		return NULL;
	spin_lock(&(*list)->lock);
	list_for_each_entry (timer, &(*list)->timers, link) {
		if (timer->id == id)
			return timer;
	}
	spin_unlock(&(*list)->lock);
	return NULL;
}

static void timer_free(struct posix_timer *timer)
{
	clock_id_put(&timer->clock);
	if (timer->task)
		task_put(timer->task);
	if (timer->user)
		user_dequeued(timer->user);
	kfree(timer);
}

// ---- making one ----
static int check_clock(const struct clock_id *clock)
{
	switch (clock->number) {
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

// There is nothing that could wake the machine.
static bool is_alarm_clock(const struct clock_id *clock)
{
	return clock->number == CLOCK_REALTIME_ALARM || clock->number == CLOCK_BOOTTIME_ALARM;
}

static int find_target(const struct posix_timer_request *request, struct task **task)
{
	*task = NULL;
	switch (request->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		*task = task_find(request->tid);
		if (!*task)
			return -EINVAL;
		if ((*task)->process == current_process())
			break;
		task_put(*task);
		return -EINVAL;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		break;
	default:
		return -EINVAL;
	}
	if (request->signal > 0 && request->signal <= SIGNAL_COUNT)
		return 0;
	if (*task)
		task_put(*task);
	return -EINVAL;
}

// Takes over `clock` and `target`.
static void timer_init(struct posix_timer *timer, const struct posix_timer_request *request,
		       const struct clock_id *clock, struct task *target)
{
	timer->notify = request->notify;
	timer->clock = *clock;
	timer->process = current_process();
	timer->task = target;
	timer->note.taken = taken;
	timer->note.info.signal = request->signal;
	timer->note.info.code = SI_TIMER;
	timer->note.info.value = request->value;
	timer->cpu_timer = (struct cpu_timer){
		.clock = clock->cpu,
		.task = clock->task,
		.process = clock->process,
		.fire = fire_cpu,
	};
}

static int insert(struct posix_timers *list, struct posix_timer *timer, bool named)
{
	spin_lock(&list->lock);
	timer->id = list->next_id;
	list->next_id = list->next_id == INT32_MAX ? 0 : list->next_id + 1;
	timer->note.info.timer = timer->id;
	if (!named)
		timer->note.info.value = (uint64_t)timer->id;
	list_add_tail(&list->timers, &timer->link);
	spin_unlock(&list->lock);
	return timer->id;
}

static int make(const struct posix_timer_request *request, struct clock_id *clock,
		struct task *target)
{
	struct posix_timers *list = timers_make(current_process());
	struct posix_timer *timer = list ? kzalloc(sizeof(*timer)) : NULL;
	struct user *user = current_credentials()->user;

	if (!timer) {
		clock_id_put(clock);
		if (target)
			task_put(target);
		return -ENOMEM;
	}
	timer_init(timer, request, clock, target);
	if (!user_queue(user, process_limit(current_process(), RLIMIT_SIGPENDING).rlim_cur)) {
		timer_free(timer);
		return -EAGAIN;
	}
	timer->user = user;
	return insert(list, timer, request->named);
}

int posix_timer_create(const struct posix_timer_request *request)
{
	struct clock_id clock;
	struct task *target;
	int error = clock_id_find(request->clock, &clock);

	if (error)
		return error;
	error = check_clock(&clock);
	if (!error)
		error = find_target(request, &target);
	if (!error && is_alarm_clock(&clock)) {
		if (target)
			task_put(target);
		error = -EOPNOTSUPP;
	}
	if (error) {
		clock_id_put(&clock);
		return error;
	}
	return make(request, &clock, target);
}

// ---- the other calls ----
int posix_timer_set(int id, bool absolute, const struct alarm_setting *setting,
		    struct alarm_setting *old)
{
	struct posix_timers *list;
	struct posix_timer *timer = lock_timer(id, &list);

	if (!timer)
		return -EINVAL;
	if (old)
		get(timer, old);
	disarm(timer);
	timer->interval = setting->interval;
	timer->cpu = this_cpu()->number;
	if (setting->left)
		arm(timer, absolute, setting->left);
	spin_unlock(&list->lock);
	return 0;
}

int posix_timer_get(int id, struct alarm_setting *setting)
{
	struct posix_timers *list;
	struct posix_timer *timer = lock_timer(id, &list);

	if (!timer)
		return -EINVAL;
	get(timer, setting);
	spin_unlock(&list->lock);
	return 0;
}

int posix_timer_overrun(int id)
{
	struct posix_timers *list;
	struct posix_timer *timer = lock_timer(id, &list);
	uint64_t flags;
	int overrun;

	if (!timer)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	overrun = timer->overrun;
	spin_unlock_irqrestore(&process_lock, flags);
	spin_unlock(&list->lock);
	return overrun;
}

static void remove(struct posix_timer *timer)
{
	disarm(timer);
	list_del(&timer->link);
}

int posix_timer_delete(int id)
{
	struct posix_timers *list;
	struct posix_timer *timer = lock_timer(id, &list);

	if (!timer)
		return -EINVAL;
	remove(timer);
	spin_unlock(&list->lock);
	timer_free(timer);
	return 0;
}

void posix_timers_release(struct process *process)
{
	struct posix_timers *list = process->posix_timers;
	struct posix_timer *timer, *following;

	if (!list)
		return;
	process->posix_timers = NULL;
	list_for_each_entry_safe (timer, following, &list->timers, link) {
		remove(timer);
		timer_free(timer);
	}
	kfree(list);
}
