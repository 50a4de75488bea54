// SPDX-License-Identifier: MIT
//
// Signals: what is pending, what is blocked, what a process does about each, and how that is
// carried out on the way back to ring 3.
//
// A process with nothing but default actions has no table of actions at all: that is most of
// them, and it keeps fork cheap. What a sender or a sleeper has to know is in two bit masks.
#pragma once

#include "kernel/process/wait.h"
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
#define ERESTARTSYS           512 // again, unless a handler without SA_RESTART runs: then -EINTR
#define ERESTARTNOINTR        513 // again, whatever runs
#define ERESTARTNOHAND        514 // again, unless a handler runs: then -EINTR
#define ERESTART_RESTARTBLOCK 516 // the same, but by restart_syscall, which calls task->restart

// What rt_sigaction passes: the kernel's struct sigaction of the x86-64 ABI.
struct signal_action {
	uint64_t handler; // SIG_DFL, SIG_IGN or an address
	uint64_t flags;   // SA_*
	uint64_t restorer;
	uint64_t mask;
};

struct signal_actions {
	uint32_t references; // processes; process_lock. Written only when all share it
			     // (CLONE_SIGHAND)
	struct signal_action action[SIGNAL_COUNT];
};

// What came with a signal: the part of siginfo_t that is ever used, laid out like it.
struct signal_info {
	int signal;
	int error; // rt_sigqueueinfo's caller may set it
	int code;  // SI_USER, SEGV_MAPERR, CLD_EXITED, ...
	int unused;
	union {
		struct {
			int pid, uid; // of the sender, or of the child
			union {
				int status;     // of the child
				uint64_t value; // sigqueue's
			};
			long user_time, kernel_time; // of the child, in clock ticks
		};
		struct {
			int timer, overrun; // timer_create's; `value` as above
		};
		struct {
			uintptr_t address; // of a fault
		};
		uint64_t fields[4];
	};
};

// Guarded by process_lock.
struct process_signals {
	uint64_t pending;               // for whichever task takes it
	struct list pending_info;       // details, where there was room
	uint64_t ignored;               // set to SIG_IGN
	uint64_t caught;                // set to a handler: else the table's is not in force
	struct signal_actions *actions; // NULL: no handlers, flags or masks
	struct list sharers;            // processes whose actions are the same ones, in a ring
	struct wait_queue arrived;      // who waits to read signals from a file
	struct task *last_target;       // who took what the thread asked first did not; NULL: none
};

// Sends to a process, or to one task. Permission is the caller's business. From anywhere,
// interrupts included. Never fails: without room for the details only they are lost.
void signal_send(struct process *process, const struct signal_info *info);
void signal_send_task(struct task *task, const struct signal_info *info);
// To each process of a group. From anywhere (^C at the terminal).
void signal_send_group(int group, const struct signal_info *info);

// What the running process asks for (signal_kill.c); signal 0 only asks. 0, -ESRCH, -EINVAL for a
// signal that is none, -EPERM, or -EAGAIN when sigqueue's details have no room, all in Linux's
// order.
//
// kill(2): to a process, a group (0: the caller's, below 0: -pid), or everybody (-1).
int signal_kill(int pid, const struct signal_info *info);
// tkill, tgkill: to the task with this tid, of process `pid` unless that is 0.
int signal_kill_task(int pid, int tid, const struct signal_info *info);
// pidfd_send_signal: to a process that is held.
int signal_kill_process(struct process *process, const struct signal_info *info);

// What siginfo_t gets of it. 0 or -EFAULT.
int signal_info_to_user(uintptr_t to, const struct signal_info *info);
// What a caller of rt_sigqueueinfo made up: 0, -EFAULT or -E2BIG.
int signal_info_from_user(struct signal_info *info, uintptr_t from);
// Whether it looks as if it came from the kernel or from kill: that only its receiver may do.
bool signal_pretends(const struct signal_info *info);
// From the running process, without more.
struct signal_info signal_from_self(int signal, int code);

// Whether the running task has a signal to handle: a sleeper must give up.
bool signal_pending(void);
// Whether the running task is being ended.
bool signal_fatal_pending(void);

// Whether the running task ignores or blocks `signal`: for terminal output and input by
// background processes.
bool signal_blocked_or_ignored(int signal);

// An exception of ring 3 turned into a signal of the running task. Whether a handler takes it;
// else, even when it is blocked or ignored, the process ends, and fault_log is to follow with a
// reason.
bool fault_signal(struct registers *registers, int signal, int code, uintptr_t address);
// One line to the kernel's log: who, what, where, and `why`.
void fault_log(const struct registers *registers, int signal, uintptr_t address, const char *why);

// Called by the entries on the way back to ring 3 while this CPU's `work` is not 0. Interrupts
// are off at entry and exit, and may be on in between.
void return_work(struct registers *registers);
