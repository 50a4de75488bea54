// SPDX-License-Identifier: MIT
//
// The page fault, between entry.asm and mm_fault(): whose it is, and what a bad end means. It runs
// with interrupts off from beginning to end, and the way that resolves is kept short: it is what
// every page a program touches costs.
#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/fault_text.h"
#include "kernel/machine/fault_watch.h"
#include "kernel/machine/report.h"
#include "kernel/machine/translation_check.h"
#include "kernel/machine/trap.h"
#include "kernel/options.h"
#include "kernel/process/oom.h"
#include "kernel/process/process.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/audit.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include <linux/signal.h>

_Static_assert(FAULT_LAST_RESOLVED == 9, "entry.asm compares with it (offsets.inc)");

#define COPY_TRIES 1000 // while somebody else makes room

// By the error code's bits without the lowest. A reserved bit gives no access at all, so that it
// is refused and comes to page_fault_failed().
static const uint8_t access_of_error[16] = {
	[0] = ACCESS_READ,
	[PF_USER >> 1] = ACCESS_READ,
	[PF_WRITE >> 1] = ACCESS_WRITE,
	[(PF_WRITE | PF_USER) >> 1] = ACCESS_WRITE,
	[PF_FETCH >> 1] = ACCESS_EXECUTE,
	[(PF_FETCH | PF_USER) >> 1] = ACCESS_EXECUTE,
};

static inline enum fault_access access_of(uint64_t error)
{
	return access_of_error[error >> 1 & 15];
}

// Boot option audit=N. A program's fault is a good moment: nobody is in the midst of anything. A
// kernel whose books are wrong stops before it makes them worse.
static void audit_now_and_then(void)
{
	static uint32_t faults;
	struct audit_report report;

	if (__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED) % options.audit == 0 &&
	    !mm_audit(&report))
		panic("audit at fault %u: %lu of %lu facts wrong, first: %s", faults, report.wrong,
		      report.checked, report.first);
}

uint32_t fault_watch;
struct fault_break fault_breaks[FAULT_BREAKS];

static bool is_awaited(const struct task *task, uintptr_t address)
{
	for (unsigned i = 0; i < FAULT_BREAKS; i++) {
		const struct fault_break *wanted = &fault_breaks[i];

		if (address >= wanted->start && address < wanted->end &&
		    (!wanted->pid || wanted->pid == task->process->pid) &&
		    (!wanted->name[0] || !strcmp(wanted->name, task->name)))
			return true;
	}
	return false;
}

static inline enum fault_result resolve(struct mm *mm, uintptr_t address, enum fault_access access)
{
	enum fault_result result = mm_fault(mm, address, access);

	translation_used(mm, address, result);
	return result;
}

// Here a debugger has its breakpoint for the faults it waits for. A step leads into mm_fault.
static __attribute__((noinline)) enum fault_result fault_awaited(struct mm *mm, uintptr_t address,
								 enum fault_access access)
{
	__asm__ volatile("");
	return mm_fault(mm, address, access);
}

// Apart, so that the usual way needs no stack frame.
static __attribute__((noinline)) enum fault_result
resolve_watched(struct task *task, uintptr_t address, enum fault_access access)
{
	if ((fault_watch & FAULT_WATCH_DEBUGGER) && is_awaited(task, address))
		return fault_awaited(task->mm, address, access);
	return resolve(task->mm, address, access);
}

static __attribute__((noinline)) unsigned page_fault_watched(struct registers *registers,
							     uintptr_t address)
{
	if (fault_watch & FAULT_WATCH_AUDIT)
		audit_now_and_then();
	return resolve_watched(cpu_current_task(), address, access_of(registers->orig_rax));
}

unsigned page_fault_user(struct registers *registers, uintptr_t address)
{
	if (__builtin_expect(fault_watch, 0))
		return page_fault_watched(registers, address);
	return resolve(cpu_current_task()->mm, address, access_of(registers->orig_rax));
}

void page_fault_failed(struct registers *registers, uintptr_t address, unsigned result)
{
	char why[160];
	int signal = SIGSEGV, code = SEGV_MAPERR;

	// A reserved bit in an entry is the kernel's doing, whoever stumbled over it.
	if (registers->orig_rax & PF_RESERVED)
		kernel_fault(registers, VECTOR_PAGE_FAULT, address);
	switch (result) {
	case FAULT_PROTECTION:
		code = MUTANT(fault_code_wrong) ? SEGV_MAPERR : SEGV_ACCERR;
		break;
	case FAULT_NO_MEMORY:
		if (oom_make_room())
			return; // to the same instruction
		signal = SIGKILL;
		code = SI_KERNEL;
		break;
	case FAULT_BEYOND_END:
	case FAULT_IO_ERROR:
		signal = SIGBUS;
		code = BUS_ADRERR;
		break;
	default:
		break;
	}
	if (fault_signal(registers, signal, code, address))
		return;
	page_fault_describe_user(why, sizeof(why), registers->orig_rax, address, result);
	fault_log(registers, signal, address, why);
}

// The task may hold something that a victim waits for: it does not wait for ever.
static bool resolve_for_copy(struct task *task, uintptr_t address, enum fault_access access)
{
	for (unsigned tries = 0;; tries++) {
		enum fault_result result = resolve_watched(task, address, access);

		if (result <= FAULT_LAST_RESOLVED)
			return true;
		if (result != FAULT_NO_MEMORY || tries == COPY_TRIES || !oom_make_room())
			return false;
	}
}

// A fault of ring 0. A user copy's page is made present as if the program had touched it itself;
// when that fails the copy ends at its fix-up. The kernel's side of such a copy gets no mercy.
void page_fault_ring0(struct registers *registers, uintptr_t address)
{
	struct task *task = cpu_current_task();
	struct registers fixed = *registers;

	if (fault_hook && fault_hook(registers, VECTOR_PAGE_FAULT, address))
		return;
	if (address >= USER_END || (registers->orig_rax & PF_RESERVED) || !exception_fixup(&fixed))
		kernel_fault(registers, VECTOR_PAGE_FAULT, address);
	if (task && task->mm && !task->present_only &&
	    resolve_for_copy(task, address, access_of(registers->orig_rax)))
		return;
	registers->rip = fixed.rip;
}
