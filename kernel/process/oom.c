// SPDX-License-Identifier: MIT
//
// The choice of whom to end when memory runs out: see oom.h. Left out: taking a victim's memory
// away before it has ended (Linux's reaper), and limits of groups.
//
// Locks: a victim is chosen under process_lock, from counters that are read without their spaces'
// locks: an estimate is enough.
#include "kernel/process/oom.h"
#include "kernel/driver/log.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/wait.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include <linux/errno.h>
#include <linux/oom.h>
#include <linux/signal.h>

#define SPARE 256 // frames: with more than that free, what failed was asked to fail

#define PAUSE  1000000ul    // nanoseconds between two tries
#define RECENT 1000000000ul // nanoseconds in which a victim has given back its memory

struct oom_settings oom_settings;
static uint64_t kills;     // atomic
static uint64_t last_kill; // when, in nanoseconds; atomic

uint64_t oom_kill_count(void)
{
	return __atomic_load_n(&kills, __ATOMIC_RELAXED);
}

// Where all of memory is, by kind of owner: what one wants to know who has none left.
static void log_memory(void)
{
	char text[240] = "";
	size_t length = 0;

	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++) {
		uint64_t count = frame_kind_count(kind);

		if (count && length < sizeof(text))
			length +=
				(size_t)snprintf(text + length, sizeof(text) - length, "%s %s %lu",
						 length ? "," : "", frame_kind_name(kind), count);
	}
	log_line("memory is used up; frames:%s", text);
}

// Under process_lock.
static struct mm *space_of(const struct process *process)
{
	const struct task *task;

	list_for_each_entry (task, &process->tasks, thread_link)
		if (task->mm)
			return task->mm;
	return NULL;
}

static int64_t badness_in(const struct process *process, const struct mm *mm)
{
	return (int64_t)(mm->anon_resident + mm->file_resident + mm->tables) +
	       process->oom_adjustment * (int64_t)(memory_total() / 1000);
}

int64_t oom_badness(struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	const struct mm *mm = space_of(process);
	int64_t points = mm ? badness_in(process, mm) : 0;

	spin_unlock_irqrestore(&process_lock, flags);
	return points;
}

static bool may_be_killed(const struct process *process)
{
	return process != init_process && process->state == PROCESS_ALIVE &&
	       process->oom_adjustment != OOM_SCORE_ADJ_MIN;
}

// The worst there is, or NULL. *dying: one that was chosen before is still on its way, which is to
// be waited for.
static struct process *choose(bool *dying)
{
	struct process *process, *worst = NULL;
	int64_t most = INT64_MIN;

	*dying = false;
	list_for_each_entry (process, &all_processes, link) {
		const struct mm *mm = space_of(process);

		// Its space is given back after it has left it.
		if (process->oom_victim && process->state < PROCESS_ZOMBIE)
			*dying = true;
		if (!mm)
			continue;
		if (may_be_killed(process) && badness_in(process, mm) > most) {
			most = badness_in(process, mm);
			worst = process;
		}
	}
	if (oom_settings.kill_allocating && may_be_killed(current_process()))
		worst = current_process();
	return worst;
}

// What is told of a victim, collected under the lock.
struct obituary {
	int pid, adjustment;
	uint32_t uid;
	uint64_t total, anon, file, tables; // KiB
	char name[TASK_NAME_SIZE];
};

static void describe(struct process *process, struct obituary *text)
{
	const struct mm *mm = space_of(process);
	const struct task *task = list_first_entry(&process->tasks, struct task, thread_link);

	*text = (struct obituary){
		.pid = process->pid,
		.adjustment = process->oom_adjustment,
		.uid = process->uid,
		.total = mm->mapped * (PAGE_SIZE / 1024),
		.anon = mm->anon_resident * (PAGE_SIZE / 1024),
		.file = mm->file_resident * (PAGE_SIZE / 1024),
		.tables = mm->tables * (PAGE_SIZE / 1024),
	};
	memcpy(text->name, task->name, sizeof(text->name));
}

// Ends everybody who runs in the victim's space: its memory goes with the last of them.
static void kill_space(const struct mm *mm)
{
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process == init_process || space_of(process) != mm)
			continue;
		process->oom_victim = true;
		process_begin_exit(process, SIGKILL);
	}
}

// Others run meanwhile, or the CPU waits with interrupts on: a victim may need its answers.
static void give_time(void)
{
	wait_prepare();
	if (wait_sleep(clock_monotonic() + PAUSE) == -ERESTARTSYS)
		schedule();
}

// What is free now may have become so since the fault looked.
static bool just_killed(void)
{
	uint64_t when = __atomic_load_n(&last_kill, __ATOMIC_RELAXED);

	return when && clock_monotonic() - when < RECENT;
}

bool oom_make_room(void)
{
	struct obituary text;
	struct process *victim;
	bool dying, others = false;
	uint64_t flags;

	if (signal_fatal_pending())
		return false;
	if (frame_kind_count(FRAME_FREE) > SPARE)
		return just_killed();
	if (oom_settings.panic)
		panic("Out of memory: system-wide panic_on_oom is enabled");
	flags = spin_lock_irqsave(&process_lock);
	victim = choose(&dying);
	if (victim && !dying) {
		others = space_of(victim) != current_task()->mm;
		describe(victim, &text);
		kill_space(space_of(victim));
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (!dying)
		log_memory();
	if (victim && !dying) {
		log_line("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, "
			 "file-rss:%lukB, shmem-rss:0kB, UID:%u pgtables:%lukB oom_score_adj:%d",
			 text.pid, text.name, text.total, text.anon, text.file, text.uid,
			 text.tables, text.adjustment);
		__atomic_add_fetch(&kills, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&last_kill, clock_monotonic(), __ATOMIC_RELAXED);
	}
	if (!dying && !others)
		return false;
	give_time();
	return true;
}
