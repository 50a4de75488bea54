// SPDX-License-Identifier: MIT
//
// /proc/PID/oom_score and oom_score_adj: how good a victim a process would be when memory runs
// out; Linux's measure (kernel/process/oom.c).
//
// Locks: the adjustment is two words that are changed under process_lock, and read without.
#include "kernel/file/proc_internal.h"
#include "kernel/machine/irq.h"
#include "kernel/process/oom.h"
#include "kernel/process/process.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/oom.h>

// 0 to 2000 as Linux has it, which halves what is above its old range of 1000.
int proc_show_oom_score(struct pseudo_open *open, struct text *text)
{
	int64_t total = (int64_t)memory_total(), score = 0;
	int64_t points = oom_badness(open->process);

	if (points != INT64_MIN && open->process->oom_adjustment != OOM_SCORE_ADJ_MIN)
		score = (1000 + points * 1000 / total) * 2 / 3;
	text_print(text, "%ld\n", score > 0 ? score : 0);
	return 0;
}

int proc_show_oom_adjustment(struct pseudo_open *open, struct text *text)
{
	text_print(text, "%d\n", open->process->oom_adjustment);
	return 0;
}

// Anybody may make himself a better victim; who may not change that may not change it back
// further than it was set by somebody privileged.
int proc_store_oom_adjustment(struct pseudo_open *open, const char *bytes, size_t length)
{
	bool privileged = machine_capable(CAP_SYS_RESOURCE);
	struct process *process = open->process;
	uint64_t flags;
	int value, error = proc_parse_int(bytes, length, 0, &value);

	if (error)
		return error;
	if (value < OOM_SCORE_ADJ_MIN || value > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	if (value < process->oom_adjustment_least && !privileged)
		error = -EACCES;
	else
		process->oom_adjustment = (int16_t)value;
	if (!error && privileged)
		process->oom_adjustment_least = (int16_t)value;
	spin_unlock_irqrestore(&process_lock, flags);
	return error;
}
