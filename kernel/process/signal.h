// SPDX-License-Identifier: MIT
//
// Signals: what is pending, what is blocked, what a process does about each, and how that is
// carried out on the way back to ring 3.
//
// A process with nothing but default actions has no table of actions at all: that is most of
// them, and it keeps fork cheap. What a sender or a sleeper has to know is in two bit masks.
#pragma once

#include "lib/list.h"
#include <stdbool.h>
#include <stdint.h>

struct process;
struct registers;
struct task;

#define SIGNAL_COUNT 64

// The bit of a signal in a mask.
static inline uint64_t signal_bit(int signal)
{
	return 1ul << (signal - 1);
}

// Results of an interrupted system call that never reach ring 3: they say whether it starts again
// after the signal. Linux's values, which its exported headers leave out.
#define ERESTARTSYS    512 // again, unless a handler without SA_RESTART runs: then -EINTR
#define ERESTARTNOINTR 513 // again, whatever runs
#define ERESTARTNOHAND 514 // again, unless a handler runs: then -EINTR

// What rt_sigaction passes: the kernel's struct sigaction of the x86-64 ABI.
struct signal_action {
	uint64_t handler; // SIG_DFL, SIG_IGN or an address
	uint64_t flags;   // SA_*
	uint64_t restorer;
	uint64_t mask;
};

struct signal_actions {
	uint32_t references; // processes; atomic. Whoever is not alone copies before writing
	struct signal_action action[SIGNAL_COUNT];
};

// What came with a signal: becomes siginfo_t.
struct signal_info {
	int signal;
	int code;          // SI_USER, SEGV_MAPERR, CLD_EXITED, ...
	int pid, uid;      // of the sender, or of the child
	int status;        // of the child
	uintptr_t address; // of a fault
};

// Guarded by process_lock.
struct process_signals {
	uint64_t pending;               // for whichever task takes it
	struct list pending_info;       // details, where memory sufficed
	uint64_t ignored;               // set to SIG_IGN
	uint64_t caught;                // set to a handler
	struct signal_actions *actions; // NULL: no handlers, flags or masks
};

// Sends to a process, or to one task. Permission is the caller's business. From anywhere,
// interrupts included. Never fails: without memory for the details only they are lost.
void signal_send(struct process *process, const struct signal_info *info);
void signal_send_task(struct task *task, const struct signal_info *info);
// To the task with this tid, of process `pid` unless that is 0; signal 0 only asks. 0 or -ESRCH.
int signal_send_tid(int pid, int tid, const struct signal_info *info);
// To each process of a group: how many there were. From anywhere (^C at the terminal).
int signal_send_group(int group, const struct signal_info *info);

// Whether the running task has a signal to handle: a sleeper must give up.
bool signal_pending(void);
// Whether the running task is being ended.
bool signal_fatal_pending(void);

// Whether the running task ignores or blocks `signal`: for terminal output and input by
// background processes.
bool signal_blocked_or_ignored(int signal);

// An exception of ring 3 turned into a signal of the running task: default action unless a
// handler takes it, even when blocked or ignored. `why` goes to the log with who and where.
void fault_signal(struct registers *registers, int signal, int code, uintptr_t address,
		  const char *why);

// Called by the entries on the way back to ring 3 while this CPU's `work` is not 0. Interrupts
// are off at entry and exit, and may be on in between.
void return_work(struct registers *registers);
