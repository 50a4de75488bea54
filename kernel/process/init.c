// SPDX-License-Identifier: MIT
//
// The first processes, and the last. At the start the program asked for is made from the boot
// options and the initrd: as process 1 (init=), or as the child of a process 1 of the kernel's own
// (run=), which is what programs expect of themselves. When it has ended everybody else ends,
// process 1 last; then the books are checked and the machine stops.
//
// The lines logged here are read by tools/run: it makes its exit status of them.
#include "kernel/driver/log.h"
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/file/inode.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/exit.h"
#include "kernel/machine/irq.h"
#include "kernel/options.h"
#include "kernel/process/exec.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal_name.h"
#include "lib/string.h"
#include "mm/audit.h"
#include "mm/frame.h"
#include "mm/kernel_table.h"
#include "mm/machine.h"
#include "mm/object.h"
#include <asm/signal.h>
#include <linux/errno.h>

#define ARGUMENTS_PATH   "/.faultline/argv"
#define ENVIRONMENT_PATH "/.faultline/env"
#define DEFAULT_ENVIRONMENT                    \
	"HOME=/\0"                             \
	"PATH=/bin:/sbin:/usr/bin:/usr/sbin\0" \
	"TERM=linux\0"

#define EXIT_CANNOT_RUN 127 // what shells use for a program that can not be run

// In a block of frames: arguments may come to more than kmalloc has.
struct strings_file {
	char *bytes; // NULL: no block
	size_t size;
	unsigned order;
};

static int strings_take_room(struct strings_file *file, size_t size)
{
	struct frame *block;

	for (file->order = 0; PAGE_SIZE << file->order < size; file->order++) {
		if (file->order == FRAME_ORDER_MAX)
			return -E2BIG;
	}
	block = frame_alloc(file->order, FRAME_KERNEL);
	if (!block)
		return -ENOMEM;
	file->bytes = frame_to_virt(block);
	file->size = size;
	return 0;
}

static void strings_give_room(struct strings_file *file)
{
	if (file->bytes)
		frame_free(phys_to_frame(virt_to_phys(file->bytes)), file->order);
	file->bytes = NULL;
}

// Reads a file of NUL-terminated strings from the initrd. -ENOENT is an ordinary answer.
static int read_strings(const char *path, struct strings_file *file)
{
	struct inode *inode;
	int error = path_lookup_at(root_inode, path, 0, &inode);
	long count;

	if (error)
		return error;
	error = inode->object ? strings_take_room(file, inode->object->size) : -EINVAL;
	if (error) {
		inode_put(inode);
		return error;
	}
	count = object_read(inode->object, 0, file->bytes, file->size);
	inode_put(inode);
	if (count > 0 && count == (long)file->size && !file->bytes[count - 1])
		return 0;
	strings_give_room(file);
	return count < 0 ? (int)count : -EINVAL;
}

// The file's strings, or a default where there is no such file. With a file that can not be had
// the program is not run: without its arguments it would be another.
static int strings_or(const char *path, const char *bytes, size_t size,
		      struct strings_file *strings)
{
	int error = read_strings(path, strings);

	if (!error)
		return 0;
	if (error != -ENOENT) {
		log_line("faultline: cannot read %s: error %d", path, error);
		return error;
	}
	error = strings_take_room(strings, size);
	if (!error)
		memcpy(strings->bytes, bytes, size);
	return error;
}

// The task of the program asked for, in ring 0. When it returns, ring 3 begins.
static void become_program(void *unused)
{
	struct strings_file arguments = {0}, environment = {0};
	int error;

	(void)unused;
	error = strings_or(ARGUMENTS_PATH, options.program, strlen(options.program) + 1,
			   &arguments);
	if (!error)
		error = strings_or(ENVIRONMENT_PATH, DEFAULT_ENVIRONMENT,
				   sizeof(DEFAULT_ENVIRONMENT) - 1, &environment);
	if (!error)
		error = exec_from_kernel(options.program, arguments.bytes, arguments.size,
					 environment.bytes, environment.size);
	strings_give_room(&arguments);
	strings_give_room(&environment);
	if (error) {
		log_line("faultline: cannot run %s: error %d", options.program, error);
		process_exit(EXIT_CANNOT_RUN << 8);
	}
}

static uint64_t frames_before[FRAME_KIND_COUNT];
static uint64_t kernel_tables_before;

static void count_frames(uint64_t counts[FRAME_KIND_COUNT])
{
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++)
		counts[kind] = frame_kind_count(kind);
}

