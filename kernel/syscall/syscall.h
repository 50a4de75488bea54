// SPDX-License-Identifier: MIT
//
// System calls: dispatch by number. The calls themselves are in kernel/syscall/sys_*.c, one file
// for each topic; their prototypes in calls.h; which number is which in table.c.
//
// A call is a C function of up to six arguments of any integer or pointer type: the ABI passes
// them in registers and a function looks only at the width it declares. It returns the result or
// a negative errno.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct registers;

#define SYSCALL_LIMIT 512 // numbers are below this

typedef long (*syscall_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern const syscall_function syscall_table[SYSCALL_LIMIT];

// From the entry, interrupts on: the number in orig_rax, the result goes into rax.
void syscall_dispatch(struct registers *registers);

// After the boot options: strace wants to see each call.
void syscall_watch_start(void);

// Times a number without a call has been asked for, since boot.
uint64_t syscall_missing_count(unsigned number);
