// SPDX-License-Identifier: MIT
//
// execve. The order is the point: find and check the program, take the arguments, build the new
// address space in full; every failure up to there leaves the caller as it was. Then its other
// threads are ended, and commit() can not fail.
#include "kernel/process/exec.h"

#include "kernel/file/files.h"
#include "kernel/file/inode.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/irq.h"
#include "kernel/process/credentials.h"
#include "kernel/process/exec_internal.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/posix_timer.h"
#include "lib/string.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include <asm/processor-flags.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define SCRIPT_DEPTH 5             // Linux's limit of scripts that are run by scripts
#define MMAP_GAP     (128ul << 20) // kept free below the stack's top, at least

// A program on its way to being run.
struct exec {
	const char *path;             // as given
	const struct exec_file *file; // that it stands for; NULL: to be looked up
	char *final_path;             // of EXEC_PATH_SIZE: the program's, after scripts
	struct exec_strings strings;
	struct program program;
	struct credentials *credentials;
	bool secure;     // see credentials_for_exec
	struct mm *mm;   // the new one
	uintptr_t entry; // where ring 3 begins: the interpreter's entry if there is one
	uintptr_t stack_pointer;
};

// Follows scripts to a program: the inode, held, in *inode.
static int find_program(struct exec *exec, struct inode **inode)
{
	strlcpy(exec->final_path, exec->path, EXEC_PATH_SIZE);
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		int result = 0;

		if (exec->file && depth == 0)
			*inode = inode_get(exec->file->inode);
		else
			result = path_lookup(exec->final_path, inode);
		if (result)
			return result;
		result = script_resolve(*inode, exec->final_path, &exec->strings);
		if (!result)
			return 0;
		inode_put(*inode);
		if (result > 0 && exec->file && exec->file->unreachable)
			result = -ENOENT; // the interpreter would not find it
		if (result < 0)
			return result;
	}
	return -ELOOP;
}

static int find_and_read(struct exec *exec)
{
	struct inode *inode;
	int error = find_program(exec, &inode);

	return error ? error : program_open_inode(&exec->program, inode);
}

// What mappings without a fixed address have to stay below.
static uintptr_t choose_mmap_top(uint64_t stack_limit)
{
	uint64_t gap = stack_limit;

	if (gap < MMAP_GAP)
		gap = MMAP_GAP;
	if (gap > USER_END / 6 * 5)
		gap = USER_END / 6 * 5;
	return PAGE_ALIGN_DOWN(STACK_TOP - gap);
}

struct mm *exec_new_space(void)
{
	struct mm *mm = mm_create();

	if (!mm)
		return NULL;
	mm->mmap_top = choose_mmap_top(machine_limits()->stack);
	mm->layout = kzalloc(sizeof(*mm->layout));
	if (!mm->layout) {
		mm_put(mm);
		return NULL;
	}
	mm->layout->references = 1;
	return mm;
}

static int map_interpreter(struct exec *exec, struct exec_facts *facts)
{
	struct program interpreter;
	char *path = exec->final_path; // its contents are no longer needed
	uint64_t bias;
	int error = program_interpreter(&exec->program, path);

	if (!error)
		error = program_open(&interpreter, path);
	if (error)
		return error;
	error = program_map(exec->mm, &interpreter, true, &bias);
	facts->interpreter = interpreter.image.low + bias;
	exec->entry = interpreter.image.entry + bias;
	program_close(&interpreter);
	return error;
}

// As Linux tells it: the code from the lowest byte that may be executed to the highest, the data
// from where the last segment begins to the last byte that is in the file.
static void set_bounds(struct mm_layout *layout, const struct elf_image *image, uint64_t bias)
{
	layout->code_start = UINTPTR_MAX;
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uintptr_t start = segment->address + bias, end = start + segment->file_size;

		if ((segment->protection & PROT_EXEC) && start < layout->code_start)
			layout->code_start = start;
		if ((segment->protection & PROT_EXEC) && end > layout->code_end)
			layout->code_end = end;
		layout->data_start = start;
		if (end > layout->data_end)
			layout->data_end = end;
	}
	if (layout->code_start > layout->code_end)
		layout->code_start = layout->code_end;
}

// The program, its heap, its interpreter and its stack.
static int fill_space(struct exec *exec)
{
	const struct elf_image *image = &exec->program.image;
	struct exec_facts facts = {.path = exec->path,
				   .header_count = image->header_count,
				   .credentials = exec->credentials,
				   .secure = exec->secure};
	uint64_t bias;
	long stack;
	int error = program_map(exec->mm, &exec->program, false, &bias);

	if (error)
		return error;
	// A page apart, so that the heap does not become one with the program's own memory. (Linux
	// leaves some random number of pages.)
	exec->mm->brk_start = image->high + bias + PAGE_SIZE;
	exec->mm->brk = exec->mm->brk_start;
	set_bounds(exec->mm->layout, image, bias);
	// As Linux counts it: what the last segment has in the file.
	exec->mm->data_bytes = image->segments[image->count - 1].file_size;
	exec->entry = image->entry + bias;
	facts.entry = exec->entry;
	facts.headers_address = image->headers_address ? image->headers_address + bias : 0;
	if (image->interpreter_size)
		error = map_interpreter(exec, &facts);
	if (error)
		return error;
	stack = stack_build(exec->mm, &exec->strings, &facts, image->executable_stack);
	if (stack < 0)
		return (int)stack;
	exec->stack_pointer = (uintptr_t)stack;
	return exec->entry < USER_END ? 0 : -ENOEXEC;
}

