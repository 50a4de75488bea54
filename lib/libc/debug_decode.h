// SPDX-License-Identifier: MIT
//
// Which memory an instruction is about to touch: as much of x86-64 as compilers use. Instructions
// that it does not know touch nothing, as far as it says: a watcher misses something then, but
// never sees what is not there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct debug_access {
	uintptr_t address;
	unsigned int size; // bytes
	bool reads, writes;
	bool partial; // only some of the bytes, and which is not known: a mask says it
	bool vector;  // to or from a vector register
	bool passes;  // what it reads only goes elsewhere, or stays where it is but for some bits
};

enum debug_kind {
	KIND_OTHER,
	KIND_CALL,       // pushes a return address
	KIND_PUSH,       // pushes anything else
	KIND_PUSH_FRAME, // push rbp
	KIND_SUBTRACT,   // makes room on the stack: rsp - something
	KIND_SYSTEM_CALL,
	KIND_CANARY, // gets the stack protector's number, to store it
};

// `registers`: as in struct debug_context, before the instruction at CONTEXT_RIP. Fills in at most
// two accesses, but not what push, pop, call and ret do to the stack; *count of them.
enum debug_kind debug_decode(const uint64_t *registers, struct debug_access accesses[2],
			     unsigned int *count);

#pragma GCC visibility pop
