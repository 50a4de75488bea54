// SPDX-License-Identifier: MIT
//
// /proc/PID/stat, statm and status. A field that stands for something this kernel has not (swap,
// huge pages, name spaces) says what it would say on a Linux where nobody uses it.
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/file/proc_internal.h"
#include "kernel/file/tty.h"
#include "kernel/machine/timer.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/usage.h"
#include "kernel/process/user.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/usage.h"
#include <linux/resource.h>

#define KIB_PER_PAGE    4
#define NANOSECONDS     1000000000ul
#define TERMINAL_NUMBER 0x440 // ttyS0: 4:64

int proc_show_statm(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);
	struct space_use use = {0};

	if (mm) {
		space_count(mm, &use);
		mm_put(mm);
	}
	text_print(text, "%lu %lu %lu %lu 0 %lu 0\n", use.size, use.resident, use.file, use.text,
		   use.data + use.stack);
	return 0;
}

// ---- stat: 52 fields on one line ----
struct stat_facts {
	const struct mm *mm; // held; a zombie has none, and no_space stands for it
	struct space_use use;
	struct usage self, children;
	uint64_t pending, blocked, ignored, caught;
	unsigned threads, cpu, policy;
	int nice, priority; // priority: of real-time policies, else 0
	uint64_t allowed;   // CPUs
	uint32_t sleeps, preemptions;
	struct credentials *credentials; // held
	bool no_new_privileges;
};
static const struct mm no_space = {.layout = &(struct mm_layout){0}};

static void signal_facts(const struct pseudo_open *open, struct stat_facts *facts)
{
	struct task *task = proc_task(open);

	facts->ignored = open->process->signals.ignored;
	facts->caught = open->process->signals.caught;
	facts->credentials = credentials_of(open->process, open->tid);
	if (!task)
		return;
	facts->pending = task->pending;
	facts->blocked = task->blocked & ~task->waited; // as Linux shows it
	facts->cpu = task->cpu;
	facts->nice = task->nice;
	facts->policy = task->policy;
	facts->priority = task->priority;
	facts->allowed = __atomic_load_n(&task->allowed, __ATOMIC_RELAXED);
	facts->sleeps = task->sleeps;
	facts->no_new_privileges = task->no_new_privileges;
	facts->preemptions = task->switches - facts->sleeps;
	task_put(task);
}

static void gather(const struct pseudo_open *open, struct stat_facts *facts)
{
	struct process *process = open->process;
	struct mm *mm = process_mm(process);

	memset(facts, 0, sizeof(*facts));
	process_usage_sums(process, RUSAGE_SELF, &facts->self);
	process_usage_sums(process, RUSAGE_CHILDREN, &facts->children);
	signal_facts(open, facts);
	facts->threads = process->task_count;
	facts->mm = mm ? mm : &no_space;
	if (mm)
		space_count(mm, &facts->use);
}

static void let_go(const struct stat_facts *facts)
{
	credentials_put(facts->credentials);
	if (facts->mm != &no_space)
		mm_put((struct mm *)facts->mm);
}

// Fields 1 to 8.
static void stat_identity(const struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	char name[TASK_NAME_SIZE];
	int foreground = tty_foreground_of(process->session);

	proc_task_name(open, name);
	text_print(text, "%d (%s) %c %d %d %d %d %d ", open->tid ? open->tid : process->pid, name,
		   proc_task_state(open), process_parent_pid(process), process->group,
		   process->session, foreground ? TERMINAL_NUMBER : 0,
		   foreground ? foreground : -1);
}

int proc_show_process_stat(struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	struct stat_facts facts;
	const struct space_use *use = &facts.use;
	const struct mm_layout *layout;

	gather(open, &facts);
	layout = facts.mm->layout;
	stat_identity(open, text);
	// 9 to 17: flags, faults, times
	text_print(text, "0 %lu %lu %lu %lu %lu %lu %lu %lu ", facts.self.minor_faults,
		   facts.children.minor_faults, facts.self.major_faults,
		   facts.children.major_faults, usage_ticks(facts.self.user_time),
		   usage_ticks(facts.self.kernel_time), usage_ticks(facts.children.user_time),
		   usage_ticks(facts.children.kernel_time));
	// 18 to 24: priority, nice, threads, itrealvalue, starttime, vsize, rss
	text_print(text, "%d %d %u 0 %lu %lu %lu ",
		   facts.priority ? -1 - facts.priority : 20 + facts.nice, facts.nice,
		   facts.threads, process->start_time / (NANOSECONDS / TICKS_PER_SECOND),
		   use->size << PAGE_SHIFT, use->resident);
	// 25 to 30: rsslim, startcode, endcode, startstack, kstkesp, kstkeip
	text_print(text, "%lu %lu %lu %lu 0 0 ",
		   (uint64_t)process_limit(process, RLIMIT_RSS).rlim_cur, layout->code_start,
		   layout->code_end, layout->stack_pointer);
	// 31 to 44: signals, wchan, swap, exit signal, processor, policies, delays
	text_print(text, "%lu %lu %lu %lu 0 0 0 17 %u %d %u 0 0 0 ", facts.pending, facts.blocked,
		   facts.ignored, facts.caught, facts.cpu, facts.priority, facts.policy);
	// 45 to 52: data, brk, arguments, environment, exit code
	text_print(text, "%lu %lu %lu %lu %lu %lu %lu %d\n", layout->data_start, layout->data_end,
		   facts.mm->brk_start, layout->argument_start, layout->argument_end,
		   layout->environment_start, layout->environment_end,
		   process->state >= PROCESS_ZOMBIE ? process->status : 0);
	let_go(&facts);
	return 0;
}

// ---- status ----
static const char *state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 'Z':
		return "zombie";
	default:
		return "dead";
	}
}

