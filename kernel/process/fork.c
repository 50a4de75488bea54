// SPDX-License-Identifier: MIT
//
// fork, vfork and clone: a new process with a copy of, or a share in, what its parent has; or,
// with CLONE_THREAD, a new task of the same process.
//
// Everything that can fail comes first and is undone in reverse order; then, under process_lock
// and without a way back, the child becomes visible; then it runs. Left out: namespaces, control
// groups, and descriptors for single threads (CLONE_PIDFD with CLONE_THREAD): -EINVAL.
#include "kernel/file/files.h"
#include "kernel/file/inode.h"
#include "kernel/file/pidfd.h"
#include "kernel/file/place.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include <linux/errno.h>
#include <linux/sched.h>

#define CLONE_SUPPORTED                                                                     \
	(CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS | CLONE_PARENT | CLONE_SETTLS |    \
	 CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SYSVSEM |  \
	 CLONE_IO | CLONE_DETACHED | CLONE_UNTRACED | CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | \
	 CLONE_THREAD | CLONE_PTRACE | CLONE_PIDFD)

// Of these only CLONE_NEWUSER may be asked for by anybody.
#define CLONE_NAME_SPACES                                                          \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)

static int share_memory(struct task *child, const struct task *parent, uint64_t flags)
{
	if (flags & CLONE_VM) {
		child->mm = mm_get(parent->mm);
		return 0;
	}
	return mm_fork(parent->mm, &child->mm);
}

static int share_files(struct task *child, struct task *parent, uint64_t flags)
{
	if (flags & CLONE_FILES)
		child->files = files_get(parent->files);
	else
		child->files = files_fork(parent->files);
	child->place = flags & CLONE_FS ? place_get(parent->place) : place_fork(parent->place);
	return child->files && child->place ? 0 : -ENOMEM;
}

// The state of ring 3: the parent's at this moment, but for the result of the call.
static void copy_machine_state(struct task *child, const struct task *parent,
			       const struct fork_request *request)
{
	struct registers *registers = task_registers(child);

	*registers = *task_registers(parent);
	registers->rax = 0;
	if (request->stack)
		registers->rsp = request->stack;
	fpu_save(child->fpu);
	segment_bases_save(&child->fs_base, &child->gs_base);
	if (request->flags & CLONE_SETTLS)
		child->fs_base = request->tls;
}

