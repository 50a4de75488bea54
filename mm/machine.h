// SPDX-License-Identifier: MIT
//
// The narrow interface through which mm/ reaches the machine and the processes. kernel/ fills it
// in (kernel/machine.c); the unit tests have their own (tests/unit/fake_machine.c). Nothing else
// of kernel/ is visible from mm/.
#pragma once

#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>

struct frame;
struct mm;

#define MAX_CPUS 64

// Index of the CPU this runs on, 0 to MAX_CPUS-1. The caller can not be moved to another CPU.
unsigned machine_cpu(void);

// Makes `root` the page table of this CPU (CR3) and forgets every entry that is not global.
void machine_load_root(phys_t root);

// Makes this CPU translate through `mm`; NULL: through the kernel's own table. Where there are
// several it is in mm->cpus before it does, and in that of the address space it leaves no longer.
void machine_enter_space(struct mm *mm);

// On return no CPU translates through an old entry of `mm` in [start, end). Only then may the
// frames that were mapped there be reused. Ranges of the kernel's half are named with mm == NULL.
void machine_flush_range(struct mm *mm, uintptr_t start, uintptr_t end);
// The same where page tables of the range will be freed: none of them is walked through either,
// not even for a guess.
void machine_flush_tables(struct mm *mm, uintptr_t start, uintptr_t end);

// Debug builds only: 2^order frames are nobody's from here on. Panics where a processor may still
// translate to one, or walk through one.
void machine_frames_freed(const struct frame *first, unsigned order);

// The allocation counter of the running task (/proc/<pid>/fail-nth), or NULL outside of a task.
int *machine_fail_nth(void);

// Limits of the running task's process, in bytes: MM_NO_LIMIT where there is none. Each is a word
// that may change at any time.
struct memory_limits {
	uint64_t space;           // RLIMIT_AS
	uint64_t data, data_most; // RLIMIT_DATA, and how far the process may raise it itself
	uint64_t stack;           // RLIMIT_STACK
	uint64_t locked;          // RLIMIT_MEMLOCK
};
const struct memory_limits *machine_limits(void) __attribute__((pure));

// Whether the running task has a capability: CAP_* of <linux/capability.h>.
bool machine_capable(int capability);

// Number of the running task, 0 outside of one; stands in the trace's records.
int machine_task_id(void);

// ---- for the trace ----
// The processor's time-stamp counter, and its ticks a second (0: not known).
uint64_t machine_time(void);
uint64_t machine_time_rate(void);
unsigned machine_cpu_count(void);
// Whether what the running task does is to be recorded.
bool machine_trace_selects(void);
// Turns interrupts of this CPU off; what they were, for the other one.
uint64_t machine_interrupts_off(void);
void machine_interrupts_restore(uint64_t before);
// Changes `size` bytes of the kernel's code. All other CPUs are held.
void machine_write_code(void *code, const void *bytes, size_t size);

// Where the running task was in ring 3 when the fault that is being handled came.
struct fault_origin {
	uintptr_t instruction, frame; // of ring 3: its rip and rbp; 0: it was not there
	uintptr_t stack;              // its rsp
	uint64_t error;               // the processor's error code; 0 with in_copy
	bool in_copy;                 // it was the kernel's copy to or from its memory
};
void machine_fault_origin(struct fault_origin *origin);
// Copies two words from ring 3's memory if they are there now: nothing is brought in.
bool machine_peek_pair(uintptr_t address, uint64_t pair[2]);

// In a long loop, without locks: lets others run when it is their turn. Whether the running task
// has been killed, so that going on is of no use to anybody.
bool machine_killed(void);

// No frame was found for the running task's own memory, and it holds nothing. True: somebody else
// has been ended for it, so that trying again is worth it; false: the task itself, or the failure
// was asked for. May sleep.
bool machine_make_room(void);

// Between these two no other CPU is in the midst of anything: all stand still where they hold no
// lock. The caller holds no spin lock. Pairs nest.
void machine_hold_others(void);
void machine_release_others(void);

// One line into the kernel's log. printf's format; the line's end is added.
void machine_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A broken invariant: reports and stops the machine. Never for anything ring 3 can cause.
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
