// SPDX-License-Identifier: MIT
//
// Panic reports. Each part may itself fault, in a kernel that is already broken: a second fault
// gets a short report that repeats the first one's cause, a third one just stops the machine.
#include "kernel/machine/report.h"
#include "kernel/driver/log.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/exit.h"
#include "kernel/machine/fault_text.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/symbols.h"
#include "kernel/machine/trap.h"
#include "kernel/process/task.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/kernel_map.h"
#include "mm/page_table.h"

#define DEPTH_NESTED  1 // a fault while reporting
#define DEPTH_GIVE_UP 2

static char first_cause[240];
static uint32_t reporting; // the CPU that reports, plus 1; 0: none. Atomic

static _Noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void report_stop_if_asked(void)
{
	uint32_t who = __atomic_load_n(&reporting, __ATOMIC_ACQUIRE);

	if (who && who != this_cpu()->number + 1)
		halt();
}

// One CPU reports, and the others stop where they are, whatever they hold.
static void stop_others(void)
{
	uint32_t nobody = 0;

	if (!__atomic_compare_exchange_n(&reporting, &nobody, this_cpu()->number + 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		report_stop_if_asked();
	else if (cpu_count > 1)
		apic_send_nmi_to_others();
}

// How many reports this CPU has begun before this one.
static uint32_t report_begin(void)
{
	uint32_t depth = this_cpu()->panic_depth++;

	irq_disable();
	stop_others();
	log_break_lock();
	if (depth >= DEPTH_GIVE_UP)
		machine_exit(MACHINE_EXIT_PANIC);
	return depth;
}

static _Noreturn void report_end(void)
{
	log_line("faultline: stopped");
	machine_exit(MACHINE_EXIT_PANIC);
}

static void log_registers(const struct registers *r)
{
	char name[80];

	log_line("rip %016lx  %s", r->rip, symbol_describe(r->rip, name, sizeof(name)));
	log_line("rsp %016lx  cs %02lx  ss %02lx  rflags %08lx", r->rsp, r->cs, r->ss, r->rflags);
	log_line("rax %016lx  rbx %016lx  rcx %016lx", r->rax, r->rbx, r->rcx);
	log_line("rdx %016lx  rsi %016lx  rdi %016lx", r->rdx, r->rsi, r->rdi);
	log_line("rbp %016lx  r8  %016lx  r9  %016lx", r->rbp, r->r8, r->r9);
	log_line("r10 %016lx  r11 %016lx  r12 %016lx", r->r10, r->r11, r->r12);
	log_line("r13 %016lx  r14 %016lx  r15 %016lx", r->r13, r->r14, r->r15);
	log_line("cr0 %08lx  cr2 %016lx  cr3 %08lx  cr4 %08lx", cr0_read(), cr2_read(), cr3_read(),
		 cr4_read());
}

static void log_task(void)
{
	const struct task *task = cpu_current_task();

	if (task && cpu_count > 1)
		log_line("running: %s (task %d) on CPU %u", task->name, task->tid,
			 this_cpu()->number);
	else if (task)
		log_line("running: %s (task %d)", task->name, task->tid);
	else
		log_line("running: no task yet");
}

static void log_page_walk(uintptr_t address)
{
	struct page_walk walk;
	char line[160];

	if (!kernel_root())
		return; // still on the boot tables
	log_line("page-table walk of 0x%lx:", address);
	page_table_walk(cr3_read() & PTE_ADDRESS, address, &walk);
	for (unsigned depth = 0; depth < walk.levels; depth++) {
		page_walk_describe(&walk, depth, line, sizeof(line));
		log_line("  %s", line);
	}
}

static void log_nested(const struct registers *registers, const char *cause)
{
	char name[80];

	log_line("faultline: another fault while reporting: %s", cause);
	if (registers)
		log_line("  at %s", symbol_describe(registers->rip, name, sizeof(name)));
	log_line("the first one was: %s", first_cause);
	report_end();
}

// An overflow reaches the guard page, cannot push the page fault's frame there either, and
// arrives as a double fault; CR2 still says where.
static void log_stack_overflow(unsigned vector, uintptr_t address)
{
	if (vector == VECTOR_DOUBLE_FAULT)
		address = cr2_read();
	else if (vector != VECTOR_PAGE_FAULT)
		return;
	if (kernel_root() && kernel_stack_guard_hit(address))
		log_line("kernel stack overflow: 0x%lx is in a stack's guard page", address);
}

void kernel_fault(struct registers *registers, unsigned vector, uintptr_t address)
{
	uint32_t depth = report_begin();
	char cause[sizeof(first_cause)];

	exception_describe(cause, sizeof(cause), registers, vector, address);
	if (depth >= DEPTH_NESTED)
		log_nested(registers, cause);
	strlcpy(first_cause, cause, sizeof(first_cause));
	log_line("faultline: kernel fault: %s", cause);
	log_stack_overflow(vector, address);
	log_task();
	log_registers(registers);
	if (vector == VECTOR_PAGE_FAULT || vector == VECTOR_DOUBLE_FAULT)
		log_page_walk(cr2_read());
	backtrace_log(registers->rip, registers->rsp, registers->rbp);
	report_end();
}

void panic(const char *format, ...)
{
	uint32_t depth = report_begin();
	char cause[sizeof(first_cause)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(cause, sizeof(cause), format, arguments);
	va_end(arguments);
	if (depth >= DEPTH_NESTED)
		log_nested(NULL, cause);
	strlcpy(first_cause, cause, sizeof(first_cause));
	log_line("faultline: panic: %s", cause);
	log_task();
	backtrace_log((uintptr_t)__builtin_return_address(0), 0,
		      *(uintptr_t *)__builtin_frame_address(0));
	report_end();
}
