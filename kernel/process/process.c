// SPDX-License-Identifier: MIT
//
// Processes as pieces of memory, and questions about them: finding one, what it is, what it used.
// Birth is in fork.c, death in exit.c.
#include "kernel/process/process.h"

#include "kernel/file/inode.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/core.h"
#include "kernel/process/lifetime.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include <linux/errno.h>

struct spinlock process_lock;
struct list all_processes = LIST_INIT(all_processes);
struct process *init_process, *main_process;

static struct cache *process_cache;
static struct process_counts counts; // fork, exec, exit: atomic; the others by process_lock

void process_caches_create(void)
{
	process_cache = cache_create("process", sizeof(struct process));
	if (!process_cache)
		panic("no memory for the cache of processes");
}

struct process *process_alloc(void)
{
	struct process *process = cache_alloc_zeroed(process_cache);

	if (!process)
		return NULL;
	process->references = 1;
	process->live = 1; // the task it is made for
	process->core_filter = CORE_FILTER_DEFAULT;
	list_init(&process->children);
	list_init(&process->sibling);
	list_init(&process->tasks);
	list_init(&process->cpu_timers);
	list_init(&process->link);
	wait_queue_init(&process->child_wait);
	wait_queue_init(&process->end_wait);
	signals_init(&process->signals);
	process->start_time = clock_monotonic();
	return process;
}

struct process *process_get(struct process *process)
{
	__atomic_add_fetch(&process->references, 1, __ATOMIC_RELAXED);
	return process;
}

struct inode *process_get_executable(struct inode *inode)
{
	if (!inode)
		return NULL;
	// It is being executed by whom it comes from, so this can not fail.
	inode_execute_begin(inode);
	return inode_get(inode);
}

void process_put_executable(struct inode *inode)
{
	if (inode)
		inode_execute_end(inode);
	inode_put(inode);
}

void process_put(struct process *process)
{
	if (__atomic_sub_fetch(&process->references, 1, __ATOMIC_ACQ_REL))
		return;
	signals_release(process);
	limits_put(process->limits);
	credentials_put(process->credentials);
	process_put_executable(process->executable);
	cache_free(process_cache, process);
}

struct process *process_find(int pid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process = pid_process(pid);

	if (process)
		process_get(process);
	spin_unlock_irqrestore(&process_lock, flags);
	return process;
}

struct process *process_next(int pid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *process = pid_process(pid_next_process(pid));

	if (process)
		process_get(process);
	spin_unlock_irqrestore(&process_lock, flags);
	return process;
}

struct task *process_main_task(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct task *task = NULL;

	if (!list_empty(&process->tasks))
		task = task_get(list_first_entry(&process->tasks, struct task, thread_link));
	spin_unlock_irqrestore(&process_lock, flags);
	return task;
}

// One at a time: a process has few threads, and its list is in no order once exec has renamed one.
struct task *process_next_task(struct process *process, int tid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct task *task, *next = NULL;

	list_for_each_entry (task, &process->tasks, thread_link) {
		if (task->tid > tid && (!next || task->tid < next->tid))
			next = task;
	}
	if (next)
		task_get(next);
	spin_unlock_irqrestore(&process_lock, flags);
	return next;
}

// exec and exit take task->mm away under process_lock, so what is found under it can be held. A
// thread on its way out has none any more, the others still do.
struct mm *process_mm(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct mm *mm = NULL;
	struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link) {
		mm = task->mm;
		if (mm)
			break;
	}
	if (mm)
		mm_get(mm);
	spin_unlock_irqrestore(&process_lock, flags);
	return mm;
}

char task_state_letter(const struct task *task)
{
	switch ((enum task_state)task->state) {
	case TASK_RUNNABLE:
		return 'R';
	case TASK_SLEEPING:
		return 'S';
	case TASK_KILLABLE:
	case TASK_UNINTERRUPTIBLE:
		return 'D';
	case TASK_STOPPED:
		return 'T';
	case TASK_DEAD:
		break;
	}
	return 'X';
}

char process_state_letter(struct process *process)
{
	struct task *task = process_main_task(process);
	char letter = 'Z';

	if (task) {
		// The first thread may be gone while others run.
		if (task->tid == process->pid)
			letter = task_state_letter(task);
		task_put(task);
	}
	return letter;
}

struct inode *process_executable_inode(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct inode *inode = process->executable;

	if (inode)
		inode_get(inode);
	spin_unlock_irqrestore(&process_lock, flags);
	return inode;
}

long process_executable(struct process *process, char *path, uint64_t size)
{
	struct inode *inode = process_executable_inode(process);
	long length = -ENOENT;

	if (inode) {
		length = inode_path(inode, path, size);
		inode_put(inode);
	}
	return length;
}

int process_parent_pid(const struct process *process)
{
	return __atomic_load_n(&process->parent_pid, __ATOMIC_RELAXED);
}

void process_set_parent(struct process *process, struct process *parent)
{
	process->parent = parent;
	__atomic_store_n(&process->parent_pid, parent->pid, __ATOMIC_RELAXED);
	process->made_by = parent->pid;
}

void process_hand_on_children(struct process *process, int from, int to)
{
	struct process *child;

	list_for_each_entry (child, &process->children, sibling) {
		if (child->made_by == from)
			child->made_by = to;
	}
}

void process_name(struct process *process, char name[TASK_NAME_SIZE])
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	const char *from = process->name;

	if (!list_empty(&process->tasks))
		from = list_first_entry(&process->tasks, struct task, thread_link)->name;
	memcpy(name, from, TASK_NAME_SIZE);
	spin_unlock_irqrestore(&process_lock, flags);
}

struct task *process_maker(const struct process *process)
{
	const struct process *parent = process->parent;
	struct task *task;

	if (parent->task_count <= 1)
		return NULL;
	task = pid_task(process->made_by);
	return task && task->process == parent ? task : NULL;
}

void process_count_fork(void)
{
	__atomic_add_fetch(&counts.forks, 1, __ATOMIC_RELAXED);
}

void process_count_exec(void)
{
	__atomic_add_fetch(&counts.execs, 1, __ATOMIC_RELAXED);
}

void process_count_exit(void)
{
	__atomic_add_fetch(&counts.exits, 1, __ATOMIC_RELAXED);
}

struct process_counts process_counts(void)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process_counts now = counts;
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		now.processes++;
		now.tasks += process->task_count;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return now;
}
