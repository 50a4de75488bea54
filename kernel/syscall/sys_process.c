// SPDX-License-Identifier: MIT
//
// System calls that make, change, end and await processes.
#include "kernel/file/pidfd.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/exec.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/prctl.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>

#define ROBUST_LIST_SIZE 24 // struct robust_list_head
#define MAX_PID_LEVELS   32 // Linux's limit of nested name spaces

long sys_fork(void)
{
	return process_fork(&(struct fork_request){.exit_signal = SIGCHLD});
}

long sys_vfork(void)
{
	return process_fork(&(struct fork_request){
		.flags = CLONE_VFORK | CLONE_VM,
		.exit_signal = SIGCHLD,
	});
}

long sys_clone(uint64_t flags, uintptr_t stack, uintptr_t parent_tid, uintptr_t child_tid,
	       uintptr_t tls)
{
	return process_fork(&(struct fork_request){
		.flags = (uint32_t)flags & ~(uint64_t)CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.parent_tid = parent_tid,
		.pidfd = parent_tid,
		.child_tid = child_tid,
		.tls = tls,
	});
}

// Fields this kernel does not know must be zero; those of the first version must be there.
static int copy_clone_args(struct clone_args *arguments, uintptr_t from, size_t size)
{
	char extra;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	memset(arguments, 0, sizeof(*arguments));
	for (size_t i = sizeof(*arguments); i < size; i++) {
		if (copy_from_user(&extra, from + i, 1))
			return -EFAULT;
		if (extra)
			return -E2BIG;
	}
	return copy_from_user(arguments, from,
			      size < sizeof(*arguments) ? size : sizeof(*arguments));
}

// The number the child is to have. There is one space of numbers, so that one is all there can be.
static int read_tid(const struct clone_args *args, int *tid)
{
	*tid = 0;
	if (!args->set_tid != !args->set_tid_size || args->set_tid_size > MAX_PID_LEVELS)
		return -EINVAL;
	return args->set_tid ? copy_from_user(tid, args->set_tid, sizeof(*tid)) : 0;
}

static bool stack_is_valid(const struct clone_args *args)
{
	if (!args->stack || !args->stack_size)
		return !args->stack && !args->stack_size;
	return user_range_ok(args->stack, args->stack_size);
}

static int check_clone_args(const struct clone_args *args, int tid)
{
	if (args->flags & (CLONE_DETACHED | (CSIGNAL & ~(uint64_t)CLONE_NEWTIME)))
		return -EINVAL;
	if (args->flags & (CLONE_THREAD | CLONE_PARENT) && args->exit_signal)
		return -EINVAL;
	if (!stack_is_valid(args))
		return -EINVAL;
	if (args->set_tid && (args->set_tid_size > 1 || tid < 1 || tid >= PID_LIMIT))
		return -EINVAL;
	return args->set_tid && !capable(CAP_CHECKPOINT_RESTORE) ? -EPERM : 0;
}

long sys_clone3(uintptr_t arguments, size_t size)
{
	struct clone_args args;
	int tid = 0, error = copy_clone_args(&args, arguments, size);

	if (error)
		return error;
	if (args.exit_signal > SIGNAL_COUNT || args.flags & CLONE_INTO_CGROUP)
		return -EINVAL;
	error = read_tid(&args, &tid);
	if (!error)
		error = check_clone_args(&args, tid);
	if (error)
		return error;
	return process_fork(&(struct fork_request){
		.flags = args.flags,
		.exit_signal = (int)args.exit_signal,
		.stack = args.stack + args.stack_size,
		.parent_tid = args.parent_tid,
		.pidfd = args.pidfd,
		.child_tid = args.child_tid,
		.tls = args.tls,
		.tid = tid,
	});
}

long sys_exit(int status)
{
	task_exit((status & 0xff) << 8);
}

long sys_exit_group(int status)
{
	process_exit((status & 0xff) << 8);
}

// wait4's way of naming children as waitid's.
static int wait4_target(int *pid)
{
	if (*pid == -1)
		return P_ALL;
	if (*pid > 0)
		return P_PID;
	*pid = *pid ? -*pid : current_process()->group;
	return P_PGID;
}

long sys_wait4(int pid, uintptr_t status, int options, uintptr_t usage)
{
	const int known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
	struct wait_report report;
	struct rusage used;
	long result;
	int type;

	if (options & ~known)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	type = wait4_target(&pid);
	result = process_wait(type, pid, options | WEXITED, &report, usage ? &used : NULL);
	if (result <= 0)
		return result;
	if (status && copy_to_user(status, &report.status, sizeof(report.status)))
		return -EFAULT;
	if (usage && copy_to_user(usage, &used, sizeof(used)))
		return -EFAULT;
	return result;
}

