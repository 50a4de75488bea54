// SPDX-License-Identifier: MIT
//
// Resource limits. Most processes never change one: they have no table and get the defaults below;
// those that have one share it with their children until somebody writes.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/resource.h>

#define FILES_HARD   (1u << 20)
#define PENDING_HARD 1024 // signal.c's notes
#define LOCKED_BYTES (8ul << 20)
#define QUEUE_BYTES  819200

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

struct rlimit64 process_limit(struct process *process, unsigned resource)
{
	uint64_t flags;
	struct rlimit64 limit;

	if (!process->limits)
		return defaults[resource];
	flags = spin_lock_irqsave(&process_lock);
	limit = process->limits ? process->limits->limit[resource] : defaults[resource];
	spin_unlock_irqrestore(&process_lock, flags);
	return limit;
}

uint64_t process_limit_locked(const struct process *process, unsigned resource)
{
	return process->limits ? process->limits->limit[resource].rlim_cur
			       : defaults[resource].rlim_cur;
}

// The address space keeps those that faults and mappings look at.
static void apply_to_memory(struct process *process, unsigned resource, uint64_t value)
{
	struct mm *mm = process_mm(process);

	if (!mm)
		return;
	if (resource == RLIMIT_STACK)
		mm->stack_limit = value;
	else if (resource == RLIMIT_DATA)
		mm->data_limit = value;
	else if (resource == RLIMIT_AS)
		mm->space_limit = value;
	mm_put(mm);
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

int process_set_limit(struct process *process, unsigned resource, const struct rlimit64 *limit)
{
	struct limits *own, *old;
	uint64_t flags;

	if (limit->rlim_cur > limit->rlim_max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && limit->rlim_max > FILES_HARD)
		return -EPERM;
	own = kmalloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	flags = spin_lock_irqsave(&process_lock);
	old = replace_table(process, own);
	own->limit[resource] = *limit;
	spin_unlock_irqrestore(&process_lock, flags);
	limits_put(old);
	apply_to_memory(process, resource, limit->rlim_cur);
	return 0;
}
