// SPDX-License-Identifier: MIT
//
// Signals: dispositions and their errors, masks, what is ignored, what can not be, and handlers
// that run and return.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static volatile sig_atomic_t count, last;

static void handler(int signal)
{
	count++;
	last = signal;
}

static void dispositions(void)
{
	struct sigaction action = {.sa_handler = handler}, old;

	show("SIGKILL can not be caught", sigaction(SIGKILL, &action, NULL));
	show("nor SIGSTOP", sigaction(SIGSTOP, &action, NULL));
	show("but asked for", sigaction(SIGKILL, NULL, &old));
	show("signal 0", syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	show("signal 65", syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	show("a mask of another size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	show("from nowhere", syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
	show("to nowhere", syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
	check(sigaction(SIGUSR1, &action, NULL) == 0, "SIGUSR1 is caught");
	check(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == handler, "as asked");
}

static void sending(void)
{
	show("to nobody", kill(999999, SIGTERM));
	show("an unknown signal", kill(getpid(), 65));
	show("a negative signal", kill(getpid(), -1));
	show("none to itself", kill(getpid(), 0));
	show("tgkill to nobody", syscall(SYS_tgkill, 999999, 999999, SIGTERM));
}

static void handlers(void)
{
	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	check(raise(SIGUSR1) == 0 && count == 1 && last == SIGUSR1, "a handler runs");
	check(kill(getpid(), SIGUSR2) == 0 && count == 2 && last == SIGUSR2, "and another");
	signal(SIGUSR1, SIG_IGN);
	check(raise(SIGUSR1) == 0 && count == 2, "an ignored signal does nothing");
}

static void masks(void)
{
	sigset_t set, old, pending;

	signal(SIGUSR1, handler);
	count = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGKILL);
	check(sigprocmask(SIG_BLOCK, &set, &old) == 0, "blocking");
	raise(SIGUSR1);
	raise(SIGUSR1);
	check(count == 0, "keeps the handler from running");
	check(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1, "it is pending");
	check(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR1) == 1 &&
		      sigismember(&set, SIGKILL) == 0,
	      "SIGKILL can not be blocked");
	check(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && count == 1, "then it runs, once");
	show("an unknown way", syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8));
	show("a set of another size", syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4));
	show("from nowhere", syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
}

static int inherits(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	count = 0;
	raise(SIGUSR2);
	return count == 1 && sigismember(&set, SIGHUP) == 1 ? 0 : 1;
}

static int dies_of_default(void)
{
	signal(SIGTERM, SIG_DFL);
	raise(SIGTERM);
	return 1;
}

static int ignores_child_end(void)
{
	signal(SIGCHLD, SIG_DFL);
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	return 7;
}

static void children(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGUSR2, handler);
	show_status("a child inherits handlers and mask", in_child(inherits));
	sigprocmask(SIG_SETMASK, &old, NULL);
	show_status("SIGTERM by default", in_child(dies_of_default));
	show_status("SIGCHLD, SIGURG, SIGWINCH by default", in_child(ignores_child_end));
}

