// SPDX-License-Identifier: MIT
//
// prctl: small attributes of a task and of its process. Those that belong to credentials are in
// sys_capability.c. Left out, with -EINVAL as in a Linux without them: seccomp, performance
// events, machine checks, what a fault of alignment does.
#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>
#include <linux/prctl.h>

static long set_name(struct task *task, uintptr_t from)
{
	char name[TASK_NAME_SIZE] = {0};
	long result = strncpy_from_user(name, from, sizeof(name) - 1);

	if (result < 0 && result != -ENAMETOOLONG)
		return result;
	task_set_name(task, name);
	return 0;
}

static long put_int(uintptr_t to, int value)
{
	return copy_to_user(to, &value, sizeof(value));
}

// How late a sleep may end. Kept and told; sleeps end when the timer can make them.
static long set_slack(struct task *task, uintptr_t slack)
{
	task_set_slack(task, slack);
	return 0;
}

// What a read of the time-stamp counter does in ring 3.
static long set_tsc(struct task *task, uintptr_t effect)
{
	if (effect != PR_TSC_ENABLE && effect != PR_TSC_SIGSEGV)
		return -EINVAL;
	task->tsc_refused = effect == PR_TSC_SIGSEGV;
	cpu_refuse_tsc(task->tsc_refused);
	return 0;
}

static long set_death_signal(struct process *process, uintptr_t signal)
{
	if (signal > SIGNAL_COUNT)
		return -EINVAL;
	__atomic_store_n(&process->parent_death_signal, (uint8_t)signal, __ATOMIC_RELAXED);
	return 0;
}

static long of_process(struct process *process, int option, uintptr_t a)
{
	switch (option) {
	case PR_SET_PDEATHSIG:
		return set_death_signal(process, a);
	case PR_GET_PDEATHSIG:
		return put_int(a, process->parent_death_signal);
	case PR_SET_CHILD_SUBREAPER:
		process->is_subreaper = a != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int(a, process->is_subreaper);
	case PR_SET_THP_DISABLE:
		process->huge_pages_off = a != 0;
		return 0;
	default:
		return process->huge_pages_off;
	}
}

long sys_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
	struct task *task = current_task();

	switch (option) {
	case PR_SET_NAME:
		return set_name(task, a);
	case PR_GET_NAME:
		return copy_to_user(a, task->name, sizeof(task->name));
	case PR_SET_TIMERSLACK:
		return set_slack(task, a);
	case PR_GET_TIMERSLACK:
		return (long)task_slack(task);
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_int(a, task->tsc_refused ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
	case PR_SET_TSC:
		return set_tsc(task, a);
	case PR_GET_TID_ADDRESS:
		return copy_to_user(a, &task->clear_child_tid, sizeof(task->clear_child_tid));
	case PR_SET_THP_DISABLE:
		return b || c || d ? -EINVAL : of_process(task->process, option, a);
	case PR_GET_THP_DISABLE:
		return a || b || c || d ? -EINVAL : of_process(task->process, option, a);
	case PR_SET_PDEATHSIG:
	case PR_GET_PDEATHSIG:
	case PR_SET_CHILD_SUBREAPER:
	case PR_GET_CHILD_SUBREAPER:
		return of_process(task->process, option, a);
	default:
		return credentials_prctl(option, a, b, c, d);
	}
}
