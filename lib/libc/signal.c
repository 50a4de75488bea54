// SPDX-License-Identifier: MIT
//
// Signals: the kernel's struct sigaction wants to be told where a handler returns to, and sets of
// signals are one 64-bit word, signal n in bit n - 1.
#include "lib/libc/system_call.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

int sigaction(int signal, const struct sigaction *action, struct sigaction *previous)
{
	struct kernel_sigaction new = {0}, old;
	long result;

	if (action) {
		new.sa_handler = action->sa_handler;
		new.sa_flags = (unsigned int)action->sa_flags | SA_RESTORER;
		new.sa_restorer = libc_signal_return;
		new.sa_mask = action->sa_mask;
	}
	result = libc_result(system_call4(__NR_rt_sigaction, signal, action ? (long)&new : 0,
					  previous ? (long)&old : 0, sizeof(sigset_t)));
	if (result == 0 && previous) {
		previous->sa_handler = old.sa_handler;
		previous->sa_flags = (int)(old.sa_flags & ~(unsigned long)SA_RESTORER);
		previous->sa_mask = old.sa_mask;
	}
	return (int)result;
}

sighandler_t signal(int signal, sighandler_t handler)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct sigaction previous = {0};

	return sigaction(signal, &action, &previous) < 0 ? SIG_ERR : previous.sa_handler;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *previous)
{
	return (int)libc_result(system_call4(__NR_rt_sigprocmask, how, (long)set, (long)previous,
					     sizeof(sigset_t)));
}

int sigsuspend(const sigset_t *set)
{
	return (int)libc_result(system_call2(__NR_rt_sigsuspend, set, sizeof(sigset_t)));
}

int sigaltstack(const stack_t *stack, stack_t *previous)
{
	return (int)libc_result(system_call2(__NR_sigaltstack, stack, previous));
}

int raise(int signal)
{
	return (int)libc_result(system_call3(__NR_tgkill, getpid(), gettid(), signal));
}

int sigemptyset(sigset_t *set)
{
	*set = 0;
	return 0;
}

int sigfillset(sigset_t *set)
{
	*set = ~0ul;
	return 0;
}

static bool valid_signal(int signal)
{
	if (signal >= 1 && signal <= (int)(8 * sizeof(sigset_t)))
		return true;
	errno = EINVAL;
	return false;
}

int sigaddset(sigset_t *set, int signal)
{
	if (!valid_signal(signal))
		return -1;
	*set |= 1ul << (signal - 1);
	return 0;
}

int sigdelset(sigset_t *set, int signal)
{
	if (!valid_signal(signal))
		return -1;
	*set &= ~(1ul << (signal - 1));
	return 0;
}

int sigismember(const sigset_t *set, int signal)
{
	if (!valid_signal(signal))
		return -1;
	return *set >> (signal - 1) & 1;
}
