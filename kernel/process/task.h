// SPDX-License-Identifier: MIT
//
// A task: one thread of control. It has a kernel stack, the registers of ring 3 at that stack's
// top, and an FPU state; what it shares with others it points to: the process (thread group), the
// address space, the open files.
//
// Small on purpose: there is one for every forked process.
#pragma once

#include "kernel/machine/cpu.h"
#include "kernel/machine/registers.h"
#include "lib/list.h"
#include "mm/kernel_map.h"
#include <stdbool.h>
#include <stdint.h>

struct credentials;
struct files;
struct place;
struct futex_pi_waiter;
struct mm;
struct process;
struct sleep_lock;
struct vfork_wait;

// Whether a task can give back the mutexes it holds (futex_pi.c).
enum pi_state { PI_ALIVE, PI_ENDING, PI_DEAD };

#define TASK_SLEEP_LOCKS 8  // that a task may hold at a time
#define TASK_NAME_SIZE   16 // with the terminating NUL, as in Linux's TASK_COMM_LEN

enum task_state {
	TASK_RUNNABLE,        // running, or on a CPU's run queue
	TASK_SLEEPING,        // until task_wake: any signal that has to be handled wakes it too
	TASK_KILLABLE,        // the same, but only a signal that ends the process wakes it
	TASK_UNINTERRUPTIBLE, // the same, but no signal does
	TASK_STOPPED,         // by a stop signal, until SIGCONT or SIGKILL
	TASK_DEAD,            // will never run again: its stack goes as soon as it has left it
};

// What restart_syscall does, set by a call that ends in -ERESTART_RESTARTBLOCK. The task's own.
struct restart {
	long (*function)(struct restart *restart); // NULL: nothing, -EINTR
	uint64_t deadline;                         // clock_monotonic()
	uintptr_t address;                         // and what else the call needs to know
	uint64_t value, flags;
};

// Where a signal frame wanted to go and IRET would have refused: what the next frame shows instead
// of the registers. cs 0: nothing.
struct refused_return {
	uint64_t rip;
	uint16_t cs, ss;
};

struct task {
	uint64_t kernel_sp;      // while not running: where context_switch left its stack
	void *stack;             // lowest address of the kernel stack; constant
	void *fpu;               // FPU state while not running (kernel/machine/fpu.h)
	uint64_t fs_base;        // of ring 3; written by the task itself
	uint64_t gs_base;        // the same
	struct mm *mm;           // NULL: a task of the kernel. Changed as `files` is (exec, exit)
	struct files *files;     // changed by the task itself, under process_lock
	struct place *place;     // the same
	struct process *process; // constant
	// A reference. Changed by the task itself, under process_lock (credentials.h)
	struct credentials *credentials;

	uint32_t references; // hash and process's list count as one; atomic
	int tid;             // constant, but exec gives a thread its process's: process_lock
	// Only the task itself leaves TASK_RUNNABLE, only the holder of its run queue's lock
	// brings it back.
	uint8_t state;        // enum task_state
	uint8_t cpu;          // whose run queue it belongs to; guarded by that one's lock
	uint8_t ran_on;       // the CPU it runs on, or ran on last; written by the scheduler
	bool call_restarts;   // the call in progress ended in -ERESTART*; the task's own
	bool restore_blocked; // saved_blocked is to be put back; the task's own
	bool tsc_refused;     // rdtsc is an error (PR_SET_TSC); the task's own
	bool present_only;    // its user copies bring no pages in (user_copy.h); the task's own
	uint32_t slice;       // timer ticks left before it gives way
	uint32_t switches;    // times it gave up a CPU; the task's own
	uint32_t sleeps;      // of these, to wait for something; the same
	uint32_t waits_at;    // low half of the address of the code that waits; the same
	struct list run_link; // on a run queue, guarded by its lock
	uint64_t allowed;     // CPUs it may run on, bit n for CPU n; atomic

	struct list thread_link; // on process->tasks, guarded by process_lock
	struct task *hash_next;  // tasks by tid, guarded by process_lock

	uint64_t blocked;       // signals held back: bit n-1 for signal n; process_lock
	uint64_t saved_blocked; // what to go back to after rt_sigsuspend and the like
	uint64_t waited;  // rt_sigtimedwait waits for these, blocked as they are; process_lock
	uint64_t pending; // signals for this task alone; process_lock
	struct list pending_info; // their details, guarded by process_lock
	uintptr_t signal_stack;   // sigaltstack; these three are the task's own
	uint64_t signal_stack_size;
	int signal_stack_flags; // as given: 0, SS_ONSTACK, SS_AUTODISARM
	struct restart restart;
	uint64_t slack, default_slack; // PR_SET_TIMERSLACK, less 50,000 ns; atomic

