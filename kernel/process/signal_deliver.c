// SPDX-License-Identifier: MIT
//
// On the way back to ring 3: giving way to other tasks, carrying out signals, ending.
//
// One signal after the other is taken off its queue. Default actions happen here; a handler gets a
// frame on ring 3's stack (signal_frame.c), several signals several frames. A system call that was
// interrupted starts again or returns -EINTR, whichever the first handler asks for.
#include "kernel/driver/log.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/park.h"
#include "kernel/machine/trap.h"
#include "kernel/process/core.h"
#include "kernel/process/rseq.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal_action.h"
#include "kernel/process/signal_name.h"
#include "lib/mutant.h"
#include "mm/trace.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/unistd_64.h>
#include <linux/errno.h>

void signal_mask_set(uint64_t mask)
{
	struct task *task = current_task();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	mask &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	if (task_has_signal(task))
		signals_retarget(task, mask & ~task->blocked);
	task->blocked = mask;
	task_look_at_signals(task);
	if (task_has_signal(task))
		cpu_set_work(WORK_SIGNAL);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_mask_set_temporarily(uint64_t mask)
{
	struct task *task = current_task();

	task->saved_blocked = task->blocked;
	task->restore_blocked = true;
	signal_mask_set(mask);
	// Even when no signal comes the old mask has to be put back on the way out.
	cpu_set_work(WORK_SIGNAL);
}

// Under the lock: whoever sends one of them either sees it, or was seen by who waits.
void signal_wait_for(uint64_t wanted)
{
	struct task *task = current_task();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (task_has_signal(task))
		signals_retarget(task, task->blocked & task->waited & ~wanted);
	task->waited = wanted;
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_mask_restore(void)
{
	struct task *task = current_task();

	if (!task->restore_blocked || MUTANT(suspend_mask_stays))
		return;
	task->restore_blocked = false;
	signal_mask_set(task->saved_blocked);
}

bool signal_take(uint64_t wanted, struct signal_info *info)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool found = signal_dequeue(current_task(), wanted, info);

	task_look_at_signals(current_task());
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

static void stop_here(struct task *task)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool stop =
		task->process->stopped && task->process->state == PROCESS_ALIVE && !task->ending;

	if (stop) {
		task->state = TASK_STOPPED;
		process_check_stop(task->process);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (stop)
		schedule();
}

// Linux has the instruction that made the call run again with the call's number in rax.
static void restart_call(struct registers *registers)
{
	if (registers->rax == (uint64_t)-ERESTART_RESTARTBLOCK)
		registers->rax = __NR_restart_syscall;
	else
		registers->rax = registers->orig_rax;
	registers->rip -= 2; // SYSCALL is two bytes
}

static void end_interrupted_call(struct registers *registers, const struct signal_action *action)
{
	struct task *task = current_task();

	if (!task->call_restarts)
		return;
	task->call_restarts = false;
	if (registers->rax == (uint64_t)-ERESTARTNOINTR ||
	    (registers->rax == (uint64_t)-ERESTARTSYS && action->flags & SA_RESTART &&
	     !MUTANT(restart_ignored)))
		restart_call(registers);
	else
		registers->rax = (uint64_t)-EINTR;
}

// A fault that is blocked or ignored can not wait: the instruction would just fault again.
static bool force(struct task *task, const struct signal_info *info)
{
	uint64_t bit = signal_bit(info->signal);
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool caught = task->process->signals.caught & bit && !(task->blocked & bit) &&
		      info->signal != SIGKILL;
	bool core;

	trace6(TRACE_SIGNAL, (uint64_t)info->signal, (uint64_t)info->code, info->address,
	       (uint64_t)task->tid, (uint64_t)task->process->pid, 0);
	core = !caught && core_wanted(task->process, info->signal);
	if (core) {
		// The default action, on the way back to ring 3, may sleep.
		signal_action_reset(task->process, info->signal);
		task->blocked &= ~bit;
	}
	if (caught || core)
		signal_queue_own(task, info);
	else
		process_begin_exit(task->process, info->signal);
	if (!caught)
		task->process->unkillable = false;
	spin_unlock_irqrestore(&process_lock, flags);
	return caught;
}

// The running process ends by this signal.
static void end_by_signal(const struct registers *registers, int signal)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool core = core_wanted(process, signal);

	spin_unlock_irqrestore(&process_lock, flags);
	if (core && core_dump(registers, signal))
		signal |= 0x80;
	flags = spin_lock_irqsave(&process_lock);
	process_begin_exit(process, signal);
	spin_unlock_irqrestore(&process_lock, flags);
}

// The handler of SIGSEGV may have a stack of its own, and is told.
static void no_room(const struct registers *registers, struct task *task, int signal)
{
	struct signal_info info = {.signal = SIGSEGV, .code = SI_KERNEL};

	if (signal != SIGSEGV && force(task, &info))
		return;
	log_line("%s[%d]: no room on the stack for the handler of %s", task->name, task->tid,
		 signal_name(signal));
	end_by_signal(registers, SIGSEGV);
}

static void run_handler(struct registers *registers, const struct signal_info *info,
			const struct signal_action *action)
{
	struct task *task = current_task();
	uint64_t mask = task->restore_blocked ? task->saved_blocked : task->blocked;
	uint64_t block = task->blocked | (MUTANT(action_mask_ignored) ? 0 : action->mask);

	end_interrupted_call(registers, action);
	task->restore_blocked = false;
	if (!signal_frame_push(registers, info, action, mask)) {
		no_room(registers, task, info->signal);
		return;
	}
	if (!(action->flags & SA_NODEFER) || MUTANT(nodefer_ignored))
		block |= signal_bit(info->signal);
	signal_mask_set(block);
}

static void stop_by_default(int signal)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (signal == SIGSTOP || !group_is_orphaned(process->group))
		process_stop(process, signal);
	spin_unlock_irqrestore(&process_lock, flags);
}

