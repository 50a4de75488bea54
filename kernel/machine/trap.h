// SPDX-License-Identifier: MIT
//
// Exceptions and interrupts, after entry.asm has saved the registers.
#pragma once

#include "kernel/machine/registers.h"
#include <stdbool.h>
#include <stdint.h>

// Vectors (SDM vol. 3A, 6.3.1). The old interrupt controllers' lines follow the exceptions.
enum vector {
	VECTOR_DIVIDE = 0,
	VECTOR_DEBUG = 1,
	VECTOR_NMI = 2,
	VECTOR_BREAKPOINT = 3,
	VECTOR_OVERFLOW = 4,
	VECTOR_BOUND = 5,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_NO_FPU = 7,
	VECTOR_DOUBLE_FAULT = 8,
	VECTOR_INVALID_TSS = 10,
	VECTOR_NO_SEGMENT = 11,
	VECTOR_STACK_SEGMENT = 12,
	VECTOR_PROTECTION = 13,
	VECTOR_PAGE_FAULT = 14,
	VECTOR_FPU = 16,
	VECTOR_ALIGNMENT = 17,
	VECTOR_MACHINE_CHECK = 18,
	VECTOR_SIMD = 19,
	VECTOR_IRQ = 32,
	VECTOR_COUNT = 256,
};

// Bits of a page fault's error code (SDM vol. 3A, 4.7).
#define PF_PROTECTION 1 // the page was present
#define PF_WRITE      2
#define PF_USER       4  // in ring 3
#define PF_RESERVED   8  // a reserved bit was set in an entry
#define PF_FETCH      16 // instruction fetch

// The IDT, every vector. The very first thing in 64-bit mode: faults are reported from here on.
void trap_init(void);
// On a secondary CPU, whose descriptors are loaded.
void trap_load(void);

// From entry.asm: every vector but the page fault.
void trap(struct registers *registers, unsigned vector);

// From entry.asm, for page faults; `address` is CR2. Of ring 3: an enum fault_result, and when
// that is a bad one the second, to deal with it; rbx, rbp and r12-r15 are only there for the
// second.
unsigned page_fault_user(struct registers *registers, uintptr_t address);
void page_fault_failed(struct registers *registers, uintptr_t address, unsigned result);
void page_fault_ring0(struct registers *registers, uintptr_t address);

// Continues at the fix-up of the instruction at registers->rip if the exception table has one.
bool exception_fixup(struct registers *registers);
