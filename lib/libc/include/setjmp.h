// SPDX-License-Identifier: MIT
#pragma once

// rbx, rbp, r12 to r15, rsp, rip.
typedef unsigned long jmp_buf[8];

int setjmp(jmp_buf place) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf place, int value);