static void act_by_default(const struct registers *registers, const struct signal_info *info)
{
	// It was blocked when it came, or it would not be here.
	if (current_process()->unkillable)
		return;
	switch (signal_default(info->signal)) {
	case DEFAULT_TERMINATE:
		end_by_signal(registers, info->signal);
		break;
	case DEFAULT_STOP:
		stop_by_default(info->signal);
		break;
	case DEFAULT_IGNORE:
	case DEFAULT_CONTINUE:
		break;
	}
}

// Takes the next signal, and its action as it is at that moment.
static bool next_signal(struct task *task, struct signal_info *info, struct signal_action *action)
{
	struct process *process = task->process;
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool found = process->state == PROCESS_ALIVE && !process->stopped &&
		     signal_dequeue(task, ~task->blocked, info);

	if (found) {
		*action = signal_action_get(process, info->signal);
		if (action->flags & SA_ONESHOT && !MUTANT(handler_never_reset) &&
		    process->signals.caught & signal_bit(info->signal))
			signal_action_reset(process, info->signal);
	}
	task_look_at_signals(task);
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

static void handle_one(struct registers *registers, const struct signal_info *info,
		       const struct signal_action *action)
{
	if (action->handler == (uintptr_t)SIG_DFL)
		act_by_default(registers, info);
	else if (action->handler != (uintptr_t)SIG_IGN)
		run_handler(registers, info, action);
}

static void handle_signals(struct registers *registers)
{
	struct task *task = current_task();
	struct signal_info info;
	struct signal_action action;

	cpu_clear_work(WORK_SIGNAL);
	while (task_has_signal(task)) {
		if (signal_fatal_pending())
			task_exit(0); // the process has its status already
		if (task->process->stopped)
			stop_here(task);
		else if (next_signal(task, &info, &action))
			handle_one(registers, &info, &action);
	}
	if (task->call_restarts)
		restart_call(registers);
	task->call_restarts = false;
	signal_mask_restore();
}

void return_work(struct registers *registers)
{
	const uint32_t kinds = WORK_RESCHED | WORK_SIGNAL | WORK_PARK | WORK_MIGRATED;
	uint32_t work;

	while ((work = this_cpu()->work & kinds)) {
		cpu_clear_work(WORK_PARK | WORK_MIGRATED);
		park_point();
		irq_enable();
		if (work & WORK_RESCHED)
			schedule();
		// After the switch, which may have ended on another CPU.
		if (current_task()->rseq)
			rseq_interrupted(registers);
		if (work & WORK_SIGNAL)
			handle_signals(registers);
		irq_disable();
	}
}

static enum vector vector_of(int signal, int code)
{
	switch (signal) {
	case SIGBUS:
		return code == BUS_ADRALN ? VECTOR_ALIGNMENT : VECTOR_PAGE_FAULT;
	case SIGILL:
		return VECTOR_INVALID_OPCODE;
	case SIGTRAP:
		return code == SI_KERNEL ? VECTOR_BREAKPOINT : VECTOR_DEBUG;
	case SIGFPE:
		return code == FPE_INTDIV ? VECTOR_DIVIDE : VECTOR_SIMD;
	default:
		return code == SI_KERNEL ? VECTOR_PROTECTION : VECTOR_PAGE_FAULT;
	}
}

static void remember_trap(struct task *task, const struct registers *registers,
			  const struct signal_info *info)
{
	task->trap_number = vector_of(info->signal, info->code);
	task->trap_error = (uint32_t)registers->orig_rax;
	if (task->trap_number != VECTOR_PAGE_FAULT)
		return;
	task->fault_address = info->address;
	// As Linux: what is mapped in the kernel's half is not ring 3's to know.
	if (info->address >= USER_END)
		task->trap_error |= PF_PROTECTION;
}

bool fault_signal(struct registers *registers, int signal, int code, uintptr_t address)
{
	struct task *task = current_task();
	struct signal_info info = {.signal = signal, .code = code, .address = address};

	remember_trap(task, registers, &info);
	return force(task, &info);
}

void fault_log(const struct registers *registers, int signal, uintptr_t address, const char *why)
{
	const struct task *task = current_task();

	log_line("%s[%d]: %s at address %lx, instruction %lx: %s", task->name, task->tid,
		 signal_name(signal), address, registers->rip, why);
}