static void copy_task_attributes(struct task *child, const struct task *parent,
				 const struct fork_request *request)
{
	memcpy(child->name, parent->name, sizeof(child->name));
	child->blocked = parent->blocked;
	child->slack = child->default_slack = parent->slack;
	child->tsc_refused = parent->tsc_refused;
	child->allowed = parent->allowed;
	task_inherit_priority(child, parent);
	if (!(request->flags & CLONE_VM) || (request->flags & CLONE_VFORK)) {
		child->signal_stack = parent->signal_stack;
		child->signal_stack_size = parent->signal_stack_size;
		child->signal_stack_flags = parent->signal_stack_flags;
	}
	if (!(request->flags & CLONE_VM)) {
		child->rseq = parent->rseq;
		child->rseq_signature = parent->rseq_signature;
	}
	if (request->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = request->child_tid;
}

static void copy_process_attributes(struct process *to, const struct process *from,
				    const struct fork_request *request)
{
	uint64_t irq;

	to->huge_pages_off = from->huge_pages_off;
	to->core_filter = from->core_filter;
	to->oom_adjustment = from->oom_adjustment;
	to->oom_adjustment_least = from->oom_adjustment_least;
	// With CLONE_PARENT it is the caller's parent that will be told: not as the caller likes.
	to->exit_signal =
		request->flags & CLONE_PARENT ? from->exit_signal : (uint8_t)request->exit_signal;
	to->memory_limits = from->memory_limits;
	to->cpu_limited = from->cpu_limited;
	to->cpu_exceeded = from->cpu_exceeded;
	to->executable = process_get_executable(from->executable);
	irq = spin_lock_irqsave(&process_lock); // prlimit of another process may replace them
	to->limits = limits_get(from->limits);
	spin_unlock_irqrestore(&process_lock, irq);
}

// The child's parts. On failure what was made stays in the task for task_abandon.
static int build_child(struct task *child, struct task *parent, const struct fork_request *request)
{
	int error = share_files(child, parent, request->flags);
	int tid;

	if (!error)
		error = share_memory(child, parent, request->flags);
	if (error)
		return error;
	copy_machine_state(child, parent, request);
	copy_task_attributes(child, parent, request);
	credentials_fork(child, parent);
	if (child->process != parent->process)
		copy_process_attributes(child->process, parent->process, request);
	tid = request->tid ? pid_take(request->tid) : pid_alloc();
	if (tid < 0)
		return tid;
	child->tid = tid;
	if (child->process != parent->process)
		child->process->pid = tid;
	return 0;
}

// Undoes build_child, as far as it came.
static void task_abandon(struct task *child)
{
	struct process *process = child->process;
	uint64_t irq;

	if (child->tid) {
		irq = spin_lock_irqsave(&process_lock);
		pid_free(child->tid);
		spin_unlock_irqrestore(&process_lock, irq);
	}
	if (child->mm)
		mm_put(child->mm);
	if (child->files)
		files_put(child->files);
	place_put(child->place);
	task_put(child);
	if (process != current_process())
		process_put(process);
}

// Makes the child process visible. The tree's reference is the one that process_alloc gave, the
// process's list and the hash share that of task_alloc. As on Linux, not with a signal pending:
// one to the whole group reaches the parent before the fork or the child after it.
static int link_process(struct task *task, struct process *parent, uint64_t flags)
{
	struct process *child = task->process;
	uint64_t irq = spin_lock_irqsave(&process_lock);
	bool as_sibling = flags & CLONE_PARENT && parent->parent;

	task_look_at_signals(current_task());
	if (signal_pending()) {
		spin_unlock_irqrestore(&process_lock, irq);
		return -ERESTARTNOINTR;
	}
	signals_fork(child, parent, flags & CLONE_SIGHAND);
	if (flags & CLONE_CLEAR_SIGHAND)
		(void)signals_reset_handlers(child); // the table is its parent's too
	child->group = parent->group;
	child->session = parent->session;
	process_set_parent(child, as_sibling ? parent->parent : parent);
	child->made_by = as_sibling ? parent->made_by : current_task()->tid;
	process_enter_mm(task, task->mm);
	list_add_tail(&child->parent->children, &child->sibling);
	list_add_tail(&all_processes, &child->link);
	list_add_tail(&child->tasks, &task->thread_link);
	child->task_count = 1;
	pid_link_process(child);
	pid_link_task(task);
	spin_unlock_irqrestore(&process_lock, irq);
	return 0;
}

// Makes a thread visible. Not in a process that is being ended, which has told its threads
// already.
static int link_thread(struct task *task)
{
	struct process *process = task->process;
	uint64_t irq = spin_lock_irqsave(&process_lock);
	int error = signal_fatal_pending() ? -EINTR : 0;

	if (!error) {
		process_enter_mm(task, task->mm);
		list_add_tail(&process->tasks, &task->thread_link);
		process->task_count++;
		process->live++;
		pid_link_task(task);
		task_look_at_signals(task);
	}
	spin_unlock_irqrestore(&process_lock, irq);
	return error;
}

static int link_child(struct task *child, struct task *parent, const struct fork_request *request)
{
	if (request->flags & CLONE_THREAD)
		return link_thread(child);
	return link_process(child, parent->process, request->flags);
}

// A descriptor for the child, before anybody else can see it; -1 when none is asked for.
static int make_pidfd(struct task *child, const struct fork_request *request)
{
	int descriptor;

	if (!(request->flags & CLONE_PIDFD))
		return -1;
	descriptor = pidfd_install(child->process, 0);
	if (descriptor < 0 || !copy_to_user(request->pidfd, &descriptor, sizeof(descriptor)))
		return descriptor;
	files_close(current_task()->files, (unsigned)descriptor);
	return -EFAULT;
}

static int link_with_pidfd(struct task *child, struct task *parent,
			   const struct fork_request *request)
{
	int descriptor = make_pidfd(child, request);
	int error = descriptor < -1 ? descriptor : link_child(child, parent, request);

	if (error && descriptor >= 0)
		files_close(parent->files, (unsigned)descriptor);
	return error;
}

// Linux ignores failures of these two stores as well: the child exists by now.
static void store_tids(struct task *child, const struct fork_request *request)
{
	if (request->flags & CLONE_PARENT_SETTID)
		(void)copy_to_user(request->parent_tid, &child->tid, sizeof(child->tid));
	if (request->flags & CLONE_CHILD_SETTID && user_range_ok(request->child_tid, 4))
		mm_copy_out(child->mm, request->child_tid, &child->tid, sizeof(child->tid));
}

static bool vfork_is_done(void *argument)
{
	return ((struct vfork_wait *)argument)->done;
}

// The child uses our memory, stack included, until it execs or exits. Only a signal that ends
// this process makes it go sooner: then its memory lives on with the child alone.
static void vfork_wait(struct task *child, struct vfork_wait *wait)
{
	uint64_t irq;

	wait_until_killable(&wait->queue, vfork_is_done, wait);
	irq = spin_lock_irqsave(&process_lock);
	child->vfork = NULL;
	spin_unlock_irqrestore(&process_lock, irq);
}

static long start_child(struct task *child, const struct fork_request *request)
{
	struct vfork_wait wait = {.done = false};
	bool vfork = request->flags & CLONE_VFORK;
	int pid = child->tid;

	if (vfork) {
		wait_queue_init(&wait.queue);
		child->vfork = &wait;
		task_get(child);
	}
	task_start(child);
	if (vfork) {
		vfork_wait(child, &wait);
		task_put(child);
	}
	return pid;
}

static int check_request(const struct fork_request *request)
{
	uint64_t flags = request->flags;

	if (flags & ~(uint64_t)(CLONE_SUPPORTED | CLONE_NAME_SPACES | CLONE_NEWUSER))
		return -EINVAL;
	if (flags & CLONE_FS && flags & (CLONE_NEWNS | CLONE_NEWUSER))
		return -EINVAL;
	if (flags & CLONE_THREAD && flags & (CLONE_NEWUSER | CLONE_NEWPID))
		return -EINVAL;
	// The descriptor and the number would be stored over each other.
	if (flags & CLONE_PIDFD && flags & CLONE_PARENT_SETTID &&
	    request->pidfd == request->parent_tid)
		return -EINVAL;
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && (!(flags & CLONE_VM) || flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	// Process 1 has no parent that a sibling could have.
	if (flags & CLONE_PARENT && !current_process()->parent)
		return -EINVAL;
	if (flags & CLONE_PIDFD && flags & (CLONE_THREAD | CLONE_DETACHED))
		return -EINVAL;
	if (flags & CLONE_SETTLS && request->tls >= USER_END)
		return -EPERM;
	return 0;
}

// There are no name spaces to be had. Linux, built without them, says so to whom they would be
// given, after it has looked at all the other flags.
static int check_name_spaces(uint64_t flags)
{
	if (flags & CLONE_NEWUSER)
		return -EINVAL;
	if (flags & CLONE_NAME_SPACES)
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	return 0;
}

// A task for the request, in a process of its own unless it is a thread.
static struct task *child_alloc(const struct fork_request *request)
{
	struct process *process;
	struct task *child;

	if (request->flags & CLONE_THREAD)
		return task_alloc(current_process(), 0);
	process = process_alloc();
	if (!process)
		return NULL;
	child = task_alloc(process, 0);
	if (!child)
		process_put(process);
	return child;
}

long process_fork(const struct fork_request *request)
{
	struct task *parent = current_task();
	struct task *child;
	int error = check_request(request);

	if (error)
		return error;
	if (credentials_too_many_tasks(1) && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -EAGAIN;
	parent->too_many_tasks = false;
	error = check_name_spaces(request->flags);
	if (error)
		return error;
	child = child_alloc(request);
	if (!child)
		return -ENOMEM;
	error = build_child(child, parent, request);
	if (!error)
		error = link_with_pidfd(child, parent, request);
	if (error) {
		task_abandon(child);
		return error;
	}
	process_count_fork();
	trace(TRACE_TASK, (uint64_t)child->tid, (uint64_t)child->process->pid, request->flags,
	      (uint64_t)parent->process->pid);
	store_tids(child, request);
	return start_child(child, request);
}
