// SPDX-License-Identifier: MIT
//
// The trace: fixed-size records in a ring of each CPU, off by default. The record's format is
// shared with ring 3 and lives in lib/trace_record.h.
//
// An event that nobody wants costs one instruction, a NOP: each site that may write a record is on
// a list (section trace_sites), and choosing events turns those NOPs into jumps and back, while
// all other CPUs stand still.
//
// Whoever wants records: the file /sys/kernel/debug/faultline/trace (trace_start), and the channel
// to the host (trace_stream). Both get what either has chosen; trace_read() gives the file what it
// has asked for only.
#pragma once

#include "lib/trace_events.h"
#include "lib/trace_record.h"
#include <stdbool.h>
#include <stddef.h>

struct frame;
struct mm;
struct vma;

// Whether records of `event`, a constant, are wanted. Where nobody wants them: one NOP.
static inline __attribute__((always_inline)) bool trace_wants(enum trace_event event)
{
#ifdef NO_TRACE_SITES
	return false;
#endif
	__asm__ inline goto("1:\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\t"
			    ".pushsection trace_sites, \"a\", @progbits\n\t"
			    ".balign 4\n\t"
			    ".long 1b - ., %l[wanted] - ., %c0\n\t"
			    ".popsection"
			    :
			    : "i"(event)
			    :
			    : wanted);
	return false;
wanted:
	return true;
}

// What is called where records are wanted keeps all registers itself, so that the code around a
// site is the same as without it. (With SSE, in the tests on the host, compilers refuse.)
#ifdef __SSE__
#define TRACE_CALLED_RARELY __attribute__((cold))
#else
#define TRACE_CALLED_RARELY __attribute__((cold, no_caller_saved_registers))
#endif

// Macros, so that the arguments are computed only for those who want them.
#define trace(event, a, b, c, d)                        \
	do {                                            \
		if (trace_wants(event))                 \
			trace_write(event, a, b, c, d); \
	} while (0)
#define trace6(event, a, b, c, d, e, f)                        \
	do {                                                   \
		if (trace_wants(event))                        \
			trace_write6(event, a, b, c, d, e, f); \
	} while (0)

// VMAs, frames and page tables change in code that is short and often run, where even a branch
// never taken costs: the compiler moves registers to prepare for it. At these sites it sees an
// instruction that reads `subject` and changes nothing. Behind the NOP's jump, out of line, the
// address of `subject` and the constant `change` go to trace_site_called, which keeps all
// registers around trace_site. Not for a `subject` in the function's own frame, whose address may
// be relative to the stack pointer.
// Not in the tests on the host, where the words below the stack pointer are in use.
#if defined(__SSE__) || defined(NO_TRACE_SITES)
#define TRACE_SITE(event, subject, change)                       \
	do {                                                     \
		if (trace_wants(event))                          \
			trace_site(event, &(subject), (change)); \
	} while (0)
#else
#define TRACE_SITE(event_, subject_, change_)                                                   \
	do {                                                                                    \
		__asm__ inline volatile(                                                        \
			"1:\t.byte 0x0f, 0x1f, 0x44, 0, 0\n"                                    \
			".subsection 1\n"                                                       \
			"2:\tpush %[change]\n\t"                                                \
			"push %%rdi\n\t"                                                        \
			"lea %[subject], %%rdi\n\t"                                             \
			"push %[event]\n\t"                                                     \
			"call trace_site_called\n\t"                                            \
			"pop %%rdi\n\t"                                                         \
			"pop %%rdi\n\t"                                                         \
			"lea 8(%%rsp), %%rsp\n\t"                                               \
			"jmp 3f\n"                                                              \
			".previous\n"                                                           \
			"3:\n\t"                                                                \
			".pushsection trace_sites, \"a\"\n\t"                                   \
			".balign 4\n\t"                                                         \
			".long 1b - ., 2b - ., %c[event]\n\t"                                   \
			".popsection"                                                           \
			:                                                                       \
			: [subject] "m"(subject_), [change] "i"(change_), [event] "i"(event_)); \
	} while (0)
#endif
#define trace_vma(vma, change) TRACE_SITE(TRACE_VMA, *(vma), change)
// FRAME_ALLOC or FRAME_FREE when the frame has its order and kind, TABLE_ALLOC or TABLE_FREE when
// the table is not in the tree, but all above it are.
#define trace_frame(event, frame) TRACE_SITE(event, *(frame), 0)

// Writes a record if its event and the running task are among those chosen. From anywhere, also
// with interrupts off and under any lock. On a full channel it waits for the host: see trace.c.
TRACE_CALLED_RARELY void trace_write(enum trace_event event, uint64_t a, uint64_t b, uint64_t c,
				     uint64_t d);
TRACE_CALLED_RARELY void trace_write6(enum trace_event event, uint64_t a, uint64_t b, uint64_t c,
				      uint64_t d, uint64_t e, uint64_t f);
// What a process has, as the records of its calls say it. No lock: it may be a moment old.
TRACE_CALLED_RARELY uint64_t trace_pages(const struct mm *mm);
// What trace_vma and trace_frame record: the struct vma as it is now, or is until it is gone, and
// what changed; the struct frame. VMAs and tables under their mm->lock.
__attribute__((cold)) void trace_site(enum trace_event event, const void *subject,
				      enum trace_vma_change change);
// The same for a record that is made already. Its CPU and task are set here, and its time unless
// it has one that has passed.
void trace_put(struct trace_record *record);
// A name in as many TRACE_NAME records as it takes; `length` bytes of it.
void trace_name(enum trace_name kind, uint64_t subject, const char *name, size_t length);

// ---- which events ----
// Sets of events have bit n for event n. What explains the others (NAME, LOST, START) is always
// recorded.
#define TRACE_EVENT_BIT(event) (1ul << (event))

// For the file. Takes effect at once. The caller holds no lock.
void trace_choose(uint64_t events);
uint64_t trace_chosen(void);
// Makes the sites of system calls jump for somebody else who looks at them.
void trace_watch_syscalls(bool watch);
// Events that are recorded now, whoever wants them.
uint64_t trace_events(void);

// ---- the file's side ----
// Turns recording on (allocating the rings on first use: -ENOMEM) or off, for trace_read.
// `task`: it gets only records of this task (machine_task_id); 0: all. Older records are
// forgotten. The caller holds no lock.
int trace_start(int task);
void trace_stop(void);
bool trace_started(void);
// Takes up to `count` of the oldest records out of the rings; how many.
size_t trace_read(struct trace_record *records, size_t count);
// Records overwritten before they were read, since trace_start, and records that found no room.
uint64_t trace_lost(void);

// ---- the host's side ----
// Places the rings in memory that the host reads (lib/trace_channel.h), before anything is traced.
// False when `size` is too little.
bool trace_channel_start(void *memory, size_t size);
// Records these events for the host from now on; 0: no more. 0 or -ENOMEM. No lock is held.
int trace_stream(uint64_t events);
uint64_t trace_streamed(void);
