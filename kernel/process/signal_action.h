// SPDX-License-Identifier: MIT
//
// For the system calls on signals (kernel/syscall/sys_signal.c).
#pragma once

#include "kernel/process/signal.h"

struct process;
struct registers;

// The running process's action, and a change of it with what it was before: 0 or -ENOMEM. The
// caller has checked that the signal can be caught.
void signal_action_read(int signal, struct signal_action *action);
int signal_action_set(int signal, const struct signal_action *action, struct signal_action *old);

// The running task's mask; SIGKILL and SIGSTOP stay out of it.
void signal_mask_set(uint64_t mask);
// Sets the mask until the next signal is handled (rt_sigsuspend, ppoll, pselect).
void signal_mask_set_temporarily(uint64_t mask);

// Signals that wake this task although it blocks them (rt_sigtimedwait); 0: none.
void signal_wait_for(uint64_t wanted);
// Puts the mask from before that back now, so that signals which only the temporary one let
// through stay where they are: a call that has a result does not run their handlers.
void signal_mask_restore(void);

// Takes one of the `wanted` signals that is pending, without acting on it (rt_sigtimedwait).
bool signal_take(uint64_t wanted, struct signal_info *info);

// sigaltstack: 0, -EPERM, -EINVAL or -ENOMEM. For the running task.
int signal_stack_set(struct task *task, uintptr_t start, uint64_t size, int flags);
// SS_DISABLE, SS_ONSTACK or 0, with SS_AUTODISARM.
int signal_stack_state(const struct task *task);

// rt_sigreturn: the value rax is to have.
long signal_return(struct registers *registers);
