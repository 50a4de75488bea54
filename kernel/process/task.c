// SPDX-License-Identifier: MIT
//
// Tasks as pieces of memory: making them, giving them back, and their small attributes.
//
// A task's stack and FPU state go as soon as it has run for the last time; the struct itself stays
// until nobody holds a reference.
#include "kernel/process/task.h"

#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/irq.h"
#include "kernel/process/credentials.h"
#include "kernel/process/lifetime.h"
#include "lib/string.h"
#include "mm/failure.h"
#include "mm/slab.h"
#include "mm/trace.h"

static struct cache *task_cache;
static struct cache *fpu_cache;

void task_first_run(void); // context.asm

// What context_switch pops for a task that has not run yet.
struct first_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp;
	void (*return_address)(void);
};

void task_caches_create(void)
{
	task_cache = cache_create("task", sizeof(struct task));
	fpu_cache = cache_create("fpu", fpu_state_size);
	if (!task_cache || !fpu_cache)
		panic("no memory for the caches of tasks");
}

static void task_init(struct task *task)
{
	task->references = 1;
	task->allowed = ~0ul;
	list_init(&task->run_link);
	list_init(&task->thread_link);
	list_init(&task->pending_info);
}

struct task *task_alloc(struct process *process, int tid)
{
	struct task *task = cache_alloc_zeroed(task_cache);

	if (!task)
		return NULL;
	task_init(task);
	task->process = process;
	task->tid = tid;
	task->stack = kernel_stack_alloc();
	task->fpu = cache_alloc(fpu_cache);
	if (!task->stack || !task->fpu) {
		task_put(task);
		return NULL;
	}
	fpu_prepare(task->fpu);
	task_set_entry(task, NULL, NULL);
	return task;
}

// It runs on the stack it was found on.
struct task *task_alloc_idle(void)
{
	struct task *task = cache_alloc_zeroed(task_cache);

	if (!task)
		return NULL;
	task_init(task);
	task_set_name(task, "idle");
	return task;
}

void task_release_stack(struct task *task)
{
	if (task->stack)
		kernel_stack_free(task->stack);
	cache_free(fpu_cache, task->fpu);
	task->stack = NULL;
	task->fpu = NULL;
}

struct task *task_get(struct task *task)
{
	__atomic_add_fetch(&task->references, 1, __ATOMIC_RELAXED);
	return task;
}

void task_put(struct task *task)
{
	if (__atomic_sub_fetch(&task->references, 1, __ATOMIC_ACQ_REL))
		return;
	task_fail_nth_set(task, 0);
	task_release_stack(task);
	credentials_put(task->credentials);
	cache_free(task_cache, task);
}

void task_set_entry(struct task *task, void (*entry)(void *argument), void *argument)
{
	struct first_frame *frame = (struct first_frame *)task_registers(task) - 1;

	*frame = (struct first_frame){
		.r12 = (uintptr_t)entry,
		.r13 = (uintptr_t)argument,
		.return_address = task_first_run,
	};
	task->kernel_sp = (uintptr_t)frame;
}

struct task *task_find(int tid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct task *task = pid_task(tid);

	if (task)
		task_get(task);
	spin_unlock_irqrestore(&process_lock, flags);
	return task;
}

// Kept less what the first program begins with, so that zeroed memory is right.
#define FIRST_SLACK 50000ul

void task_set_slack(struct task *task, uint64_t slack)
{
	uint64_t kept = slack ? slack - FIRST_SLACK : task->default_slack;

	__atomic_store_n(&task->slack, kept, __ATOMIC_RELAXED);
}

uint64_t task_slack(const struct task *task)
{
	return __atomic_load_n(&task->slack, __ATOMIC_RELAXED) + FIRST_SLACK;
}

void task_set_name(struct task *task, const char *name)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	strlcpy(task->name, name, sizeof(task->name));
	spin_unlock_irqrestore(&process_lock, flags);
	if (trace_wants(TRACE_EXEC))
		trace_name(TRACE_NAME_TASK, (uint64_t)task->tid, name, strlen(name));
}

void task_name(struct task *task, char name[TASK_NAME_SIZE])
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	memcpy(name, task->name, sizeof(task->name));
	spin_unlock_irqrestore(&process_lock, flags);
}

struct files *task_files(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct files *files = task->files;

	if (files)
		files_get(files);
	spin_unlock_irqrestore(&process_lock, flags);
	return files;
}

struct place *task_place(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct place *place = task->place;

	if (place)
		place_get(place);
	spin_unlock_irqrestore(&process_lock, flags);
	return place;
}

void task_set_files(struct task *task, struct files *files)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	task->files = files;
	spin_unlock_irqrestore(&process_lock, flags);
}

void task_set_place(struct task *task, struct place *place)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	task->place = place;
	spin_unlock_irqrestore(&process_lock, flags);
}

void task_fail_nth_set(struct task *task, int nth)
{
	int before = __atomic_exchange_n(&task->fail_nth, nth, __ATOMIC_RELAXED);

	if (!before != !nth)
		failure_task_armed(nth != 0);
}

int task_fail_nth(const struct task *task)
{
	return task->fail_nth;
}
