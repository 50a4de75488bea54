// SPDX-License-Identifier: MIT
//
// What the kernel's trace consists of: one fixed-size record an event, in the machine's byte
// order. Read from /sys/kernel/debug/faultline/trace; a file of them is just records one after the
// other.
#pragma once

#include <stdint.h>

enum trace_event {
	TRACE_FAULT = 1,   // a: address, b: access | error code << 8, c: enum fault_result,
			   // d: cost of the handler in time-stamp ticks
	TRACE_FAULT_FRAME, // a: address, b: new entry, c: old entry, d: frame number
	TRACE_FRAME_ALLOC, // a: frame number, b: order, c: enum frame_kind
	TRACE_FRAME_FREE,  // a: frame number, b: order, c: enum frame_kind
	TRACE_TABLE_ALLOC, // a: address it maps, b: level (1: lowest), c: frame number
	TRACE_TABLE_FREE,  // the same
	TRACE_VMA,         // a: start, b: end, c: VMA_* flags, d: enum trace_vma_change
	TRACE_BRK,         // a: asked for, b: before, c: after
	TRACE_MMAP,        // a: result, b: length, c: prot, d: flags
	TRACE_MUNMAP,      // a: address, b: length, c: result
	TRACE_MPROTECT,    // a: address, b: length, c: prot, d: result
	TRACE_FORK,        // a: child's task, b: entries shared, c: tables made
	TRACE_EXEC,        // a: entry point, b: stack pointer
	TRACE_EXIT,        // a: wait status
	TRACE_SWITCH,      // a: from task, b: to task
	TRACE_SIGNAL,      // a: signal, b: si_code, c: address
	TRACE_SYSCALL,     // a: number, b, c: first two arguments
	TRACE_SYSCALL_END, // a: number, b: result
	TRACE_SHOOTDOWN,   // a: start, b: end, c: CPUs that are told, bit n for CPU n
	TRACE_MARK,        // a, b: chosen by the program that wrote the mark
	TRACE_EVENT_COUNT,
};

enum trace_vma_change {
	TRACE_VMA_ADDED,
	TRACE_VMA_REMOVED,
	TRACE_VMA_RESIZED,
	TRACE_VMA_PROTECTED,
};

struct trace_record {
	uint64_t time;  // time-stamp counter
	uint16_t event; // enum trace_event
	uint16_t cpu;
	int32_t task;
	uint64_t a, b, c, d;
};
_Static_assert(sizeof(struct trace_record) == 48, "records are read by other programs");
