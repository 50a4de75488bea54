// SPDX-License-Identifier: MIT
//
// The words of the memory subsystem that leave the kernel: how a fault ended, what kind of access
// it was, what kind of owner a frame has. Trace records carry their numbers, and the pseudo files
// their names, so both rings need them.
#pragma once

// Why a fault ended as it did. Everything up to FAULT_LAST_RESOLVED lets the program go on.
enum fault_result {
	FAULT_DEMAND_ZERO,   // first write to anonymous memory: a new frame of zeros
	FAULT_ZERO_FRAME,    // first read of anonymous memory: the shared frame of zeros
	FAULT_ZERO_REPLACED, // write after such a read: a new frame of zeros
	FAULT_COPIED,        // write to a shared frame: a copy (copy-on-write)
	FAULT_REUSED,        // write by a frame's last owner: write permission back
	FAULT_FILE_MAPPED,   // page of a file found in the page cache and mapped
	FAULT_FILE_READ,     // page of a file read into the page cache first (a major fault)
	FAULT_FILE_COPIED,   // write to a private file page: a private copy
	FAULT_STACK_GROWN,   // stack extended, then demand zero
	FAULT_SPURIOUS, // the entry allows it by now: a stale translation, or another CPU's work
	FAULT_LAST_RESOLVED = FAULT_SPURIOUS,

	FAULT_NO_MAPPING,  // no VMA there: SIGSEGV, SEGV_MAPERR
	FAULT_PROTECTION,  // the VMA forbids it: SIGSEGV, SEGV_ACCERR
	FAULT_STACK_LIMIT, // stack at its limit or at its guard gap: SIGSEGV, SEGV_MAPERR
	FAULT_NO_MEMORY,   // out of frames: the process is ended with a message
	FAULT_BEYOND_END,  // beyond the file's last page: SIGBUS, BUS_ADRERR
	FAULT_IO_ERROR,    // the file could not be read: SIGBUS
	FAULT_RESULT_COUNT,
};

enum fault_access {
	ACCESS_READ = 1, // the values of VMA_READ, VMA_WRITE, VMA_EXEC
	ACCESS_WRITE = 2,
	ACCESS_EXECUTE = 4,
};

// Every frame has exactly one kind of owner; the kinds add up to all of RAM (frame_kind_count).
enum frame_kind {
	FRAME_ABSENT = 0,  // no RAM here: not counted
	FRAME_RESERVED,    // RAM that firmware keeps
	FRAME_FREE,        // in the allocator: buddy lists or a CPU's list
	FRAME_IMAGE,       // the kernel's text and data
	FRAME_BOOT,        // used while starting; given back afterwards
	FRAME_MODULE,      // the initrd, as the loader brought it
	FRAME_FRAME_TABLE, // holds struct frames
	FRAME_PAGE_TABLE,  // a page table of any level, in use or kept empty for the next one
	FRAME_SLAB,        // kernel heap
	FRAME_STACK,       // a kernel stack
	FRAME_KERNEL,      // other memory of the kernel: trace buffer, I/O buffers
	FRAME_ZERO,        // the one shared frame of zeros
	FRAME_ANON,        // private memory of processes
	FRAME_FILE,        // page cache: a page of a file
	FRAME_KIND_COUNT,
	FRAME_DEVICE = FRAME_KIND_COUNT, // a device's memory: no RAM, and not counted
};

// "demand-zero", "anonymous": as in the files `counters` and `frames`. "?" for other numbers.
const char *fault_result_name(enum fault_result result);
const char *frame_kind_name(enum frame_kind kind);
