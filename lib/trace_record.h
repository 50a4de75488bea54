// SPDX-License-Identifier: MIT
//
// What the kernel's trace consists of: one fixed-size record an event, in the machine's byte
// order. Read from /sys/kernel/debug/faultline/trace, or on the host from a file that `tools/run
// --trace` wrote; either is just records one after the other. docs/tracing.md describes them for
// readers; tools/trace and tools/gdb read the names and numbers out of this file.
//
// Records of one CPU come in the order of their time, but for those that a program wrote itself
// (HEAP, STACK and MARK with a time of its own): whoever wants one line of time sorts, stably.
#pragma once

#include <stdint.h>

// Changes when a reader of older records would be wrong about newer ones.
#define TRACE_VERSION 2

enum trace_event {
	// A fault is everything of one task from BEGIN to FAULT. BEGIN is what the address space
	// says before anything is done: no VMA has a start and an end of 0.
	TRACE_FAULT_BEGIN = 1, // a: address, b: VMA's start, c: its end, d: VMA_* flags,
			       // e: enum trace_vma_kind, f: page in its object
	TRACE_FAULT_FRAME, // a: address of the page, b: new entry, c: old entry, d: frame number
	TRACE_FAULT,       // a: address, b: access | error code << 8 | TRACE_FAULT_*,
			   // c: enum fault_result, d: cost of the handler in ticks of the
			   // time-stamp counter, e: ring 3's instruction, f: frames taken less
			   // frames given back, as int32_t | pages resident afterwards << 32
	TRACE_FRAME_ALLOC, // a: frame number, b: order, c: enum frame_kind
	TRACE_FRAME_FREE,  // the same
	TRACE_TABLE_ALLOC, // a: first address it maps, b: level (1: lowest), c: frame number
	TRACE_TABLE_FREE,  // the same
	TRACE_VMA,         // a: start, b: end, c: VMA_* flags, d: enum trace_vma_change,
			   // e: enum trace_vma_kind, f: page in its object
	// These say in f what the process has afterwards: pages resident | pages mapped << 32.
	TRACE_BRK,         // a: asked for, b: before, c: after
	TRACE_MMAP,        // a: result, b: length, c: prot, d: flags, e: page in the file
	TRACE_MUNMAP,      // a: address, b: length, c: result
	TRACE_MPROTECT,    // a: address, b: length, c: prot, d: result
	TRACE_MREMAP,      // a: address, b: old length, c: new length, d: result, e: flags
	TRACE_MADVISE,     // a: address, b: length, c: advice, d: result
	TRACE_FORK,        // an address space was copied. b: entries shared, c: tables made
	TRACE_TASK,        // a: new task, b: its process, c: CLONE_* flags, d: its parent process
	TRACE_EXEC,        // a: entry point, b: stack pointer, c: heap's start, d: stack's top
	TRACE_EXIT,        // a task ended. a: wait status, b: its process, c: 1: the last one
	TRACE_SWITCH,      // a: from task, b: to task, c: enum task_state of the first
	TRACE_SIGNAL,      // a: signal, b: si_code, c: address, d: to task (0: any of process),
			   // e: to process
	TRACE_SYSCALL,     // a: number, b to f: first five arguments
	TRACE_SYSCALL_END, // a: number, b: result, c: cost in ticks
	TRACE_SHOOTDOWN,   // all have answered. a: start, b: end, c: CPUs that were told (bit n:
			   // CPU n), d: ticks from the request to the last answer
	TRACE_SHOOTDOWN_ANSWER, // a: start, b: end, c: CPU that had asked, d: cost in ticks
	TRACE_MARK,             // a to f: chosen by the program that wrote the mark
	TRACE_HEAP,  // an allocator's operation in ring 3. a: enum trace_heap_operation,
		     // b: address, c: bytes asked for, d: realloc: old address,
		     // e: bytes of the block, f: the allocator's own
	TRACE_STACK, // return addresses, innermost first, of the FAULT or HEAP of this
		     // task before it: a to f; 0 ends them. More follow in further STACKs.
		     // With TRACE_STACK_TOP it is the word at a fault's stack pointer:
		     // a return address where the function has made no frame
	TRACE_NAME,  // a: enum trace_name | offset << 16 | length << 32, b: of what,
		     // c to f: TRACE_NAME_BYTES of it from that offset on, padded with 0
	TRACE_LOST,  // a: records of this CPU that were lost before this one
	TRACE_START, // a: TRACE_VERSION, b: events chosen (bit n: event n), c: ticks a
		     // second, 0: not known, d: frames of RAM, e: free frames, f: CPUs
	TRACE_EVENT_COUNT,
};

#define TRACE_STACK_TOP     (1ul << 63)
#define TRACE_FAULT_IN_COPY (1ul << 32) // by the kernel's copy to or from ring 3's memory

enum trace_vma_change {
	TRACE_VMA_ADDED,
	TRACE_VMA_REMOVED,
	TRACE_VMA_RESIZED,
	TRACE_VMA_PROTECTED,
};

enum trace_vma_kind {
	TRACE_VMA_ANON,
	TRACE_VMA_HEAP,  // between the heap's start and the program break
	TRACE_VMA_STACK, // grows down
	TRACE_VMA_FILE_PRIVATE,
	TRACE_VMA_FILE_SHARED, // also shared anonymous memory, which is a file without a name
};

enum trace_heap_operation {
	TRACE_HEAP_MALLOC = 1,
	TRACE_HEAP_CALLOC,
	TRACE_HEAP_REALLOC, // d: old address; the old block is gone
	TRACE_HEAP_ALIGNED,
	TRACE_HEAP_FREE,   // b: address, e: bytes of the block if they are known
	TRACE_HEAP_SEARCH, // of the free lists. b: what was found or 0, c: bytes looked for
	TRACE_HEAP_GROW,   // memory asked of the kernel. b: where, c: bytes
	TRACE_HEAP_SHRINK, // memory given back to the kernel. b: where, c: bytes
};

enum trace_name {
	TRACE_NAME_TASK = 1, // comm. b: task
	TRACE_NAME_PROGRAM,  // path of what a process executes. b: process
	TRACE_NAME_MAPPING,  // path of a file that was mapped. b: address it was mapped at
	TRACE_NAME_MARK,     // text written to trace_mark
	TRACE_NAME_KERNEL,   // written by tools/run: the kernel's file on the host
	TRACE_NAME_HOST,     // the same: a file of the guest, a NUL, and its file on the host; no
			     // file of the guest: the archive that has all the others
	TRACE_NAME_UNIT,     // the same: what the time counts, "instructions" or "ticks"
};

#define TRACE_NAME_BYTES 32

struct trace_record {
	uint64_t time;  // time-stamp counter
	uint16_t event; // enum trace_event
	uint16_t cpu;
	int32_t task; // 0: none
	uint64_t a, b, c, d, e, f;
};
_Static_assert(sizeof(struct trace_record) == 64, "records are read by other programs");
