// SPDX-License-Identifier: MIT
#pragma once

// The kernel's struct has no sa_sigaction and keeps its fields in another order.
#define sigaction kernel_sigaction
#include <linux/signal.h>
#undef sigaction
#include <sys/types.h>

typedef int sig_atomic_t;
typedef __sighandler_t sighandler_t;

struct sigaction {
	union {
		void (*sa_handler)(int);
		void (*sa_sigaction)(int, siginfo_t *, void *);
	};
	sigset_t sa_mask;
	int sa_flags;
};

int sigaction(int signal, const struct sigaction *action, struct sigaction *previous);
sighandler_t signal(int signal, sighandler_t handler);
int sigprocmask(int how, const sigset_t *set, sigset_t *previous);
int sigsuspend(const sigset_t *set);
int sigaltstack(const stack_t *stack, stack_t *previous);
int sigemptyset(sigset_t *set);
int sigfillset(sigset_t *set);
int sigaddset(sigset_t *set, int signal);
int sigdelset(sigset_t *set, int signal);
int sigismember(const sigset_t *set, int signal);
int kill(pid_t pid, int signal);
int raise(int signal);
