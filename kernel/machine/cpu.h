// SPDX-License-Identifier: MIT
//
// State per CPU, reached through GS while in ring 0. Only the CPU itself writes its own, except
// where it says that others do. entry.asm knows the first fields' offsets.
#pragma once

#include "kernel/machine/context.h"
#include "mm/machine.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flush_request;
struct mm;
struct task;

// Bits of cpu->work: return_work() is called before going back to ring 3 while any is set.
// WORK_FULL_RETURN is for entry.asm alone: whoever rewrites registers of an interrupted program
// during a system call, other than rax and other than changing rip, must set it; the fast way
// out leaves rbx, rbp and r12-r15 as they are in the processor.
#define WORK_RESCHED     1
#define WORK_SIGNAL      2
#define WORK_FULL_RETURN 4
#define WORK_PARK        8  // somebody wants this CPU to stand still (park.h)
#define WORK_MIGRATED    16 // the task has come to another CPU: its rseq area has to say so

// Stacks of their own, by number in the TSS (SDM vol. 3A, 7.14.5).
enum ist { IST_NONE, IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, IST_COUNT };

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3]; // [0]: the stack for entries from ring 3
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map; // past the limit: no port is allowed to ring 3
} __attribute__((packed));

// Where interrupts come from: lines of the old controllers by number, then the local APIC.
enum {
	INTERRUPT_LINES = 16,
	INTERRUPT_TIMER = INTERRUPT_LINES,
	INTERRUPT_RESCHEDULE,
	INTERRUPT_WAKE,
	INTERRUPT_FLUSH,
	INTERRUPT_SPURIOUS,
	INTERRUPT_SOURCES,
};

// What others know of a CPU's rest (shootdown.h).
enum cpu_sleep {
	CPU_AWAKE,
	CPU_ASLEEP,
	CPU_STALE, // and it has to forget what it knows of ring 3's addresses before it goes on
};

struct cpu {
	struct cpu *self;          // offset 0
	struct task *current;      // 8: the running task; NULL until there is one
	uint64_t kernel_stack_top; // 16: of the running task: see cpu_set_kernel_stack()
	uint64_t user_rsp;         // 24: scratch of the system-call entry
	uint32_t number;           // 32
	uint32_t work;             // 36: WORK_*; atomic, others may set bits (cpu_kick)
	uint64_t gdt[9] __attribute__((aligned(16)));
	struct tss tss __attribute__((aligned(16)));
	uint32_t panic_depth; // faults while reporting a fault
	uint8_t apic_id;      // constant, like `number`
	struct mm *space;     // whose root is loaded; NULL: the kernel's own
	bool tsc_refused;     // CR4.TSD is set: rdtsc faults in ring 3

	struct contexts contexts; // translations of which others are kept too (context.h)

	// The mailbox of requests to forget translations (shootdown.c), written by the others.
	uint64_t flush_from; // bit n: CPU n has put one into its place; atomic
	struct flush_request *flush_requests[MAX_CPUS];

	bool resting;       // or about to, until somebody wakes it (spin_wait.h); atomic
	uint8_t sleep;      // enum cpu_sleep; atomic
	uint64_t timer_due; // when the APIC's timer is to interrupt, in nanoseconds; 0: it is not
	uint64_t next_tick; // of a secondary CPU

	uint64_t interrupts[INTERRUPT_SOURCES]; // taken
	uint64_t switches;                      // of tasks
	uint64_t shootdowns_sent, shootdowns_received;
	uint64_t user_ticks, kernel_ticks, idle_ticks; // what the timer found running
};
_Static_assert(offsetof(struct cpu, kernel_stack_top) == 16, "entry.asm");
_Static_assert(offsetof(struct cpu, user_rsp) == 24, "entry.asm");
_Static_assert(offsetof(struct cpu, work) == 36, "entry.asm");

extern struct cpu *cpus[MAX_CPUS]; // those that run, by number
extern unsigned cpu_count;         // how many; grows while starting only
extern uint64_t cpus_online;       // bit n: CPU n has kernel translations to forget; atomic

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;
	__asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

// The running task in one instruction. Not volatile: for the code that asks, the answer never
// changes, whatever CPU it goes on.
static inline struct task *cpu_current_task(void)
{
	struct task *task;
	__asm__("movq %%gs:8, %0" : "=r"(task));
	return task;
}

static inline void cpu_set_work(uint32_t bits)
{
	__asm__ volatile("lock orl %0, %%gs:36" : : "ir"(bits) : "memory", "cc");
}

static inline void cpu_clear_work(uint32_t bits)
{
	__asm__ volatile("lock andl %0, %%gs:36" : : "ir"(~bits) : "memory", "cc");
}

// Sets bits of another CPU's `work` and interrupts it, so that it looks at them soon: on its way
// back to ring 3, or in its idle loop. From anywhere.
void cpu_kick(struct cpu *cpu, uint32_t bits);
// Whether ring 3 may read the time-stamp counter, on this CPU, from now on.
void cpu_refuse_tsc(bool refuse);

// Where entries from ring 3 put their registers from now on: the top of the next task's stack.
static inline void cpu_set_kernel_stack(uintptr_t top)
{
	struct cpu *cpu = this_cpu();

	cpu->kernel_stack_top = top;
	cpu->tss.rsp[0] = top;
}

// The way back to ring 3 for a task that was never there: the new task's first context switch
// must arrive here with rsp at its struct registers (entry.asm). Serves pending work first.
void return_to_user(void);

// FS and GS bases of ring 3, for the context switch. With FSGSBASE programs change them without
// asking, so they have to be read back from the processor each time.
void segment_bases_save(uint64_t *fs, uint64_t *gs);
void segment_bases_load(uint64_t fs, uint64_t gs); // both below USER_END
