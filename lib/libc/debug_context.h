// SPDX-License-Identifier: MIT
//
// What a signal handler's third argument points at: the kernel's struct ucontext with the
// registers as a row (asm/ucontext.h, asm/sigcontext.h, whose names clash with a C library's).
#pragma once

#include <stdint.h>

struct debug_context {
	unsigned long flags;
	void *link;
	void *stack;
	int stack_flags;
	unsigned long stack_size;
	uint64_t registers[23];
};

enum {
	CONTEXT_R8 = 0,
	CONTEXT_R10 = 2,
	CONTEXT_RDI = 8,
	CONTEXT_RSI = 9,
	CONTEXT_RBP = 10,
	CONTEXT_RDX = 12,
	CONTEXT_RAX = 13,
	CONTEXT_RCX = 14,
	CONTEXT_RSP = 15,
	CONTEXT_RIP = 16,
	CONTEXT_FLAGS = 17,
	CONTEXT_ERROR = 19, // of a page fault: bit 0 present, 1 write, 4 instruction
	CONTEXT_TRAP = 20,  // 13 general protection, 14 page fault
	CONTEXT_CR2 = 22,
};