// Registers come back as they were: a signal in the midst of a computation does not show.
static void interrupted(void)
{
	double sum = 0, expected = 0;
	pid_t child;

	for (int i = 1; i < 300000; i++)
		expected += 1.0 / i;
	signal(SIGUSR1, handler);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 50; i++) {
			kill(getppid(), SIGUSR1);
			sched_yield();
		}
		_exit(0);
	}
	for (int round = 0; round < 20; round++) {
		sum = 0;
		for (int i = 1; i < 300000; i++)
			sum += 1.0 / i;
		if (sum != expected)
			break;
	}
	check(sum == expected, "a computation that handlers interrupt");
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void interrupted_read(void)
{
	struct sigaction action = {.sa_handler = handler};
	pid_t child, parent = getpid();
	int ends[2], enough[2];
	long result;
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	if (pipe(ends) < 0 || pipe2(enough, O_NONBLOCK) < 0)
		return;
	child = fork();
	if (child == 0) {
		while (read(enough[0], &byte, 1) != 1) {
			usleep(2000);
			kill(parent, SIGUSR1);
		}
		_exit(write(ends[1], "x", 1) != 1);
	}
	result = read(ends[0], &byte, 1);
	signal(SIGUSR1, SIG_IGN);
	show("read that a signal interrupts", result);
	check(write(enough[1], "x", 1) == 1, "no more signals");
	show("read", read(ends[0], &byte, 1));
	waitpid(child, NULL, 0);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	count = 0;
	child = fork();
	if (child == 0) {
		while (kill(parent, SIGUSR1) == 0 && usleep(2000) == 0 && count++ < 10)
			;
		_exit(write(ends[1], "x", 1) != 1);
	}
	show("read that goes on", read(ends[0], &byte, 1));
	check(count > 0, "after its handlers");
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

// What runs inside of a handler: another one, or the same again.
static volatile sig_atomic_t depth, deepest, inner;

static void raises(int signal)
{
	(void)signal;
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (count++ == 0)
		raise(inner);
	depth--;
}

// How deep handlers nest when that of SIGUSR1 raises `signal`.
static int nest(int flags, int signal, int masked)
{
	struct sigaction action = {.sa_handler = raises, .sa_flags = flags};

	if (masked)
		sigaddset(&action.sa_mask, masked);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	inner = signal;
	count = depth = deepest = 0;
	raise(SIGUSR1);
	return count == 2 ? deepest : -1;
}

static void nested(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND}, now;

	check(nest(0, SIGUSR1, 0) == 1, "a handler's own signal waits for its end");
	check(nest(SA_NODEFER, SIGUSR1, 0) == 2, "but for SA_NODEFER");
	check(nest(0, SIGUSR2, 0) == 2, "another signal interrupts it");
	check(nest(0, SIGUSR2, SIGUSR2) == 1, "unless its action's mask has it");
	check(nest(SA_NODEFER, SIGUSR1, SIGUSR1) == 1, "which SA_NODEFER takes nothing out of");
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL, "SA_RESETHAND");
}

// A mask for one call is put back also when no handler runs.
static void mask_of_a_call(void)
{
	const struct timespec none = {0, 0};
	sigset_t some, now;

	sigemptyset(&some);
	sigaddset(&some, SIGHUP);
	show("ppoll", ppoll(NULL, 0, &none, &some));
	check(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGHUP),
	      "leaves the mask as it was");
}

static volatile sig_atomic_t order;

static void notes(int signal)
{
	order = order * 100 + signal;
}

// Two that were blocked: which comes first, and what a third one takes away.
static void pending_together(void)
{
	sigset_t set, old;

	signal(SIGHUP, notes);
	signal(SIGSEGV, notes);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGSEGV);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGHUP);
	raise(SIGSEGV);
	raise(SIGTSTP);
	check(sigpending(&set) == 0 && sigismember(&set, SIGTSTP), "a stop is pending");
	raise(SIGCONT);
	check(sigpending(&set) == 0 && !sigismember(&set, SIGTSTP), "until SIGCONT comes");
	raise(SIGTSTP);
	check(sigpending(&set) == 0 && !sigismember(&set, SIGCONT), "and the other way round");
	raise(SIGCONT);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("# handlers run: %d\n", (int)order);
	signal(SIGHUP, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
}

static void spoils(int signal)
{
	(void)signal;
	__asm__ volatile("pcmpeqd %%xmm7, %%xmm7" ::: "xmm7");
}

static void vector_registers(void)
{
	uint64_t before = 0x123456789abcdef, after;
	long result = SYS_kill;

	signal(SIGUSR1, spoils);
	__asm__ volatile("movq %[before], %%xmm7\n\tsyscall\n\tmovq %%xmm7, %[after]"
			 : "+a"(result), [after] "=r"(after)
			 : [before] "r"(before), "D"((long)getpid()), "S"((long)SIGUSR1)
			 : "rcx", "r11", "xmm7", "memory");
	check(result == 0 && after == before, "a handler's vector registers are its own");
}

int main(void)
{
	dispositions();
	sending();
	handlers();
	masks();
	nested();
	mask_of_a_call();
	pending_together();
	vector_registers();
	children();
	interrupted();
	interrupted_read();
	return tap_end();
}
