// SPDX-License-Identifier: MIT
//
// What processes have used: getrusage, wait4, times. Time is counted exactly, at each switch; how
// much of it was spent in which ring is estimated from what the timer's ticks found. Faults are
// counted in the address space. All of it is read in one hold of
// process_lock, under which sums move from tasks to their process and from there to its parent.
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/usage.h"
#include "lib/string.h"
#include "mm/mm.h"

#define SECOND 1000000000ul

uint64_t task_cpu_nanoseconds(const struct task *task)
{
	return clock_nanoseconds(task_cpu_time(task, tsc_read()));
}

uint64_t process_cpu_time_locked(const struct process *process)
{
	uint64_t now = tsc_read(), sum = process->cpu_time;
	const struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link)
		sum += task_cpu_time(task, now);
	return clock_nanoseconds(sum);
}

static void add_thread(const struct task *task, struct usage *usage)
{
	usage->user_ticks += task->user_ticks;
	usage->kernel_ticks += task->kernel_ticks;
}

// As Linux: the time is exact, its parts are as the ticks have seen them, and without any it was
// spent in ring 3.
static void divide(struct usage *usage)
{
	uint64_t ticks = usage->user_ticks + usage->kernel_ticks;

	if (usage->kernel_ticks)
		usage->kernel_time = usage->cpu_time / ticks * usage->kernel_ticks +
				     usage->cpu_time % ticks * usage->kernel_ticks / ticks;
	usage->user_time = usage->cpu_time - usage->kernel_time;
}

// Neither part ever becomes less, though the ticks may shift time from one to the other.
static void divide_once_more(struct process *process, struct usage *usage)
{
	divide(usage);
	if (usage->cpu_time < process->shown_user_time + process->shown_kernel_time)
		usage->cpu_time = process->shown_user_time + process->shown_kernel_time;
	if (usage->kernel_time < process->shown_kernel_time)
		usage->kernel_time = process->shown_kernel_time;
	usage->user_time = usage->cpu_time - usage->kernel_time;
	if (usage->user_time < process->shown_user_time) {
		usage->user_time = process->shown_user_time;
		usage->kernel_time = usage->cpu_time - usage->user_time;
	}
	process->shown_user_time = usage->user_time;
	process->shown_kernel_time = usage->kernel_time;
}

// What the address space has counted, which becomes the process's with its last task; process_lock
// held.
static void add_memory(const struct process *process, struct usage *usage)
{
	const struct task *task;
	const struct mm *mm = NULL;

	list_for_each_entry (task, &process->tasks, thread_link) {
		mm = task->mm;
		if (mm)
			break;
	}
	if (!mm)
		return;
	usage->minor_faults += mm->minor_faults;
	usage->major_faults += mm->major_faults;
	if (mm->peak_resident > usage->peak_resident)
		usage->peak_resident = mm->peak_resident;
}

static void add_own(struct process *process, struct usage *usage)
{
	const struct task *task;

	usage->user_ticks += process->user_ticks;
	usage->kernel_ticks += process->kernel_ticks;
	usage->minor_faults += process->minor_faults;
	usage->major_faults += process->major_faults;
	list_for_each_entry (task, &process->tasks, thread_link)
		add_thread(task, usage);
	if (process->peak_resident > usage->peak_resident)
		usage->peak_resident = process->peak_resident;
	usage->cpu_time = process_cpu_time_locked(process);
	divide_once_more(process, usage);
}

struct usage process_usage_locked(struct process *process)
{
	struct usage usage = {0};

	add_own(process, &usage);
	return usage;
}

static void add_children(const struct process *process, struct usage *usage)
{
	usage->user_time += process->child_user_time;
	usage->kernel_time += process->child_kernel_time;
	usage->minor_faults += process->child_minor_faults;
	usage->major_faults += process->child_major_faults;
	if (process->child_peak_resident > usage->peak_resident)
		usage->peak_resident = process->child_peak_resident;
}

void process_usage_sums(struct process *process, int who, struct usage *usage)
{
	uint64_t flags;

	memset(usage, 0, sizeof(*usage));
	flags = spin_lock_irqsave(&process_lock);
	if (who == RUSAGE_THREAD) {
		add_thread(current_task(), usage);
		usage->cpu_time = task_cpu_nanoseconds(current_task());
		divide(usage);
	} else if (who != RUSAGE_CHILDREN) {
		add_own(process, usage);
	}
	if (who != RUSAGE_CHILDREN)
		add_memory(process, usage);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH)
		add_children(process, usage);
	spin_unlock_irqrestore(&process_lock, flags);
}

void process_usage(struct process *process, int who, struct rusage *result)
{
	struct usage usage;

	process_usage_sums(process, who, &usage);
	memset(result, 0, sizeof(*result));
	result->ru_utime.tv_sec = (long)(usage.user_time / SECOND);
	result->ru_utime.tv_usec = (long)(usage.user_time % SECOND / 1000);
	result->ru_stime.tv_sec = (long)(usage.kernel_time / SECOND);
	result->ru_stime.tv_usec = (long)(usage.kernel_time % SECOND / 1000);
	result->ru_maxrss = (long)(usage.peak_resident * (PAGE_SIZE / 1024));
	result->ru_minflt = (long)usage.minor_faults;
	result->ru_majflt = (long)usage.major_faults;
}
