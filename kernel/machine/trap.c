// SPDX-License-Identifier: MIT
//
// Exceptions other than page faults: those of ring 3 become signals, those of ring 0 are either
// expected at that instruction (the exception table) or the end.
#include "kernel/machine/trap.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/fault_text.h"
#include "kernel/machine/interrupt.h"
#include "kernel/machine/report.h"
#include "kernel/process/signal.h"
#include "lib/lock_check.h"
#include <linux/signal.h>

struct exception_entry {
	uint64_t address; // of the instruction that may fault
	uint64_t fixup;   // where to go on
};

extern const struct exception_entry exception_table_start[], exception_table_end[]; // linker.ld

exception_hook *fault_hook;

bool exception_fixup(struct registers *registers)
{
	const struct exception_entry *entry;

	for (entry = exception_table_start; entry < exception_table_end; entry++) {
		if (entry->address == registers->rip) {
			registers->rip = entry->fixup;
			return true;
		}
	}
	return false;
}

// What Linux sends for each exception (its entries in arch/x86/kernel/traps.c).
static const struct {
	uint8_t signal;
	int code;
} exception_signal[VECTOR_IRQ] = {
	[VECTOR_DIVIDE] = {SIGFPE, FPE_INTDIV},
	[VECTOR_DEBUG] = {SIGTRAP, TRAP_TRACE},
	[VECTOR_BREAKPOINT] = {SIGTRAP, SI_KERNEL},
	[VECTOR_INVALID_OPCODE] = {SIGILL, ILL_ILLOPN},
	[VECTOR_NO_SEGMENT] = {SIGBUS, SI_KERNEL},
	[VECTOR_STACK_SEGMENT] = {SIGBUS, SI_KERNEL},
	[VECTOR_FPU] = {SIGFPE, 0},
	[VECTOR_ALIGNMENT] = {SIGBUS, BUS_ADRALN},
	[VECTOR_SIMD] = {SIGFPE, 0},
};

static void user_exception(struct registers *registers, unsigned vector)
{
	char why[160];
	int signal = exception_signal[vector].signal, code = exception_signal[vector].code;
	uintptr_t address = registers->rip;

	if (!signal) {
		signal = SIGSEGV;
		code = SI_KERNEL;
	}
	if (vector == VECTOR_FPU || vector == VECTOR_SIMD)
		code = fpu_exception_code(vector == VECTOR_SIMD);
	if (code == SI_KERNEL)
		address = 0;
	if (fault_signal(registers, signal, code, address))
		return;
	exception_describe_user(why, sizeof(why), registers, vector);
	fault_log(registers, signal, address, why);
}

void trap(struct registers *registers, unsigned vector)
{
	if (vector >= VECTOR_APIC_FIRST) {
		lock_check_interrupt(true);
		apic_interrupt(registers, vector);
		lock_check_interrupt(false);
		return;
	}
	if (vector >= VECTOR_IRQ) {
		lock_check_interrupt(true);
		interrupt(registers, vector - VECTOR_IRQ);
		lock_check_interrupt(false);
		return;
	}
	if (vector == VECTOR_NMI)
		report_stop_if_asked();
	if (vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_NMI ||
	    vector == VECTOR_MACHINE_CHECK)
		kernel_fault(registers, vector, 0);
	if (fault_hook && fault_hook(registers, vector, 0))
		return;
	if (registers_from_user(registers))
		user_exception(registers, vector);
	else if (!exception_fixup(registers))
		kernel_fault(registers, vector, 0);
}
