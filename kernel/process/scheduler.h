// SPDX-License-Identifier: MIT
//
// The scheduler: a run queue for each CPU, round robin, a time slice of a few timer ticks. A task
// gives way when it blocks, when it yields, or on its way back to ring 3 after the timer said so
// (WORK_RESCHED): ring 0 is never preempted.
//
// A task that becomes runnable goes to a CPU that has nothing to do, if it may run there; else it
// stays where it was last. An idle CPU takes a task from the longest queue, and now and then so
// does one whose own queue is shorter by two.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <stdbool.h>
#include <stdint.h>

struct task;

struct run_queue {
	// Guards everything below; taken with interrupts off. It is held across a switch, from the
	// choice of the next task until that one has left the stack of the one before: so whoever
	// holds it sees no task that is half-way.
	struct spinlock lock;
	struct list tasks;    // runnable, next first; the running one is not on it
	uint32_t length;      // read by others without the lock, as a hint
	struct task *running; // what this CPU runs
	struct task *idle;    // runs when there is nothing else; constant
	struct task *dead;    // left for good by the last switch: its stack can go
	struct task *leaving; // runnable, but no longer allowed here: left by the last switch
	uint32_t ticks;       // of this CPU's timer. The CPU's own
};

// Prepares this CPU's run queue; what runs now becomes its idle task. Once for each CPU, before
// anything can block. Panics without memory.
void scheduler_init_cpu(void);

// The idle loop: runs whatever is runnable, halts the CPU when nothing is. On the first CPU it
// ends the machine once process 1 is gone. Never returns.
_Noreturn void scheduler_run(void);

// Gives the CPU to the next runnable task. Returns when this one runs again.
void schedule(void);

// From the timer's interrupt on each CPU, every tick: wakes sleepers whose time has come and
// takes a tick off the running task's slice.
void scheduler_tick(bool from_ring3);

// Makes a sleeping task runnable. Whether it was asleep. From anywhere, interrupts included.
bool task_wake(struct task *task);

// Tells a task that there is something to look at before it goes back to ring 3 (a signal, a stop,
// its end): a sleeper that signals may wake (TASK_SLEEPING) is woken, whoever runs in ring 3 comes
// into ring 0. The caller has changed what is to be seen; a task that waits for its turn sees it
// when that comes, and so does one that is about to sleep. From anywhere, interrupts included.
void task_notify(struct task *task);

// Puts a new task on a run queue.
void task_start(struct task *task);

// The CPUs that a task may run on: bit n for CPU n. The running one has left the
// others on return; another one that runs leaves them on its next way to ring 3.
void task_set_allowed(struct task *task, uint64_t allowed);

// Tasks that run or wait for their turn, on all CPUs: a moment's figure.
unsigned scheduler_runnable(void);

// kernel/process/context.asm: saves what the C calling convention keeps, changes stacks.
void context_switch(struct task *from, struct task *to);
