// SPDX-License-Identifier: MIT
//
// System calls on signals.
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/signal_action.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include "lib/string.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/signal.h>

static bool is_signal(int signal)
{
	return signal > 0 && signal <= SIGNAL_COUNT;
}

long sys_rt_sigaction(int signal, uintptr_t action, uintptr_t old, size_t size)
{
	struct signal_action new, previous;
	int error;

	if (size != sizeof(uint64_t) || !is_signal(signal))
		return -EINVAL;
	if (action && copy_from_user(&new, action, sizeof(new)))
		return -EFAULT;
	if (action && (signal == SIGKILL || signal == SIGSTOP))
		return -EINVAL;
	if (action) {
		new.mask &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
		error = signal_action_set(signal, &new, &previous);
		if (error)
			return error;
	} else {
		signal_action_read(signal, &previous);
	}
	return old && copy_to_user(old, &previous, sizeof(previous)) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(int how, uintptr_t set, uintptr_t old, size_t size)
{
	uint64_t before = current_task()->blocked, change;

	if (size != sizeof(uint64_t))
		return -EINVAL;
	if (set) {
		if (copy_from_user(&change, set, sizeof(change)))
			return -EFAULT;
		if (how == SIG_BLOCK)
			change |= before;
		else if (how == SIG_UNBLOCK)
			change = before & ~change;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		signal_mask_set(change);
	}
	return old && copy_to_user(old, &before, sizeof(before)) ? -EFAULT : 0;
}

long sys_rt_sigpending(uintptr_t set, size_t size)
{
	const struct task *task = current_task();
	uint64_t pending = (task->pending | task->process->signals.pending) & task->blocked;

	if (size > sizeof(pending))
		return -EINVAL;
	return copy_to_user(set, &pending, size);
}

static bool never(void *unused)
{
	(void)unused;
	return false;
}

static long sleep_until_signal(void)
{
	struct wait_queue nobody = WAIT_QUEUE_INIT(nobody);

	wait_until(&nobody, never, NULL);
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(uintptr_t set, size_t size)
{
	uint64_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, set, sizeof(mask)))
		return -EFAULT;
	signal_mask_set_temporarily(mask);
	return sleep_until_signal();
}

long sys_pause(void)
{
	return sleep_until_signal();
}

static bool one_is_pending(void *wanted)
{
	const struct task *task = current_task();

	return (task->pending | task->process->signals.pending) & *(uint64_t *)wanted;
}

// The wanted signals stay blocked, so that they are neither ignored nor fatal: `waited` makes them
// wake this task all the same.
static long wait_for_signal(uint64_t wanted, uint64_t deadline, struct signal_info *info)
{
	struct wait_queue nobody = WAIT_QUEUE_INIT(nobody);
	int error;

	info->signal = 0;
	signal_wait_for(wanted);
	do
		error = wait_until_deadline(&nobody, one_is_pending, &wanted, deadline);
	while (!signal_take(wanted, info) && !error); // another thread was faster
	signal_wait_for(0);
	if (info->signal)
		return info->signal;
	return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(uintptr_t set, uintptr_t info, uintptr_t timeout, size_t size)
{
	uint64_t wanted, deadline = WAIT_FOREVER;
	struct signal_info taken;
	long result;

	if (size != sizeof(wanted))
		return -EINVAL;
	if (copy_from_user(&wanted, set, sizeof(wanted)))
		return -EFAULT;
	wanted &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	if (timeout) {
		result = user_duration_read(timeout, &deadline);
		if (result)
			return result;
		deadline = time_add(clock_monotonic(), deadline);
	}
	result = wait_for_signal(wanted, deadline, &taken);
	if (result > 0 && info && signal_info_to_user(info, &taken))
		return -EFAULT;
	return result;
}

// A call that was interrupted goes on with what it left in task->restart, unless a handler has
// run since: then there is nothing to go on with.
long sys_restart_syscall(void)
{
	struct restart *restart = &current_task()->restart;

	return restart->function ? restart->function(restart) : -EINTR;
}

long sys_rt_sigreturn(void)
{
	return signal_return(task_registers(current_task()));
}

static int set_signal_stack(struct task *task, uintptr_t stack)
{
	stack_t new;

	if (copy_from_user(&new, stack, sizeof(new)))
		return -EFAULT;
	return signal_stack_set(task, (uintptr_t) new.ss_sp, new.ss_size, new.ss_flags);
}

long sys_sigaltstack(uintptr_t stack, uintptr_t old)
{
	struct task *task = current_task();
	stack_t before;
	int error;

	memset(&before, 0, sizeof(before));
	before.ss_sp = (void *)task->signal_stack;
	before.ss_size = task->signal_stack_size;
	before.ss_flags = signal_stack_state(task);
	error = stack ? set_signal_stack(task, stack) : 0;
	if (error)
		return error;
	return old && copy_to_user(old, &before, sizeof(before)) ? -EFAULT : 0;
}
