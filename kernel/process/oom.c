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
#include "mm/failure.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include <linux/errno.h>
#include <linux/oom.h>
#include <linux/signal.h>

#define SPARE 256 // frames: with more than that free, what failed was asked to fail

#define PAUSE    1000000ul    // nanoseconds between two tries
#define PATIENCE 1000000000ul // nanoseconds of tries that fail although frames are free

struct oom_settings oom_settings;
static uint64_t kills;    // atomic
static uint64_t failures; // on purpose, that have been seen here; atomic

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
	int64_t points = mm ? badness_in(process, mm) : INT64_MIN;

	spin_unlock_irqrestore(&process_lock, flags);
	return points;
}

static bool may_be_killed(const struct process *process)
{
	return process != init_process && process->state == PROCESS_ALIVE &&
	       process->oom_adjustment != OOM_SCORE_ADJ_MIN;
}

// The worst there is, or NULL. *dying: it, or one that was chosen before, is still on its way,
// which is to be waited for.
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
		if (!mm || process == init_process || badness_in(process, mm) <= most)
			continue;
		if (may_be_killed(process) || process->state == PROCESS_EXITING) {
			most = badness_in(process, mm);
			worst = process;
		}
	}
	*dying |= worst && worst->state == PROCESS_EXITING;
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
		.uid = process->credentials->users.real,
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
// Signals wait until there is memory; not SIGKILL.
static bool never(void *argument)
{
	(void)argument;
	return false;
}

static void give_time(void)
{
	struct wait_queue nobody;

	wait_queue_init(&nobody);
	(void)wait_until_killable_deadline(&nobody, never, NULL, clock_monotonic() + PAUSE);
}

// What is free now may have become so since the fault looked: it is tried again, unless a failure
// was made on purpose, or tries have failed for so long that something else must be wrong.
static bool try_again(void)
{
	struct task *task = current_task();
	uint64_t made = failures_made(), now = clock_monotonic();

	if (__atomic_exchange_n(&failures, made, __ATOMIC_RELAXED) != made)
		return false;
	if (now - task->starved_last > 10 * PAUSE)
		task->starved_since = now;
	give_time();
	task->starved_last = clock_monotonic();
	return now - task->starved_since < PATIENCE;
}

// Lists of other CPUs can not be used here.
static bool is_short(void)
{
	uint64_t elsewhere = frame_cpu_listed() - frame_cpu_listed_by(machine_cpu());

	return frame_kind_count(FRAME_FREE) <= SPARE + elsewhere;
}

bool oom_make_room(void)
{
	struct obituary text;
	struct process *victim;
	bool dying = false, others = false, enough;
	uint64_t flags;

	if (signal_fatal_pending())
		return false;
	if (!is_short())
		return try_again();
	if (oom_settings.panic)
		panic("Out of memory: system-wide panic_on_oom is enabled");
	flags = spin_lock_irqsave(&process_lock);
	// Anew: a victim's end, which the lock has just told, is after its memory's.
	enough = !is_short();
	victim = enough ? NULL : choose(&dying);
	if (victim && !dying) {
		others = space_of(victim) != current_task()->mm;
		describe(victim, &text);
		kill_space(space_of(victim));
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (enough)
		return try_again();
	if (!dying)
		log_memory();
	if (victim && !dying) {
		log_line("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, "
			 "file-rss:%lukB, shmem-rss:0kB, UID:%u pgtables:%lukB oom_score_adj:%d",
			 text.pid, text.name, text.total, text.anon, text.file, text.uid,
			 text.tables, text.adjustment);
		__atomic_add_fetch(&kills, 1, __ATOMIC_RELAXED);
	}
	if (!dying && !others)
		return false;
	give_time();
	return true;
}
