// SPDX-License-Identifier: MIT
//
// What processes have used: getrusage, wait4, times. Time is counted in timer ticks, by what the
// tick found running; faults are counted in the address space. All of it is read in one hold of
// process_lock, under which sums move from tasks to their process and from there to its parent.
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/usage.h"
#include "lib/string.h"
#include "mm/mm.h"

static void add_thread(const struct task *task, struct usage *usage)
{
	usage->user_ticks += task->user_ticks;
	usage->kernel_ticks += task->kernel_ticks;
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

static void add_own(const struct process *process, struct usage *usage)
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
}

static void add_children(const struct process *process, struct usage *usage)
{
	usage->user_ticks += process->child_user_ticks;
	usage->kernel_ticks += process->child_kernel_ticks;
	usage->minor_faults += process->child_minor_faults;
	usage->major_faults += process->child_major_faults;
	if (process->child_peak_resident > usage->peak_resident)
		usage->peak_resident = process->child_peak_resident;
}

void process_usage_ticks(struct process *process, int who, struct usage *usage)
{
	uint64_t flags;

	memset(usage, 0, sizeof(*usage));
	flags = spin_lock_irqsave(&process_lock);
	if (who == RUSAGE_THREAD)
		add_thread(current_task(), usage);
	else if (who != RUSAGE_CHILDREN)
		add_own(process, usage);
	if (who != RUSAGE_CHILDREN)
		add_memory(process, usage);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH)
		add_children(process, usage);
	spin_unlock_irqrestore(&process_lock, flags);
}

void process_usage(struct process *process, int who, struct rusage *result)
{
	const long tick_us = 1000000 / TICKS_PER_SECOND;
	struct usage usage;

	process_usage_ticks(process, who, &usage);
	memset(result, 0, sizeof(*result));
	result->ru_utime.tv_sec = (long)usage.user_ticks / TICKS_PER_SECOND;
	result->ru_utime.tv_usec = (long)usage.user_ticks % TICKS_PER_SECOND * tick_us;
	result->ru_stime.tv_sec = (long)usage.kernel_ticks / TICKS_PER_SECOND;
	result->ru_stime.tv_usec = (long)usage.kernel_ticks % TICKS_PER_SECOND * tick_us;
	result->ru_maxrss = (long)(usage.peak_resident * (PAGE_SIZE / 1024));
	result->ru_minflt = (long)usage.minor_faults;
	result->ru_majflt = (long)usage.major_faults;
}
