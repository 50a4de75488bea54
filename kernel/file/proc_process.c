// SPDX-License-Identifier: MIT
//
// /proc/PID: one process, in the formats of Linux's proc(5). A field that stands for something
// this kernel has not (priorities, swap, capabilities short of all) says what it would say on a
// Linux where nobody uses it.
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/file/proc_internal.h"
#include "kernel/file/tty.h"
#include "kernel/machine/timer.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/usage.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/resource.h>

#define KIB_PER_PAGE    4
#define NANOSECONDS     1000000000ul
#define TERMINAL_NUMBER 0x440 // ttyS0: 4:64

// The task a file is about, with a reference: the process's first one, or that of task/TID. NULL
// when there is none any more.
static struct task *shown_task(const struct pseudo_open *open)
{
	struct task *task;

	if (!open->tid)
		return process_main_task(open->process);
	task = task_find(open->tid);
	if (task && task->process != open->process) {
		task_put(task); // the number is somebody else's by now
		task = NULL;
	}
	return task;
}

static void shown_name(const struct pseudo_open *open, char name[TASK_NAME_SIZE])
{
	struct task *task = open->tid ? shown_task(open) : NULL;

	if (task)
		task_name(task, name);
	else
		process_name(open->process, name);
	if (task)
		task_put(task);
}

static char shown_state(const struct pseudo_open *open)
{
	struct task *task = open->tid ? shown_task(open) : NULL;
	char letter = task ? task_state_letter(task) : process_state_letter(open->process);

	if (task)
		task_put(task);
	return letter;
}

// ---- one-line files ----
static int show_comm(struct pseudo_open *open, struct text *text)
{
	char name[TASK_NAME_SIZE];

	shown_name(open, name);
	text_print(text, "%s\n", name);
	return 0;
}

// As pthread_setname_np writes it, without a newline: what is too long is cut off. A process names
// its own threads only.
static int store_comm(struct pseudo_open *open, const char *bytes, size_t length)
{
	char name[TASK_NAME_SIZE] = {0};
	struct task *task;

	if (open->process != current_process())
		return -EINVAL;
	task = shown_task(open);
	if (!task)
		return -ESRCH;
	memcpy(name, bytes, length < sizeof(name) ? length : sizeof(name) - 1);
	task_set_name(task, name);
	task_put(task);
	return 0;
}

static int show_statm(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);
	struct space_use use = {0};

	if (mm) {
		space_count(mm, &use);
		mm_put(mm);
	}
	text_print(text, "%lu %lu %lu %lu 0 %lu 0\n", use.size, use.resident, use.file, use.code,
		   use.data + use.stack);
	return 0;
}

static int show_fail_nth(struct pseudo_open *open, struct text *text)
{
	struct task *task = shown_task(open);

	if (!task)
		return -ESRCH;
	text_print(text, "%d\n", task_fail_nth(task));
	task_put(task);
	return 0;
}

static int store_fail_nth(struct pseudo_open *open, const char *bytes, size_t length)
{
	struct task *task;
	uint64_t count;
	size_t digits = parse_unsigned(bytes, length, 0, &count);

	if (digits == 0 || count > INT32_MAX)
		return -EINVAL;
	if (digits != length && (bytes[digits] != '\n' || digits + 1 != length))
		return -EINVAL;
	task = shown_task(open);
	if (!task)
		return -ESRCH;
	task_fail_nth_set(task, (int)count);
	task_put(task);
	return 0;
}

// ---- strings in the process's own memory ----
static void copy_range(struct mm *mm, uintptr_t start, uintptr_t end, struct text *text)
{
	char bytes[256];

	while (start < end && !text->failed) {
		size_t step = end - start < sizeof(bytes) ? end - start : sizeof(bytes);
		size_t moved = mm_copy_in(mm, bytes, start, step);

		text_append(text, bytes, moved);
		if (moved < step)
			break;
		start += moved;
	}
}

static int show_cmdline(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);

	if (mm) {
		copy_range(mm, mm->argument_start, mm->argument_end, text);
		mm_put(mm);
	}
	return 0;
}

static int show_environ(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);

	if (mm) {
		copy_range(mm, mm->environment_start, mm->environment_end, text);
		mm_put(mm);
	}
	return 0;
}

// ---- stat: 52 fields on one line ----
struct stat_facts {
	struct space_use use;
	struct usage self, children;
	uintptr_t stack_top, brk_start;
	uintptr_t argument_start, argument_end, environment_start, environment_end;
	uint64_t pending, blocked, ignored, caught;
	unsigned threads, cpu, policy;
	int nice, priority; // priority: of real-time policies, else 0
};

