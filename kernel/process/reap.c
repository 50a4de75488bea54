// SPDX-License-Identifier: MIT
//
// wait4: looking for a child that has something to report, and taking a zombie away for good.
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/usage.h"
#include "lib/mutant.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/wait.h>

// What one wait4 looks for, and what it found.
struct search {
	struct process *parent;
	int type, id; // P_ALL, P_PID or P_PGID, and whose
	int options;
	bool any;              // a child exists that the search could be about
	struct process *found; // held
	bool reaped;           // and taken out of the tree
	struct wait_report *report;
};

static bool matches(const struct search *search, const struct process *child)
{
	if (search->type == P_PID && child->pid != search->id)
		return false;
	if (search->type == P_PGID && child->group != search->id && !MUTANT(wait_ignores_group))
		return false;
	if (search->options & __WNOTHREAD && child->made_by != current_task()->tid)
		return false;
	if (search->options & __WALL)
		return true;
	return (child->exit_signal != SIGCHLD) == !!(search->options & __WCLONE) ||
	       MUTANT(clones_waited_for);
}

// What `child` has to report, if that is asked for. Unless WNOWAIT says otherwise it is told once.
static bool has_report(const struct search *search, struct process *child)
{
	struct wait_report *report = search->report;
	bool keep = search->options & WNOWAIT;

	if (child->state == PROCESS_ZOMBIE && search->options & WEXITED) {
		report->status = child->status;
		report->code = process_end_code(child->status);
		return true;
	}
	if (child->stopped && child->stop_complete && !child->stop_reported &&
	    search->options & WUNTRACED) {
		child->stop_reported = !keep && !MUTANT(stop_reported_twice);
		report->status = child->stop_signal << 8 | 0x7f;
		report->code = CLD_STOPPED;
		return true;
	}
	if (child->continued && search->options & WCONTINUED) {
		child->continued = keep;
		report->status = 0xffff;
		report->code = CLD_CONTINUED;
		return true;
	}
	return false;
}

// The times and faults of a reaped child, and of those it reaped, are its parent's children's.
static void add_usage(struct process *parent, struct process *child)
{
	const struct usage used = process_usage_locked(child);
	uint64_t peak = child->peak_resident;

	parent->child_user_time += used.user_time + child->child_user_time;
	parent->child_kernel_time += used.kernel_time + child->child_kernel_time;
	if (!MUTANT(child_faults_lost))
		parent->child_minor_faults += child->minor_faults + child->child_minor_faults;
	parent->child_major_faults += child->major_faults + child->child_major_faults;
	if (child->child_peak_resident > peak)
		peak = child->child_peak_resident;
	if (peak > parent->child_peak_resident)
		parent->child_peak_resident = peak;
}

// The condition wait4 sleeps on: something was found, or there is nothing to wait for.
static bool find_child(void *argument)
{
	struct search *search = argument;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct process *child;

	search->any = false;
	list_for_each_entry (child, &search->parent->children, sibling) {
		// As on Linux, one that has ended will not stop any more: nobody waits for that.
		if (!matches(search, child) ||
		    (child->state == PROCESS_ZOMBIE && !(search->options & WEXITED)))
			continue;
		search->any = true;
		if (!has_report(search, child))
			continue;
		search->found = process_get(child);
		search->reaped = child->state == PROCESS_ZOMBIE &&
				 (!(search->options & WNOWAIT) || MUTANT(nowait_takes));
		if (search->reaped) {
			add_usage(search->parent, child);
			process_unlink(child);
		}
		break;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return search->found || !search->any;
}

static int wait_for_child(struct search *search)
{
	int error = 0;

	if (!find_child(search) && !(search->options & WNOHANG))
		error = wait_until(&search->parent->child_wait, find_child, search);
	if (search->found || error)
		return search->found ? 0 : error;
	return search->any ? 0 : -ECHILD;
}

long process_wait(int type, int id, int options, struct wait_report *report, struct rusage *usage)
{
	struct search search = {
		.parent = current_process(),
		.type = type,
		.id = id,
		.options = options,
		.report = report,
	};
	int error = wait_for_child(&search);
	struct credentials *credentials;

	if (error || !search.found)
		return error;
	report->pid = search.found->pid;
	credentials = credentials_of(search.found, 0);
	report->uid = (int)credentials->users.real;
	credentials_put(credentials);
	if (usage)
		process_usage(search.found, RUSAGE_BOTH, usage);
	if (search.reaped)
		process_put(search.found); // the tree's reference
	process_put(search.found);
	return report->pid;
}

bool process_reap_one(void)
{
	struct wait_report report;
	struct search search = {
		.parent = current_process(),
		.type = P_ALL,
		.options = WEXITED | __WALL,
		.report = &report,
	};

	wait_until_uninterruptible(&search.parent->child_wait, find_child, &search);
	if (!search.found)
		return false;
	process_put(search.found); // the tree's reference
	process_put(search.found);
	return true;
}