static int build_space(struct exec *exec)
{
	int error;

	exec->mm = exec_new_space();
	if (!exec->mm)
		return -ENOMEM;
	error = fill_space(exec);
	if (error)
		mm_put(exec->mm);
	return error;
}

// Changes address spaces. Under process_lock, because /proc may be about to hold the old one.
void exec_enter_space(struct task *task, struct mm *mm)
{
	struct mm *old = task->mm;
	uint64_t flags;

	if (old)
		task_leave_words(task);
	flags = spin_lock_irqsave(&process_lock);
	if (old)
		process_leave_mm(task);
	process_enter_mm(task, mm);
	spin_unlock_irqrestore(&process_lock, flags);
	machine_enter_space(mm);
	if (old)
		mm_put(old);
}

static void set_executable(struct process *process, struct inode *inode)
{
	struct inode *old;
	uint64_t flags = spin_lock_irqsave(&process_lock);

	old = process->executable;
	process->executable = process_get_executable(inode);
	process->has_execed = true;
	spin_unlock_irqrestore(&process_lock, flags);
	process_put_executable(old);
}

// What belongs to the program and not to the process.
static void reset_task(struct task *task, const char *path)
{
	const char *name = strrchr(path, '/');
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct signal_actions *unused = signals_reset_handlers(task->process);

	spin_unlock_irqrestore(&process_lock, flags);
	kfree(unused);
	task->signal_stack = 0;
	task->signal_stack_size = 0;
	task->signal_stack_flags = 0;
	task->rseq = 0;
	task_set_name(task, name ? name + 1 : path);
	fpu_reset();
	segment_bases_load(0, 0);
}

static void commit(struct exec *exec)
{
	struct task *task = current_task();

	posix_timers_release(task->process);
	exec_enter_space(task, exec->mm);
	vfork_release(task);
	files_close_on_exec(task->files);
	set_executable(task->process, exec->program.inode);
	credentials_exec(exec->credentials);
	exec->credentials = NULL;
	reset_task(task, exec->path);
	*task_registers(task) = (struct registers){
		.rip = exec->entry,
		.rsp = exec->stack_pointer,
		.cs = SELECTOR_USER_CODE,
		.ss = SELECTOR_USER_DATA,
		.rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
		.orig_rax = ~0ul,
	};
	cpu_set_work(WORK_FULL_RETURN);
	process_count_exec();
	trace(TRACE_EXEC, exec->entry, exec->stack_pointer, exec->mm->brk_start,
	      exec->mm->stack_top);
	if (trace_wants(TRACE_EXEC))
		trace_name(TRACE_NAME_PROGRAM, (uint64_t)task->process->pid, exec->path,
			   strlen(exec->path));
}

static int run(struct exec *exec)
{
	int error = find_and_read(exec);

	if (error)
		return error;
	exec->credentials = credentials_for_exec(exec->program.inode, &exec->secure);
	error = exec->credentials ? build_space(exec) : -ENOMEM;
	if (!error) {
		error = process_end_other_threads();
		if (!error)
			error = files_unshare(); // descriptors are closed for this program only
		if (error)
			mm_put(exec->mm);
		else
			commit(exec);
	}
	credentials_put(exec->credentials);
	program_close(&exec->program);
	return error;
}

// exec->strings is ready, or `error` says why not.
static int run_with_strings(struct exec *exec, const char *path, int error)
{
	exec->path = path;
	exec->final_path = kmalloc(EXEC_PATH_SIZE);
	if (!exec->final_path)
		error = -ENOMEM;
	if (!error)
		error = run(exec);
	kfree(exec->final_path);
	strings_free(&exec->strings);
	return error;
}

static int check_file(const struct inode *file)
{
	if (!inode_is(file, S_IFREG) || inode_permission(file, 1))
		return -EACCES;
	return __atomic_load_n(&file->writers, __ATOMIC_RELAXED) > 0 ? -ETXTBSY : 0;
}

// A thread that changed to a user with too many tasks already: Linux lets it do that, and run no
// other program.
static int check_tasks(void)
{
	struct task *task = current_task();

	if (!task->too_many_tasks)
		return 0;
	if (credentials_too_many_tasks(0))
		return -EAGAIN;
	task->too_many_tasks = false;
	return 0;
}

int exec_from_user(const struct exec_file *file, uintptr_t argv, uintptr_t envp)
{
	struct exec exec = {.file = file};
	int error = check_tasks();

	if (!error)
		error = check_file(file->inode);
	// Of a wrong file and wrong arguments Linux reports the file.
	if (error)
		return error;
	error = strings_from_user(&exec.strings, argv, envp);
	return run_with_strings(&exec, file->path, error);
}

int exec_from_kernel(const char *path, const char *argv, size_t argv_size, const char *envp,
		     size_t envp_size)
{
	struct exec exec = {.file = NULL};
	int error = strings_from_kernel(&exec.strings, argv, argv_size, envp, envp_size);

	return run_with_strings(&exec, path, error);
}
