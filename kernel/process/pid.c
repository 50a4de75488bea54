// SPDX-License-Identifier: MIT
//
// Numbers of tasks and processes: which are taken, and whose they are. Numbers are handed out in
// rising order and come again only after PID_LIMIT, so that a stale one is unlikely to name
// somebody else.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "lib/bitmap.h"
#include <linux/errno.h>

#define LEAST_MAX 301 // Linux's: what it keeps for itself, and one
#define PID_HASH  256 // a power of two: numbers come in sequence, so low bits spread well

// All guarded by process_lock.
static uint64_t used[BITMAP_WORDS(PID_LIMIT)];
static int last_pid;
static int limit = PID_LIMIT;
static uint32_t in_use;
static struct process *process_hash[PID_HASH];
static struct task *task_hash[PID_HASH];

int pid_max(void)
{
	return __atomic_load_n(&limit, __ATOMIC_RELAXED);
}

int pid_set_max(int max)
{
	uint64_t flags;

	if (max < LEAST_MAX || max > PID_LIMIT)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	limit = max;
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

int pid_last(void)
{
	return __atomic_load_n(&last_pid, __ATOMIC_RELAXED);
}

int pid_set_last(int pid)
{
	uint64_t flags;

	if (pid < 0 || pid > pid_max())
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	last_pid = pid;
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

int pid_alloc(void)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	size_t pid = PID_LIMIT;

	if (in_use < PROCESS_LIMIT) {
		pid = bitmap_next_clear(used, PID_LIMIT, (size_t)last_pid + 1);
		if (pid >= (size_t)limit)
			pid = bitmap_next_clear(used, PID_LIMIT, 1);
		if (pid >= (size_t)limit)
			pid = PID_LIMIT;
	}
	if (pid < PID_LIMIT) {
		bitmap_set(used, pid);
		last_pid = (int)pid;
		in_use++;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return pid < PID_LIMIT ? (int)pid : -EAGAIN;
}

int pid_take(int pid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	int result = in_use >= PROCESS_LIMIT ? -EAGAIN : pid;

	if (bitmap_test(used, (size_t)pid))
		result = -EEXIST;
	if (result == pid) {
		bitmap_set(used, (size_t)pid);
		in_use++;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}

void pid_free(int pid)
{
	bitmap_clear(used, (size_t)pid);
	in_use--;
}

void pid_link_process(struct process *process)
{
	struct process **head = &process_hash[process->pid % PID_HASH];

	process->hash_next = *head;
	*head = process;
}

void pid_unlink_process(struct process *process)
{
	struct process **link = &process_hash[process->pid % PID_HASH];

	while (*link != process)
		link = &(*link)->hash_next;
	*link = process->hash_next;
}

void pid_link_task(struct task *task)
{
	struct task **head = &task_hash[task->tid % PID_HASH];

	task->hash_next = *head;
	*head = task;
}

void pid_unlink_task(struct task *task)
{
	struct task **link = &task_hash[task->tid % PID_HASH];

	while (*link != task)
		link = &(*link)->hash_next;
	*link = task->hash_next;
}

struct process *pid_process(int pid)
{
	struct process *process;

	if (pid <= 0)
		return NULL;
	for (process = process_hash[pid % PID_HASH]; process; process = process->hash_next) {
		if (process->pid == pid)
			return process;
	}
	return NULL;
}

struct task *pid_task(int tid)
{
	struct task *task;

	if (tid <= 0)
		return NULL;
	for (task = task_hash[tid % PID_HASH]; task; task = task->hash_next) {
		if (task->tid == tid)
			return task;
	}
	return NULL;
}

int pid_next_process(int pid)
{
	size_t next = (size_t)(pid < 0 ? 0 : pid) + 1;

	while (next < PID_LIMIT) {
		next = bitmap_next_set(used, PID_LIMIT, next);
		if (next < PID_LIMIT && pid_process((int)next))
			return (int)next;
		next++;
	}
	return 0;
}
