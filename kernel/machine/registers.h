// SPDX-License-Identifier: MIT
//
// The registers of whoever was interrupted, as every entry into the kernel leaves them on its
// stack. The order is that of Linux's struct pt_regs, so that signal frames and gdb scripts can
// copy it. kernel/machine/entry.asm knows the offsets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct registers {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; // system call: its number; exception: its error code
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct registers) == 21 * 8, "entry.asm pushes 21 words");

// Selectors. The order is what SYSCALL and SYSRET demand of STAR (SDM vol. 2B, SYSRET); ring 3's
// are Linux's, because programs see them in signal frames. Where SYSRET would take 32-bit code
// from, and before it, is nothing.
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_SYSRET      0x23
#define SELECTOR_USER_DATA   0x2b
#define SELECTOR_USER_CODE   0x33
#define SELECTOR_TSS         0x38

static inline bool registers_from_user(const struct registers *registers)
{
	return registers->cs & 3;
}
