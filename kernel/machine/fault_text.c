// SPDX-License-Identifier: MIT
//
// Exceptions in words.
#include "kernel/machine/fault_text.h"
#include "kernel/machine/privileged.h"
#include "kernel/machine/trap.h"
#include "kernel/machine/user_copy.h"
#include "lib/format.h"

#define INSTRUCTION_SIZE_MAX 15

// A selector's error code (SDM vol. 3A, 6.13).
#define ERROR_IDT         2 // the index is a vector
#define ERROR_INDEX_SHIFT 3

static const char *const vector_names[VECTOR_IRQ] = {
	[VECTOR_DIVIDE] = "division by zero or overflow",
	[VECTOR_DEBUG] = "debug trap",
	[VECTOR_NMI] = "non-maskable interrupt",
	[VECTOR_BREAKPOINT] = "breakpoint",
	[VECTOR_OVERFLOW] = "overflow trap",
	[VECTOR_BOUND] = "bound range exceeded",
	[VECTOR_INVALID_OPCODE] = "invalid instruction",
	[VECTOR_NO_FPU] = "no floating-point unit",
	[VECTOR_DOUBLE_FAULT] = "double fault",
	[VECTOR_INVALID_TSS] = "invalid task state segment",
	[VECTOR_NO_SEGMENT] = "segment not present",
	[VECTOR_STACK_SEGMENT] = "stack address not canonical, or stack segment fault",
	[VECTOR_PROTECTION] = "general protection",
	[VECTOR_PAGE_FAULT] = "page fault",
	[VECTOR_FPU] = "floating-point exception",
	[VECTOR_ALIGNMENT] = "misaligned access",
	[VECTOR_MACHINE_CHECK] = "machine check: the hardware reports an error",
	[VECTOR_SIMD] = "SIMD floating-point exception",
};

static const char *vector_name(unsigned vector)
{
	if (vector >= VECTOR_IRQ || !vector_names[vector])
		return "reserved exception";
	return vector_names[vector];
}

static const char *access_name(uint64_t error)
{
	if (error & PF_FETCH)
		return "execution of";
	return error & PF_WRITE ? "write to" : "read from";
}

static const char *refusal(uint64_t error, uintptr_t address)
{
	if (error & PF_RESERVED)
		return "reserved bit set in a page-table entry";
	if (!(error & PF_PROTECTION))
		return "page not present";
	if (error & PF_USER)
		return "not allowed to ring 3";
	if (error & PF_FETCH)
		return address < USER_END ? "no-execute, or ring 3's page (SMEP)"
					  : "page is no-execute";
	if (address < USER_END)
		return "ring 3's page, read-only or out of reach (SMAP)";
	return "page is read-only";
}

int exception_describe(char *text, size_t size, const struct registers *registers, unsigned vector,
		       uintptr_t address)
{
	uint64_t error = registers->orig_rax;

	if (vector == VECTOR_PAGE_FAULT)
		return snprintf(text, size, "page fault: %s 0x%lx, %s (error code 0x%lx)",
				access_name(error), address, refusal(error, address), error);
	return snprintf(text, size, "%s (vector %u, error code 0x%lx)", vector_name(vector),
			vector, error);
}

static const char *result_reason(enum fault_result result, uintptr_t address)
{
	if (address >= USER_END)
		return "the kernel's half of the address space";
	switch (result) {
	case FAULT_NO_MAPPING:
		return address < 65536 ? "nothing is mapped there (a null pointer?)"
				       : "nothing is mapped there";
	case FAULT_PROTECTION:
		return "the mapping does not allow it";
	case FAULT_STACK_LIMIT:
		return "the stack is at its limit";
	case FAULT_NO_MEMORY:
		return "out of memory";
	case FAULT_BEYOND_END:
		return "beyond the end of the mapped file";
	case FAULT_IO_ERROR:
		return "the file could not be read";
	default:
		return fault_result_name(result);
	}
}

int page_fault_describe_user(char *text, size_t size, uint64_t error, uintptr_t address,
			     enum fault_result result)
{
	return snprintf(text, size, "%s 0x%lx: %s", access_name(error), address,
			result_reason(result, address));
}

int exception_describe_user(char *text, size_t size, const struct registers *registers,
			    unsigned vector)
{
	uint8_t code[INSTRUCTION_SIZE_MAX];
	size_t readable = sizeof(code);
	const char *name;

	if (vector != VECTOR_PROTECTION)
		return snprintf(text, size, "%s", vector_name(vector));
	if (registers->orig_rax & ERROR_IDT)
		return snprintf(text, size, "int 0x%lx: an interrupt that ring 3 may not call",
				registers->orig_rax >> ERROR_INDEX_SHIFT);
	// The instruction may be the last one before an unmapped page.
	while (readable > 0 && copy_from_user(code, registers->rip, readable))
		readable--;
	name = privileged_name(code, readable);
	if (name)
		return snprintf(text, size, "%s: a privileged instruction", name);
	return snprintf(text, size,
			"general protection: an address that is not canonical, or a "
			"segment (error code 0x%lx)",
			registers->orig_rax);
}
