// SPDX-License-Identifier: MIT
//
// Resource limits. Most processes never change one: they have no table and get the defaults below;
// those that have one share it with their children until somebody writes.
#include "kernel/machine/irq.h"
#include "kernel/process/cpu_timer.h"
#include "kernel/process/lifetime.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/resource.h>

#define FILES_HARD   (1u << 20)
#define PENDING_HARD 1024 // signal.c's notes
#define LOCKED_BYTES (8ul << 20)
#define QUEUE_BYTES  819200
#define NANOSECONDS  1000000000ul // in a second

static const struct rlimit64 defaults[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_FSIZE] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_DATA] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_STACK] = {_STK_LIM, RLIM64_INFINITY},
	[RLIMIT_CORE] = {0, RLIM64_INFINITY},
	[RLIMIT_RSS] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_NPROC] = {PROCESS_LIMIT, PROCESS_LIMIT},
	[RLIMIT_NOFILE] = {1024, FILES_HARD},
	[RLIMIT_MEMLOCK] = {LOCKED_BYTES, LOCKED_BYTES},
	[RLIMIT_AS] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_LOCKS] = {RLIM64_INFINITY, RLIM64_INFINITY},
	[RLIMIT_SIGPENDING] = {PENDING_HARD, PENDING_HARD},
	[RLIMIT_MSGQUEUE] = {QUEUE_BYTES, QUEUE_BYTES},
	[RLIMIT_NICE] = {0, 0},
	[RLIMIT_RTPRIO] = {0, 0},
	[RLIMIT_RTTIME] = {RLIM64_INFINITY, RLIM64_INFINITY},
};

struct limits *limits_get(struct limits *limits)
{
	if (limits)
		__atomic_add_fetch(&limits->references, 1, __ATOMIC_RELAXED);
	return limits;
}

void limits_put(struct limits *limits)
{
	if (limits && !__atomic_sub_fetch(&limits->references, 1, __ATOMIC_ACQ_REL))
		kfree(limits);
}

// process_lock held, but where there is no table.
static struct rlimit64 limit_now(const struct process *process, unsigned resource)
{
	struct rlimit64 limit =
		process->limits ? process->limits->limit[resource] : defaults[resource];

	// As on Linux, each warning raises the limit by a second.
	if (resource == RLIMIT_CPU && limit.rlim_cur != RLIM64_INFINITY)
		limit.rlim_cur += process->cpu_exceeded;
	return limit;
}

struct rlimit64 process_limit(struct process *process, unsigned resource)
{
	struct rlimit64 limit;
	uint64_t flags;

	if (!process->limits)
		return defaults[resource];
	flags = spin_lock_irqsave(&process_lock);
	limit = limit_now(process, resource);
	spin_unlock_irqrestore(&process_lock, flags);
	return limit;
}

void limits_check_cpu(struct process *process)
{
	struct rlimit64 limit = limit_now(process, RLIMIT_CPU);
	uint64_t used = cpu_clock_locked(process, NULL, CPU_CLOCK_TICKS) / NANOSECONDS;
	struct signal_info info = {.signal = SIGXCPU, .code = SI_KERNEL};

	if (used >= limit.rlim_max)
		info.signal = SIGKILL;
	else if (used >= limit.rlim_cur)
		process->cpu_exceeded++;
	else
		return;
	(void)signal_send_first(process, signal_first_running(process), &info);
}

uint64_t process_limit_locked(const struct process *process, unsigned resource)
{
	return process->limits ? process->limits->limit[resource].rlim_cur
			       : defaults[resource].rlim_cur;
}

// Those that mm/ asks for at each mapping and fault have a place of their own, without a lock.
static void apply_to_memory(struct process *process, unsigned resource,
			    const struct rlimit64 *limit)
{
	struct memory_limits *limits = &process->memory_limits;

	switch (resource) {
	case RLIMIT_AS:
		__atomic_store_n(&limits->space, limit->rlim_cur, __ATOMIC_RELAXED);
		break;
	case RLIMIT_DATA:
		__atomic_store_n(&limits->data, limit->rlim_cur, __ATOMIC_RELAXED);
		__atomic_store_n(&limits->data_most, limit->rlim_max, __ATOMIC_RELAXED);
		break;
	case RLIMIT_STACK:
		__atomic_store_n(&limits->stack, limit->rlim_cur, __ATOMIC_RELAXED);
		break;
	case RLIMIT_MEMLOCK:
		__atomic_store_n(&limits->locked, limit->rlim_cur, __ATOMIC_RELAXED);
		break;
	}
}

void limits_init(struct process *process)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		apply_to_memory(process, i, &defaults[i]);
}

// A table that only this process has: `own` if it is needed, else what is there.
static struct limits *replace_table(struct process *process, struct limits *own)
{
	struct limits *old = process->limits;

	if (old)
		memcpy(own->limit, old->limit, sizeof(own->limit));
	else
		memcpy(own->limit, defaults, sizeof(own->limit));
	own->references = 1;
	process->limits = own;
	return old;
}

// Whether the running process may set these limits in the place of `old`: 0 or -errno.
static int check(unsigned resource, const struct rlimit64 *old, const struct rlimit64 *limit)
{
	if (limit->rlim_cur > limit->rlim_max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && limit->rlim_max > FILES_HARD)
		return -EPERM;
	return limit->rlim_max > old->rlim_max && !capable(CAP_SYS_RESOURCE) ? -EPERM : 0;
}

int process_set_limit(struct process *process, unsigned resource, const struct rlimit64 *limit,
		      struct rlimit64 *old)
{
	struct limits *own = kmalloc(sizeof(*own)), *unused = own;
	uint64_t flags;
	int error;

	if (!own)
		return -ENOMEM;
	flags = spin_lock_irqsave(&process_lock);
	*old = limit_now(process, resource);
	error = check(resource, old, limit);
	if (!error) {
		unused = replace_table(process, own);
		own->limit[resource] = *limit;
		apply_to_memory(process, resource, limit);
		if (resource == RLIMIT_CPU) {
			process->cpu_limited = limit->rlim_cur != RLIM64_INFINITY;
			process->cpu_exceeded = 0;
		}
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (error)
		kfree(unused);
	else
		limits_put(unused);
	return error;
}
