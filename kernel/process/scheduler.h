// SPDX-License-Identifier: MIT
//
// The scheduler: a run queue for each CPU, round robin, a time slice of a few timer ticks. A task
// gives way when it blocks, when it yields, or on its way back to ring 3 after the timer said so
// (WORK_RESCHED): ring 0 is never preempted.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <stdbool.h>
#include <stdint.h>

struct task;

struct run_queue {
	struct spinlock lock; // guards everything below; taken with interrupts off
	struct list tasks;    // runnable, next first; the running one is not on it
	uint32_t length;
	struct task *idle; // runs when there is nothing else; constant
};

// Prepares this CPU's run queue; what runs now becomes its idle task. Once for each CPU, before
// anything can block. Panics without memory.
void scheduler_init_cpu(void);

// The idle loop: runs whatever is runnable, halts the CPU when nothing is. Never returns.
_Noreturn void scheduler_run(void);

// Gives the CPU to the next runnable task. Returns when this one runs again.
void schedule(void);

// From the timer's interrupt on each CPU, every tick: wakes sleepers whose time has come and
// takes a tick off the running task's slice.
void scheduler_tick(bool from_ring3);

// Makes a sleeping task runnable. Whether it was asleep. From anywhere, interrupts included.
bool task_wake(struct task *task);

// Puts a new task on this CPU's run queue.
void task_start(struct task *task);

// Arms and disarms the running task's deadline for wait_sleep (kernel/process/timer.c).
void sleep_timer_arm(struct task *task, uint64_t wake_time);
void sleep_timer_disarm(struct task *task);
// Wakes everybody whose deadline is not after `now`.
void sleep_timer_expire(uint64_t now);

// kernel/process/context.asm: saves what the C calling convention keeps, changes stacks.
void context_switch(struct task *from, struct task *to);
