// SPDX-License-Identifier: MIT
//
// Boot option strace: each system call as one line of the log, in strace(1)'s notation.
#pragma once

#include <stdint.h>

struct registers;

// A call in progress. The arguments that the program gives are turned into text before it runs
// (execve replaces the memory they are in), those that the kernel fills in afterwards.
struct strace_call {
	unsigned number;
	unsigned shown;       // arguments that are in the text already
	unsigned flags_shown; // of them, sets of flags
	uint64_t arguments[6];
	long result;
	int length; // of the text
	char text[300];
};

void strace_begin(struct strace_call *call, const struct registers *registers);
void strace_end(struct strace_call *call, long result);