// A process that nobody forks, with the files of the console; neither visible yet nor with
// anything to do.
static struct task *make_process(void)
{
	struct process *process = process_alloc();
	struct task *task = process ? task_alloc(process, pid_alloc()) : NULL;

	if (!task)
		panic("no memory for the first process");
	process->pid = task->tid;
	limits_init(process);
	task_set_name(task, "init");
	task->files = files_create();
	task->place = place_create();
	if (credentials_init(task) || !task->files || !task->place ||
	    files_open_standard(task->files))
		panic("no memory for what a first process has");
	return task;
}

// The family of `parent`, who has been linked before; NULL: process 1, which has a family of its
// own.
static void link_process(struct task *task, struct process *parent)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);

	process->group = parent ? parent->group : process->pid;
	process->session = parent ? parent->session : process->pid;
	process->exit_signal = parent ? SIGCHLD : 0;
	process->unkillable = !parent;
	process->task_count = 1;
	if (parent) {
		process_set_parent(process, parent);
		list_add_tail(&parent->children, &process->sibling);
	}
	list_add_tail(&all_processes, &process->link);
	list_add_tail(&process->tasks, &task->thread_link);
	pid_link_process(process);
	pid_link_task(task);
	if (!parent)
		init_process = process;
	main_process = process;
	spin_unlock_irqrestore(&process_lock, flags);
}

static void (*watch_program)(void);

// What is watched and made to fail from here on is the program's.
static void start_program(struct task *task)
{
	watch_program();
	task_start(task);
}

// The task of the kernel's own process 1, in ring 0.
static void become_init(void *program)
{
	if (own_init_enter())
		panic("no memory for process 1");
	start_program(program);
}

// Both are there before one of them runs: from then on ^C may come.
void process_start_init(void (*watch)(void))
{
	struct task *program, *init = NULL;

	process_caches_create();
	count_frames(frames_before);
	kernel_tables_before = kernel_table_count();
	watch_program = watch;
	if (options.own_init) {
		init = make_process();
		link_process(init, NULL);
	}
	program = make_process();
	link_process(program, init ? init->process : NULL);
	task_set_entry(program, become_program, NULL);
	if (!init) {
		start_program(program);
		return;
	}
	task_set_entry(init, become_init, program);
	task_start(init);
}

// process_lock held.
static void end_others(void)
{
	struct process *process;

	list_for_each_entry (process, &all_processes, link) {
		if (process != init_process)
			process_begin_exit(process, SIGKILL);
	}
}

void init_end_with_program(void)
{
	end_others();
	process_begin_exit(init_process, main_process->status);
}

// Ends every other process and waits until the last one is gone. Called by the task of process 1,
// which has been their parent's place all along.
void init_outlive_others(void)
{
	uint64_t flags;

	do {
		flags = spin_lock_irqsave(&process_lock);
		end_others();
		spin_unlock_irqrestore(&process_lock, flags);
	} while (process_reap_one());
}

static void log_end(int status)
{
	if (status & 0x7f)
		log_line("faultline: init killed by signal %d", status & 0x7f);
	else
		log_line("faultline: init exited with status %d", status >> 8 & 0xff);
}

static void log_audit(void)
{
	struct audit_report report;
	bool ok = mm_audit(&report);

	if (ok)
		log_line("faultline: audit: %lu facts, 0 wrong", report.checked);
	else
		log_line("faultline: audit: %lu facts, %lu wrong: %s", report.checked,
			 report.wrong, report.first);
}

// What the programs' life has changed, by kind of frame: caches that stay filled, or a leak. The
// kernel's own half keeps the tables it once needed, for the stacks of many tasks at a time.
static void log_frames(void)
{
	uint64_t after[FRAME_KIND_COUNT];

	count_frames(after);
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++) {
		if (after[kind] != frames_before[kind])
			log_line("faultline: frames: %s %+ld since the first program",
				 frame_kind_name(kind), (long)(after[kind] - frames_before[kind]));
	}
	if (kernel_table_count() != kernel_tables_before)
		log_line("faultline: frames: %lu of page-table are the kernel's own, for stacks",
			 kernel_table_count() - kernel_tables_before);
}

void process_finish_if_over(void)
{
	struct process *init = init_process;

	if (!init || init->state != PROCESS_ZOMBIE)
		return;
	machine_hold_others(); // for good
	log_end(init->status);
	process_put(init);
	frame_reclaim(); // what is only kept for speed would hide a leak
	log_audit();
	log_frames();
	machine_exit(MACHINE_EXIT_DONE);
}
