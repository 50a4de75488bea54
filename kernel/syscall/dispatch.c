// SPDX-License-Identifier: MIT
//
// From the entry to the call. The straight path is kept to the fewest instructions: every system
// call pays for it.
#include "kernel/driver/log.h"
#include "kernel/options.h"
#include "kernel/process/task.h"
#include "kernel/syscall/strace.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/trace_call.h"
#include "lib/lock_check.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include <linux/errno.h>

static uint64_t missing[SYSCALL_LIMIT]; // times asked for; atomic

void syscall_watch_start(void)
{
	trace_watch_syscalls(options.strace);
}

uint64_t syscall_missing_count(unsigned number)
{
	return number < SYSCALL_LIMIT ? __atomic_load_n(&missing[number], __ATOMIC_RELAXED) : 0;
}

static long call_missing(uint32_t number)
{
	if (number < SYSCALL_LIMIT)
		__atomic_add_fetch(&missing[number], 1, __ATOMIC_RELAXED);
	return -ENOSYS;
}

static inline __attribute__((always_inline)) long call(const struct registers *r)
{
	uint32_t number = (uint32_t)r->orig_rax; // Linux looks at 32 bits only

	if (number >= SYSCALL_LIMIT || !syscall_table[number])
		return call_missing(number);
	return syscall_table[number](r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9);
}

// The signal may be gone by then, or another thread's: what is told of the call is put right all
// the same. What rt_sigreturn returns is the program's own; it leaves no number.
static __attribute__((cold, noinline)) void interrupted(const struct registers *registers)
{
	if (registers->orig_rax == ~0ul)
		return;
	current_task()->call_restarts = true;
	cpu_set_work(WORK_SIGNAL);
}

static inline void finish(struct registers *registers, long result)
{
	registers->rax = (uint64_t)result;
	// Linux's range of results that never reach ring 3: the call starts again or is told to
	// have been interrupted, once the signal is dealt with.
	if (__builtin_expect(result <= -512 && result >= -516, 0))
		interrupted(registers);
}

static __attribute__((noinline)) void dispatch_watched(struct registers *registers)
{
	struct strace_call strace;
	struct traced_call traced;
	long result;

	if (current_task()->mm->quiet) {
		finish(registers, call(registers));
		lock_check_leaves_kernel();
		return;
	}
	trace_call_begin(&traced, registers);
	if (options.strace)
		strace_begin(&strace, registers);
	result = call(registers);
	if (options.strace)
		strace_end(&strace, result);
	trace_call_end(&traced, registers, result);
	finish(registers, result);
	lock_check_leaves_kernel();
}

void syscall_dispatch(struct registers *registers)
{
	if (trace_wants(TRACE_SYSCALL)) {
		dispatch_watched(registers);
		return;
	}
	finish(registers, call(registers));
	lock_check_leaves_kernel();
}