static int check_waitid(int type, int id, int options)
{
	const int kinds = WEXITED | WSTOPPED | WCONTINUED;

	if (options & ~(kinds | WNOHANG | WNOWAIT | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & kinds))
		return -EINVAL;
	switch (type) {
	case P_ALL:
		return 0;
	case P_PID:
		return id <= 0 ? -EINVAL : 0;
	case P_PGID:
	case P_PIDFD:
		return id < 0 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

// waitid by a descriptor. When it does not block, nothing to report is an error.
static long wait_for_pidfd(int descriptor, int options, struct wait_report *report,
			   struct rusage *used)
{
	bool nonblocking = false;
	struct process *process = pidfd_process(descriptor, &nonblocking);
	long result;

	if (!process)
		return -EBADF;
	result = process_wait(P_PID, process->pid, options | (nonblocking ? WNOHANG : 0), report,
			      used);
	process_put(process);
	return !result && nonblocking && !(options & WNOHANG) ? -EAGAIN : result;
}

static void fill_waitid_info(siginfo_t *info, const struct wait_report *report)
{
	int status = report->status;

	memset(info, 0, sizeof(*info));
	info->si_signo = SIGCHLD;
	info->si_code = report->code;
	info->si_pid = report->pid;
	info->si_uid = (uint32_t)report->uid;
	if (report->code == CLD_KILLED || report->code == CLD_DUMPED)
		info->si_status = status & 0x7f;
	else
		info->si_status = report->code == CLD_CONTINUED ? SIGCONT : status >> 8 & 0xff;
}

static long wait_by_id(int type, int id, int options, struct wait_report *report,
		       struct rusage *usage)
{
	int error = check_waitid(type, id, options);

	if (error)
		return error;
	if (type == P_PGID && !id)
		id = current_process()->group;
	if (type == P_PIDFD)
		return wait_for_pidfd(id, options, report, usage);
	return process_wait(type, id, options, report, usage);
}

// As on Linux, `info` is written, or found to be bad, even when the call fails.
long sys_waitid(int type, int id, uintptr_t info, int options, uintptr_t usage)
{
	struct wait_report report;
	struct rusage used;
	siginfo_t result_info;
	long result = wait_by_id(type, id, options, &report, usage ? &used : NULL);

	memset(&result_info, 0, sizeof(result_info));
	if (result > 0) {
		fill_waitid_info(&result_info, &report);
		if (usage && copy_to_user(usage, &used, sizeof(used)))
			return -EFAULT;
		result = 0;
	}
	if (info && copy_to_user(info, &result_info, sizeof(result_info)))
		return -EFAULT;
	return result;
}

long sys_sched_yield(void)
{
	schedule();
	return 0;
}

long sys_set_tid_address(uintptr_t address)
{
	struct task *task = current_task();

	task->clear_child_tid = address;
	return task->tid;
}

long sys_set_robust_list(uintptr_t head, size_t size)
{
	if (size != ROBUST_LIST_SIZE)
		return -EINVAL;
	current_task()->robust_list = head;
	return 0;
}

long sys_get_robust_list(int tid, uintptr_t head, uintptr_t size)
{
	struct task *task = tid ? task_find(tid) : task_get(current_task());
	size_t length = ROBUST_LIST_SIZE;
	uintptr_t list;
	bool allowed;

	if (!task)
		return -ESRCH;
	list = task->robust_list;
	allowed = credentials_may_inspect(task->process);
	task_put(task);
	if (!allowed)
		return -EPERM;
	if (copy_to_user(size, &length, sizeof(length)) || copy_to_user(head, &list, sizeof(list)))
		return -EFAULT;
	return 0;
}

long sys_arch_prctl(int option, uintptr_t address)
{
	uint64_t fs, gs;

	segment_bases_save(&fs, &gs);
	switch (option) {
	case ARCH_SET_FS:
		if (address >= USER_END)
			return -EPERM;
		segment_bases_load(address, gs);
		return 0;
	case ARCH_SET_GS:
		if (address >= USER_END)
			return -EPERM;
		segment_bases_load(fs, address);
		return 0;
	case ARCH_GET_FS:
		return copy_to_user(address, &fs, sizeof(fs));
	case ARCH_GET_GS:
		return copy_to_user(address, &gs, sizeof(gs));
	case ARCH_GET_CPUID: // always allowed: no processor here can refuse it
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}
