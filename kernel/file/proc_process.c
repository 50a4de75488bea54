// SPDX-License-Identifier: MIT
//
// /proc/PID: one process, in the formats of Linux's proc(5). This file has its tables and what is
// short; stat, statm and status are in proc_status.c, the rest in files named after what they
// show.
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/file/proc_internal.h"
#include "kernel/file/tty.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/symbols.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/usage.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/resource.h>

struct task *proc_task(const struct pseudo_open *open)
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

void proc_task_name(const struct pseudo_open *open, char name[TASK_NAME_SIZE])
{
	struct task *task = open->tid ? proc_task(open) : NULL;

	if (task)
		task_name(task, name);
	else
		process_name(open->process, name);
	if (task)
		task_put(task);
}

char proc_task_state(const struct pseudo_open *open)
{
	struct task *task = open->tid ? proc_task(open) : NULL;
	char letter = task ? task_state_letter(task) : process_state_letter(open->process);

	if (task)
		task_put(task);
	return letter;
}

// ---- one-line files ----
static int show_comm(struct pseudo_open *open, struct text *text)
{
	char name[TASK_NAME_SIZE];

	proc_task_name(open, name);
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
	task = proc_task(open);
	if (!task)
		return -ESRCH;
	memcpy(name, bytes, length < sizeof(name) ? length : sizeof(name) - 1);
	task_set_name(task, name);
	task_put(task);
	return 0;
}

// The slack of a process's first thread; another's process only with the right to change its nice
// value.
static struct task *slack_task(struct pseudo_open *open, int *error)
{
	struct task *task = NULL;

	*error = -EPERM;
	if (open->process == current_process() || capable(CAP_SYS_NICE)) {
		*error = -ESRCH;
		task = task_find(open->process->pid);
	}
	return task;
}

static int show_slack(struct pseudo_open *open, struct text *text)
{
	int error;
	struct task *task = slack_task(open, &error);

	if (!task)
		return error;
	text_print(text, "%lu\n", task_slack(task));
	task_put(task);
	return 0;
}

// The whole text is one number. As Linux: too large a one is another error than none.
static int parse_number(const char *bytes, size_t length, uint64_t *number)
{
	size_t used = parse_unsigned(bytes, length, 10, number);

	if (length && used == length)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return -EINVAL;
	}
	return length ? -ERANGE : -EINVAL;
}

static int store_slack(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t slack;
	int error;
	struct task *task;

	if (length && bytes[length - 1] == '\n')
		length--;
	error = parse_number(bytes, length, &slack);
	if (error)
		return error;
	task = slack_task(open, &error);
	if (!task)
		return error;
	task_set_slack(task, slack);
	task_put(task);
	return 0;
}

// The function of the kernel that it waits in, or 0: it runs, or could.
static int show_wait_place(struct pseudo_open *open, struct text *text)
{
	struct task *task = proc_task(open);
	const char *name = NULL;

	if (task) {
		uint8_t state = __atomic_load_n(&task->state, __ATOMIC_RELAXED);

		if (state != TASK_RUNNABLE && state != TASK_DEAD)
			name = symbol_name((KERNEL_IMAGE & ~0xfffffffful) | task->waits_at);
		task_put(task);
	}
	text_print(text, "%s", name ? name : "0");
	return 0;
}

static int show_fail_nth(struct pseudo_open *open, struct text *text)
{
	struct task *task = proc_task(open);

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
	task = proc_task(open);
	if (!task)
		return -ESRCH;
	task_fail_nth_set(task, (int)count);
	task_put(task);
	return 0;
}

// ---- zombies, which have neither memory nor files any more ----
static bool is_zombie(struct process *process)
{
	struct mm *mm = process_mm(process);

	if (mm)
		mm_put(mm);
	return !mm;
}

static int check_memory(struct process *process)
{
	return is_zombie(process) ? -ESRCH : 0;
}

static int check_place(struct process *process)
{
	return is_zombie(process) ? -EINVAL : 0;
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
		copy_range(mm, mm->layout->argument_start, mm->layout->argument_end, text);
		mm_put(mm);
	}
	return 0;
}

// As it was when the program began, unless that has written over it.
static int show_auxiliary(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);

	if (mm) {
		copy_range(mm, mm->layout->auxiliary_start, mm->layout->auxiliary_end, text);
		mm_put(mm);
	}
	return 0;
}

static int show_environ(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = process_mm(open->process);

	if (mm) {
		copy_range(mm, mm->layout->environment_start, mm->layout->environment_end, text);
		mm_put(mm);
	}
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
	*target = is_zombie(process) ? NULL : process_executable_inode(process);
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
	*target = is_zombie(process) ? NULL : inode_get(root_inode);
	return *target ? 0 : -ENOENT;
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
	{.name = "auxv", .permissions = 0400, .show = show_auxiliary, .check = check_memory},
	{.name = "clear_refs", .permissions = 0200, .store = proc_clear_references},
	PSEUDO_TEXT("cmdline", show_cmdline),
	{.name = "comm", .permissions = 0644, .show = show_comm, .store = store_comm},
	{.name = "coredump_filter",
	 .permissions = 0644,
	 .show = proc_show_core_filter,
	 .store = proc_store_core_filter},
	{.name = "cwd", .readlink = read_cwd, .follow = follow_cwd},
	{.name = "environ", .permissions = 0400, .show = show_environ, .check = check_memory},
	{.name = "exe", .readlink = read_exe, .follow = follow_exe},
	{.name = "fail-nth", .permissions = 0644, .show = show_fail_nth, .store = store_fail_nth},
	{.name = "fd", .permissions = 0500, .directory = &descriptor_directory_ops},
	{.name = "fdinfo", .permissions = 0555, .entries = no_names, .descriptors = true},
	PSEUDO_TEXT("limits", proc_show_limits),
	PSEUDO_TEXT("maps", proc_show_maps),
	{.name = "mounts", .permissions = 0444, .show = proc_show_mounts, .check = check_place},
	PSEUDO_TEXT("oom_score", proc_show_oom_score),
	{.name = "oom_score_adj",
	 .permissions = 0644,
	 .show = proc_show_oom_adjustment,
	 .store = proc_store_oom_adjustment},
	{.name = "pagemap",
	 .permissions = 0400,
	 .read_at = proc_read_pagemap,
	 .check = check_memory},
	{.name = "root", .readlink = read_root, .follow = follow_root},
	PSEUDO_TEXT("smaps", proc_show_smaps),
	{.name = "smaps_rollup",
	 .permissions = 0444,
	 .show = proc_show_smaps_rollup,
	 .check = check_memory},
	PSEUDO_TEXT("stat", proc_show_process_stat),
	PSEUDO_TEXT("statm", proc_show_statm),
	PSEUDO_TEXT("status", proc_show_status),
	PSEUDO_TEXT("wchan", show_wait_place),
	// The last two, which a task's directory has not.
	{.name = "timerslack_ns", .permissions = 0666, .show = show_slack, .store = store_slack},
	{.name = "task", .permissions = 0555, .entries = no_names, .tasks = true},
};

const struct pseudo_entry process_directory = PSEUDO_DIRECTORY("", entries);
// All but the last two. Name, state, numbers, signals and fail-nth are the task's own.
const struct pseudo_entry task_directory = {
	.permissions = 0555,
	.entries = entries,
	.count = sizeof(entries) / sizeof(entries[0]) - 2,
};