static void signal_facts(const struct pseudo_open *open, struct stat_facts *facts)
{
	struct task *task = shown_task(open);

	facts->ignored = open->process->signals.ignored;
	facts->caught = open->process->signals.caught;
	if (!task)
		return;
	facts->pending = task->pending;
	facts->blocked = task->blocked;
	facts->cpu = task->cpu;
	facts->nice = task->nice;
	facts->policy = task->policy;
	facts->priority = task->priority;
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
	if (!mm)
		return;
	space_count(mm, &facts->use);
	facts->stack_top = mm->stack_top;
	facts->brk_start = mm->brk_start;
	facts->argument_start = mm->argument_start;
	facts->argument_end = mm->argument_end;
	facts->environment_start = mm->environment_start;
	facts->environment_end = mm->environment_end;
	mm_put(mm);
}

// Fields 1 to 8.
static void stat_identity(const struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	char name[TASK_NAME_SIZE];
	int foreground = tty_foreground_of(process->session);

	shown_name(open, name);
	text_print(text, "%d (%s) %c %d %d %d %d %d ", open->tid ? open->tid : process->pid, name,
		   shown_state(open), process_parent_pid(process), process->group,
		   process->session, foreground ? TERMINAL_NUMBER : 0,
		   foreground ? foreground : -1);
}

static int show_stat(struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	struct stat_facts facts;
	const struct space_use *use = &facts.use;

	gather(open, &facts);
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
	text_print(text, "%lu 0 0 %lu 0 0 ", (uint64_t)process_limit(process, RLIMIT_RSS).rlim_cur,
		   facts.stack_top);
	// 31 to 44: signals, wchan, swap, exit signal, processor, policies, delays
	text_print(text, "%lu %lu %lu %lu 0 0 0 17 %u %d %u 0 0 0 ", facts.pending, facts.blocked,
		   facts.ignored, facts.caught, facts.cpu, facts.priority, facts.policy);
	// 45 to 52: data, brk, arguments, environment, exit code
	text_print(text, "0 0 %lu %lu %lu %lu %lu %d\n", facts.brk_start, facts.argument_start,
		   facts.argument_end, facts.environment_start, facts.environment_end,
		   process->state >= PROCESS_ZOMBIE ? process->status : 0);
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

static void status_memory(const struct space_use *use, struct text *text)
{
	print_kib(text, "VmPeak", use->peak_size);
	print_kib(text, "VmSize", use->size);
	print_kib(text, "VmLck", use->locked);
	print_kib(text, "VmPin", 0);
	print_kib(text, "VmHWM", use->peak);
	print_kib(text, "VmRSS", use->resident);
	print_kib(text, "RssAnon", use->anon);
	print_kib(text, "RssFile", use->file);
	print_kib(text, "RssShmem", 0);
	print_kib(text, "VmData", use->data);
	print_kib(text, "VmStk", use->stack);
	print_kib(text, "VmExe", use->code);
	print_kib(text, "VmLib", 0);
	print_kib(text, "VmPTE", use->tables);
	print_kib(text, "VmSwap", 0);
}

static struct files *shown_files(const struct pseudo_open *open)
{
	struct task *task = shown_task(open);
	struct files *files = task ? task_files(task) : NULL;

	if (task)
		task_put(task);
	return files;
}

static void show_umask(const struct pseudo_open *open, struct text *text)
{
	struct task *task = shown_task(open);
	struct place *place = task ? task_place(task) : NULL;

	if (place)
		text_print(text, "Umask:\t%04o\n", place_umask(place));
	place_put(place);
	if (task)
		task_put(task);
}

static void status_groups(const struct process *process, struct text *text)
{
	struct group_list *list = credentials_group_list(process);

	text_print(text, "Groups:\t");
	for (uint32_t i = 0; list && i < list->count; i++)
		text_print(text, i ? " %u" : "%u", list->group[i]);
	text_print(text, " \n");
	group_list_put(list);
}

static void status_identity(const struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	char name[TASK_NAME_SIZE];
	char letter = shown_state(open);
	struct files *files = shown_files(open);

	shown_name(open, name);
	text_print(text, "Name:\t%s\n", name);
	show_umask(open, text);
	text_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", letter,
		   state_name(letter), process->pid, open->tid ? open->tid : process->pid,
		   process_parent_pid(process));
	text_print(text, "TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\n", process->uid, process->euid,
		   process->suid, process->fsuid);
	text_print(text, "Gid:\t%u\t%u\t%u\t%u\n", process->gid, process->egid, process->sgid,
		   process->fsgid);
	text_print(text, "FDSize:\t%u\n", files ? files_end(files) : 0);
	status_groups(process, text);
	files_put(files);
}

