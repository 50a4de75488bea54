// SPDX-License-Identifier: MIT
//
// A system call under the eyes of the trace.
#pragma once

#include <stdint.h>

struct registers;

struct traced_call {
	uint64_t number, brk, began;
};

// Around the call, whose arguments are in `r` before and after it.
void trace_call_begin(struct traced_call *call, const struct registers *r);
void trace_call_end(const struct traced_call *call, const struct registers *r, long result);