static void print_kib(struct text *text, const char *name, uint64_t pages)
{
	text_print(text, "%s:\t%8lu kB\n", name, pages * KIB_PER_PAGE);
}

// Pages of objects that are in memory only, as of tmpfs and of shared memory: those which meminfo
// has under Shmem.
static uint64_t count_shared(struct mm *mm)
{
	struct page_usage usage = {0};
	struct map_line line = {0};

	while (map_line_next(mm, line.end, &line)) {
		if (!line.object)
			continue;
		mm_count_usage(mm, line.start, line.end, &usage);
		object_put(line.object);
	}
	return usage.memory;
}

static void status_memory(const struct stat_facts *facts, struct text *text)
{
	const struct space_use *use = &facts->use;
	uint64_t shared = count_shared((struct mm *)facts->mm);

	if (shared > use->file)
		shared = use->file;
	print_kib(text, "VmPeak", use->peak_size);
	print_kib(text, "VmSize", use->size);
	print_kib(text, "VmLck", use->locked);
	print_kib(text, "VmPin", 0);
	print_kib(text, "VmHWM", use->peak);
	print_kib(text, "VmRSS", use->resident);
	print_kib(text, "RssAnon", use->anon);
	print_kib(text, "RssFile", use->file - shared);
	print_kib(text, "RssShmem", shared);
	print_kib(text, "VmData", use->data);
	print_kib(text, "VmStk", use->stack);
	print_kib(text, "VmExe", use->text);
	print_kib(text, "VmLib", use->code - use->text);
	print_kib(text, "VmPTE", use->tables);
	print_kib(text, "VmSwap", 0);
	print_kib(text, "HugetlbPages", 0);
	text_print(text, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static struct files *shown_files(const struct pseudo_open *open)
{
	struct task *task = proc_task(open);
	struct files *files = task ? task_files(task) : NULL;

	if (task)
		task_put(task);
	return files;
}

static void show_umask(const struct pseudo_open *open, struct text *text)
{
	struct task *task = proc_task(open);
	struct place *place = task ? task_place(task) : NULL;

	if (place)
		text_print(text, "Umask:\t%04o\n", place_umask(place));
	place_put(place);
	if (task)
		task_put(task);
}

static void status_users(const struct credentials *credentials, struct text *text)
{
	const struct ids *users = &credentials->users, *groups = &credentials->groups;

	text_print(text, "TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\n", users->real, users->effective,
		   users->saved, users->files);
	text_print(text, "Gid:\t%u\t%u\t%u\t%u\n", groups->real, groups->effective, groups->saved,
		   groups->files);
}

static void status_groups(const struct group_list *list, struct text *text)
{
	text_print(text, "Groups:\t");
	for (uint32_t i = 0; list && i < list->count; i++)
		text_print(text, i ? " %u" : "%u", list->group[i]);
	text_print(text, " \n");
}

static void status_identity(const struct pseudo_open *open, const struct stat_facts *facts,
			    struct text *text)
{
	struct process *process = open->process;
	char name[TASK_NAME_SIZE];
	char letter = proc_task_state(open);
	struct files *files = shown_files(open);

	proc_task_name(open, name);
	text_print(text, "Name:\t%s\n", name);
	show_umask(open, text);
	text_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", letter,
		   state_name(letter), process->pid, open->tid ? open->tid : process->pid,
		   process_parent_pid(process));
	status_users(facts->credentials, text);
	text_print(text, "FDSize:\t%u\n", files ? files_end(files) : 0);
	status_groups(facts->credentials->group_list, text);
	text_print(text, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", process->pid,
		   open->tid ? open->tid : process->pid, process->group, process->session);
	files_put(files);
}

static void status_capabilities(const struct stat_facts *facts, struct text *text)
{
	const struct capabilities *now = &facts->credentials->capabilities;

	text_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", now->inheritable,
		   now->permitted, now->effective);
	text_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", now->bounding, now->ambient);
	text_print(text, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n",
		   facts->no_new_privileges);
	text_print(text, "Speculation_Store_Bypass:\tunknown\n"
			 "SpeculationIndirectBranch:\tunknown\n");
}

// "0-1,3": a set as Linux lists it.
static void print_set(uint64_t set, struct text *text)
{
	const char *comma = "";

	for (unsigned first = 0, last; first < 64; first = last + 1) {
		last = first;
		if (!(set >> first & 1))
			continue;
		while (last < 63 && (set >> (last + 1) & 1))
			last++;
		text_print(text, last > first ? "%s%u-%u" : "%s%u", comma, first, last);
		comma = ",";
	}
	text_print(text, "\n");
}

static void status_processors(const struct stat_facts *facts, struct text *text)
{
	uint64_t set = facts->allowed & ((1ul << (cpu_count - 1) << 1) - 1);

	text_print(text, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", set);
	print_set(set, text);
	text_print(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
	text_print(text, "voluntary_ctxt_switches:\t%u\nnonvoluntary_ctxt_switches:\t%u\n",
		   facts->sleeps, facts->preemptions);
}

int proc_show_status(struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	struct stat_facts facts;

	gather(open, &facts);
	status_identity(open, &facts, text);
	if (facts.use.size)
		status_memory(&facts, text);
	text_print(text, "Threads:\t%u\nSigQ:\t%u/%lu\n", facts.threads,
		   __atomic_load_n(&facts.credentials->user->queued, __ATOMIC_RELAXED),
		   (uint64_t)process_limit(process, RLIMIT_SIGPENDING).rlim_cur);
	text_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", facts.pending,
		   process->signals.pending, facts.blocked);
	text_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", facts.ignored, facts.caught);
	status_capabilities(&facts, text);
	status_processors(&facts, text);
	let_go(&facts);
	return 0;
}