static void status_capabilities(const struct capabilities *now, struct text *text)
{
	text_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", now->inheritable,
		   now->permitted, now->effective);
	text_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", now->bounding, now->ambient);
	text_print(text, "NoNewPrivs:\t%d\nSeccomp:\t0\n", now->no_new_privileges);
}

static int show_status(struct pseudo_open *open, struct text *text)
{
	struct process *process = open->process;
	struct stat_facts facts;

	gather(open, &facts);
	status_identity(open, text);
	if (facts.use.size)
		status_memory(&facts.use, text);
	text_print(text, "Threads:\t%u\n", facts.threads);
	text_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", facts.pending,
		   process->signals.pending, facts.blocked);
	text_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", facts.ignored, facts.caught);
	status_capabilities(&process->capabilities, text);
	return 0;
}

// ---- links ----
static long copy_path(const struct inode *inode, char *buffer, size_t size)
{
	char *path = kmalloc(PATH_MAX);
	long length = -ENOMEM;

	if (path) {
		length = inode_path(inode, path, PATH_MAX);
		if (length > (long)size)
			length = (long)size;
		if (length > 0)
			memcpy(buffer, path, (size_t)length);
	}
	kfree(path);
	return length;
}

static int follow_exe(struct process *process, struct inode **target)
{
	*target = process_executable_inode(process);
	return *target ? 0 : -ENOENT;
}

static int follow_cwd(struct process *process, struct inode **target)
{
	struct task *task = process_main_task(process);
	struct place *place = task ? task_place(task) : NULL;

	*target = place ? place_directory(place) : NULL;
	place_put(place);
	if (task)
		task_put(task);
	return *target ? 0 : -ENOENT;
}

static int follow_root(struct process *process, struct inode **target)
{
	(void)process;
	*target = inode_get(root_inode);
	return 0;
}

static long read_link(struct process *process, char *buffer, size_t size,
		      int (*follow)(struct process *, struct inode **))
{
	struct inode *target;
	long length = follow(process, &target);

	if (length)
		return length;
	length = copy_path(target, buffer, size);
	inode_put(target);
	return length;
}

static long read_exe(struct process *process, char *buffer, size_t size)
{
	return read_link(process, buffer, size, follow_exe);
}

static long read_cwd(struct process *process, char *buffer, size_t size)
{
	return read_link(process, buffer, size, follow_cwd);
}

static long read_root(struct process *process, char *buffer, size_t size)
{
	return read_link(process, buffer, size, follow_root);
}

static const struct pseudo_entry no_names[0];

static const struct pseudo_entry entries[] = {
	PSEUDO_TEXT("cmdline", show_cmdline),
	{.name = "comm", .permissions = 0644, .show = show_comm, .store = store_comm},
	{.name = "cwd", .readlink = read_cwd, .follow = follow_cwd},
	{.name = "environ", .permissions = 0400, .show = show_environ},
	{.name = "exe", .readlink = read_exe, .follow = follow_exe},
	{.name = "fail-nth", .permissions = 0644, .show = show_fail_nth, .store = store_fail_nth},
	{.name = "fd", .permissions = 0500, .directory = &descriptor_directory_ops},
	PSEUDO_TEXT("limits", proc_show_limits),
	PSEUDO_TEXT("maps", proc_show_maps),
	{.name = "pagemap", .permissions = 0400, .read_at = proc_read_pagemap},
	{.name = "root", .readlink = read_root, .follow = follow_root},
	PSEUDO_TEXT("smaps", proc_show_smaps),
	PSEUDO_TEXT("smaps_rollup", proc_show_smaps_rollup),
	PSEUDO_TEXT("stat", show_stat),
	PSEUDO_TEXT("statm", show_statm),
	PSEUDO_TEXT("status", show_status),
	{.name = "task", .permissions = 0555, .entries = no_names, .tasks = true}, // the last
};

const struct pseudo_entry process_directory = PSEUDO_DIRECTORY("", entries);
// All but `task`. Name, state, numbers, signals and fail-nth are the task's own.
const struct pseudo_entry task_directory = {
	.permissions = 0555,
	.entries = entries,
	.count = sizeof(entries) / sizeof(entries[0]) - 1,
};