	bool told;    // has to look at its signals, a stop or its end: signal_target.c; written
		      // under process_lock, read by the task itself without it
	bool ending;  // another thread's exec ends it; process_lock
	bool exiting; // past the point where it could take a signal; process_lock

	// The last exception that became a signal: for signal frames. The task's own.
	uint8_t trap_number;
	uint32_t trap_error;
	uintptr_t fault_address; // CR2
	struct refused_return refused;

	// setpriority, sched_setscheduler: kept, and without effect; process_lock.
	int8_t nice;
	uint8_t policy;
	uint8_t priority;
	bool reset_on_fork;

	bool no_new_privileges; // prctl's; the task's own
	bool too_many_tasks;    // since it has this user: exec is refused. The task's own

	uint64_t starved_since, starved_last; // nanoseconds: oom.c
	int fail_nth;                      // /proc/<pid>/fail-nth: the allocation that is to fail
	uintptr_t clear_child_tid;         // set_tid_address: zeroed in ring 3's memory at the end
	uintptr_t robust_list;             // set_robust_list
	uintptr_t rseq;                    // rseq: the area in ring 3's memory; 0: none
	struct futex_pi_waiter *pi_waiter; // what it waits for, and whether it can still be
	enum pi_state pi_state;            // waited for: futex_pi.c says which lock
	uint32_t rseq_signature;           // what stands before abort handlers of `rseq`
	struct vfork_wait *vfork;          // the parent that waits for exec or exit; process_lock
	int64_t cpu_clock;                 // see task_cpu_time(); written by the CPU that runs it
	uint64_t user_ticks;               // timer ticks that found it in ring 3
	uint64_t kernel_ticks;             // and in ring 0
	char name[TASK_NAME_SIZE];         // comm; written by the task itself, under process_lock

#ifdef LOCK_CHECKS // the task's own
	unsigned sleep_lock_count;
	struct sleep_lock *sleep_locks[TASK_SLEEP_LOCKS]; // those it holds
#endif
};

static inline struct task *current_task(void)
{
	return cpu_current_task();
}

static inline struct process *current_process(void)
{
	return current_task()->process;
}

// By which those who wait for a mutex with priority inheritance are ordered.
static inline int task_urgency(const struct task *task)
{
	return task->priority;
}

// How long a task has run, in units of the time-stamp counter, in one word that others may read at
// any moment: the sum while it does not run; while it runs the sum without what the counter had at
// the beginning, which is below 0. So a switch only has to add the counter, or take it away.
static inline uint64_t task_cpu_time(const struct task *task, uint64_t tsc)
{
	int64_t clock = __atomic_load_n(&task->cpu_clock, __ATOMIC_RELAXED);

	return (uint64_t)clock + (clock < 0 ? tsc : 0);
}

static inline uintptr_t task_stack_top(const struct task *task)
{
	return (uintptr_t)task->stack + KERNEL_STACK_SIZE;
}

// Ring 3's registers: pushed at the stack's top by the entry from ring 3.
static inline struct registers *task_registers(const struct task *task)
{
	return (struct registers *)task_stack_top(task) - 1;
}

// A task with a kernel stack and FPU state but nothing to run yet, not reachable by its tid.
// NULL when out of memory. One reference.
struct task *task_alloc(struct process *process, int tid);
struct task *task_get(struct task *task);
void task_put(struct task *task);

// The task with this tid, with a reference for the caller, or NULL.
struct task *task_find(int tid);

// What a new task does when it runs first: entry(argument) in ring 0 when `entry` is not NULL,
// then ring 3 with the registers at its stack's top.
void task_set_entry(struct task *task, void (*entry)(void *argument), void *argument);

// How late a sleep may end, in nanoseconds; 0 sets what the task began with. Kept and told: sleeps
// end when the timer can make them.
void task_set_slack(struct task *task, uint64_t slack);
uint64_t task_slack(const struct task *task);

void task_set_name(struct task *task, const char *name);
void task_name(struct task *task, char name[TASK_NAME_SIZE]);

// The descriptor table of any task, with a reference, or NULL when it has none any more.
struct files *task_files(struct task *task);
struct place *task_place(struct task *task);
// Gives the running task another one, or none. The caller puts the old one.
void task_set_files(struct task *task, struct files *files);
void task_set_place(struct task *task, struct place *place);

// /proc/<pid>/fail-nth: N makes the Nth allocation from now on fail once; 0: none. Reading gives
// what is left to count, as Linux's fail_nth: 0 once the failure has happened.
void task_fail_nth_set(struct task *task, int nth);
int task_fail_nth(const struct task *task);
