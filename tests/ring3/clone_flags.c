// SPDX-License-Identifier: MIT
//
// clone and clone3: what is shared with which flag, which combinations are refused and in which
// order, numbers of one's own choice, exit signals, and descriptors for processes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

static char stack[64 * 1024] __attribute__((aligned(16)));
static volatile sig_atomic_t count, last;

static void handler(int signal)
{
	count++;
	last = signal;
}

static int raw_clone(unsigned long flags, int *parent_tid, int *child_tid)
{
	return (int)syscall(SYS_clone, flags, 0, parent_tid, child_tid, 0);
}

static long clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static int wait_for(int child)
{
	int status = -1;

	waitpid(child, &status, __WALL);
	return status;
}

// ---- what is refused ----
static void refused(void)
{
	int number = 0;

	show("thread without shared handlers", raw_clone(CLONE_THREAD | CLONE_VM, NULL, NULL));
	show("shared handlers without memory", raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL));
	show("both without memory", raw_clone(CLONE_THREAD | CLONE_SIGHAND, NULL, NULL));
	show("CLONE_NEWNS with CLONE_FS", raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL));
	show("CLONE_NEWUSER with CLONE_FS",
	     raw_clone(CLONE_NEWUSER | CLONE_FS | SIGCHLD, NULL, NULL));
	show("a thread in a space of its own",
	     raw_clone(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID, NULL, NULL));
	show("descriptor and number in one place",
	     raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, &number, NULL));
	show("descriptor with CLONE_DETACHED",
	     raw_clone(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, &number, NULL));
	show("descriptor to nowhere", raw_clone(CLONE_PIDFD | SIGCHLD, (int *)8, NULL));
	show("and no child is left", waitpid(-1, NULL, WNOHANG | __WALL));
}

static void refused3(void)
{
	struct clone_args args;
	char large[8192];
	int32_t numbers[2] = {999, 998};

	memset(large, 0, sizeof(large));
	memset(&args, 0, sizeof(args));
	show("no structure", clone3(NULL, sizeof(args)));
	show("nowhere", clone3((void *)8, sizeof(args)));
	show("size 0", clone3(&args, 0));
	show("size 63", clone3(&args, 63));
	show("size 5000", clone3((void *)large, 5000));
	large[200] = 1;
	show("more than is known", clone3((void *)large, 300));
	args.exit_signal = 65;
	show("exit signal 65", clone3(&args, sizeof(args)));
	args.exit_signal = (uint64_t)-1;
	show("exit signal -1", clone3(&args, sizeof(args)));
	args = (struct clone_args){.flags = SIGCHLD};
	show("a signal in the flags", clone3(&args, sizeof(args)));
	args = (struct clone_args){.flags = CLONE_DETACHED};
	show("CLONE_DETACHED", clone3(&args, sizeof(args)));
	args = (struct clone_args){.flags = CLONE_PARENT, .exit_signal = SIGCHLD};
	show("CLONE_PARENT with an exit signal", clone3(&args, sizeof(args)));
	args = (struct clone_args){.flags = 1ull << 40};
	show("an unknown flag", clone3(&args, sizeof(args)));
	args = (struct clone_args){.flags = CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND};
	show("handlers shared and cleared", clone3(&args, sizeof(args)));
	args = (struct clone_args){.stack = (uintptr_t)stack, .exit_signal = SIGCHLD};
	show("a stack without a size", clone3(&args, sizeof(args)));
	args = (struct clone_args){.stack_size = 4096, .exit_signal = SIGCHLD};
	show("a size without a stack", clone3(&args, sizeof(args)));
	args = (struct clone_args){.stack = ~0xffful, .stack_size = 4096};
	show("a stack in the kernel", clone3(&args, sizeof(args)));
	args = (struct clone_args){.set_tid_size = 1};
	show("a number's size without one", clone3(&args, sizeof(args)));
	args = (struct clone_args){.set_tid = (uintptr_t)numbers};
	show("a number without a size", clone3(&args, sizeof(args)));
	args = (struct clone_args){.set_tid = (uintptr_t)numbers, .set_tid_size = 33};
	show("33 numbers", clone3(&args, sizeof(args)));
	args = (struct clone_args){.set_tid = 8, .set_tid_size = 1};
	show("a number from nowhere", clone3(&args, sizeof(args)));
	numbers[0] = 0;
	args = (struct clone_args){.set_tid = (uintptr_t)numbers, .set_tid_size = 1};
	show("number 0", clone3(&args, sizeof(args)));
	numbers[0] = -5;
	show("number -5", clone3(&args, sizeof(args)));
}

// Name spaces are for who administers the system: others are told so, once nothing else is wrong.
static void name_spaces(void)
{
	static const unsigned long kinds[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,
					      CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	struct clone_args args = {.flags = CLONE_NEWTIME, .exit_signal = SIGCHLD};
	int child = fork();

	if (child) {
		show("what another user gets", wait_for(child));
		return;
	}
	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		_exit(255);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (raw_clone(kinds[i] | SIGCHLD, NULL, NULL) != -1 || errno != EPERM)
			_exit((int)i + 1);
	}
	if (clone3(&args, sizeof(args)) != -1 || errno != EPERM)
		_exit(100);
	if (raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL) != -1 || errno != EINVAL)
		_exit(101);
	_exit(0);
}

// Only root may, so that nothing is printed that another user would not get.
static void chosen_number(void)
{
	int32_t number = 29999;
	struct clone_args args = {
		.set_tid = (uintptr_t)&number, .set_tid_size = 1, .exit_signal = SIGCHLD};
	long child = clone3(&args, sizeof(args));

	if (child == 0)
		_exit(getpid() == 29999 ? 3 : 4);
	check(getuid() || (child == 29999 && WEXITSTATUS(wait_for((int)child)) == 3),
	      "a number of the parent's choice");
	number = getpid();
	check(getuid() || (clone3(&args, sizeof(args)) == -1 && errno == EEXIST),
	      "but not one that is taken");
}

// ---- what is shared ----
static volatile int value;

static int sets(void *argument)
{
	(void)argument;
	value = 5;
	umask(077);
	if (chdir("/proc") || dup2(0, 40) != 40)
		return 8;
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	return 9;
}

static struct sigaction action_of(int signal)
{
	struct sigaction action;

	sigaction(signal, NULL, &action);
	return action;
}

static bool is_at(const char *directory)
{
	char path[256];

	return getcwd(path, sizeof(path)) && strcmp(path, directory) == 0;
}

static void sharing(const char *name, int flags)
{
	int child, status;

	value = 1;
	umask(022);
	if (chdir("/"))
		return;
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	child = clone(sets, stack + sizeof(stack), flags | SIGCHLD, NULL);
	status = wait_for(child);
	printf("# %s: status %d, memory %s, handler %s, ignored %s\n", name, WEXITSTATUS(status),
	       value == 5 ? "shared" : "apart",
	       action_of(SIGUSR1).sa_handler == handler ? "shared" : "apart",
	       action_of(SIGUSR2).sa_handler == SIG_IGN ? "shared" : "apart");
	printf("# directory %s, umask %o, descriptors %s\n", is_at("/proc") ? "shared" : "apart",
	       umask(022), close(40) == 0 ? "shared" : "apart");
	fflush(stdout);
}

// One after the other: the first sets, then parent and child see what the other has set.
static int pipes[2][2];

static void tell(int pipe)
{
	if (write(pipes[pipe][1], "x", 1) != 1)
		_exit(99);
}

static void listen_to(int pipe)
{
	char byte;

	if (read(pipes[pipe][0], &byte, 1) != 1)
		_exit(98);
}

static int takes_turns(void *argument)
{
	(void)argument;
	listen_to(0);
	if (action_of(SIGUSR1).sa_handler != handler)
		return 1;
	signal(SIGUSR1, SIG_IGN);
	tell(1);
	listen_to(0);
	// What is pending for this one was forgotten when the other made it ignored.
	kill((pid_t)syscall(SYS_getpid), SIGUSR2);
	return 0;
}

static void turns(void)
{
	int child;

	if (pipe(pipes[0]) || pipe(pipes[1]))
		return;
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	child = clone(takes_turns, stack + sizeof(stack), CLONE_VM | CLONE_SIGHAND | SIGCHLD,
		      NULL);
	signal(SIGUSR1, handler);
	tell(0);
	listen_to(1);
	check(action_of(SIGUSR1).sa_handler == SIG_IGN, "actions go both ways");
	signal(SIGUSR2, SIG_IGN);
	tell(0);
	show_status("a signal that only the other made ignored", wait_for(child));
	count = 0;
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	check(count == 1, "and the parent's go on after the child's end");
}

static int resets_once(void *argument)
{
	(void)argument;
	kill((pid_t)syscall(SYS_getpid),
	     SIGUSR1); // raise takes the number from the parent's memory
	return count == 1 ? 0 : 1;
}

static void shared_once(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};

	count = 0;
	sigaction(SIGUSR1, &action, NULL);
	show_status("SA_RESETHAND in a child with the same actions",
		    wait_for(clone(resets_once, stack + sizeof(stack),
				   CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL)));
	check(action_of(SIGUSR1).sa_handler == SIG_DFL, "is one for both");
}

// ---- how the end is told ----
static int ends(void *argument)
{
	return (int)(intptr_t)argument;
}

static void told_by(const char *name, int signal_number)
{
	int child, status = 0;

	count = last = 0;
	signal(SIGUSR1, handler);
	signal(SIGCHLD, handler);
	child = clone(ends, stack + sizeof(stack), CLONE_VM | signal_number, (void *)4);
	do
		errno = 0;
	while (waitpid(child, &status, __WALL) == -1 && errno == EINTR);
	printf("# %s: status %d, handlers %d, last %d\n", name, WEXITSTATUS(status), count, last);
	signal(SIGCHLD, SIG_DFL);
}

static void clone_children(void)
{
	int child = clone(ends, stack + sizeof(stack), CLONE_VM | SIGUSR1, NULL), error;

	signal(SIGUSR1, SIG_IGN);
	waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT | __WALL);
	show("waitpid without __WCLONE", waitpid(child, NULL, 0));
	error = waitpid(child, NULL, __WCLONE) == child ? 0 : errno;
	check(!error, "waitpid with it");
	show("__WCLONE with a plain child", waitpid(-1, NULL, __WCLONE));
}

// A sibling, not a child: it is init's, or whoever started this, who waits for it.
static int makes_sibling(void)
{
	pid_t parent = getppid();
	int sibling = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL);

	if (sibling == 0)
		_exit(getppid() == parent ? 6 : 7);
	if (waitpid(sibling, NULL, 0) != -1 || errno != ECHILD)
		return 1;
	return 2;
}

static void siblings(void)
{
	pid_t child = fork(), other;
	int status[2];

	if (child == 0)
		_exit(makes_sibling());
	other = waitpid(-1, &status[0], 0);
	waitpid(-1, &status[1], 0);
	show_status("the child", status[other != child]);
	show_status("its sibling", status[other == child]);
}

// ---- descriptors ----
static int signal_by(int descriptor, int signal, const siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, info, flags);
}

static short poll_now(int descriptor)
{
	struct pollfd request = {.fd = descriptor, .events = POLLIN};

	return poll(&request, 1, 0) > 0 ? request.revents : 0;
}

static void descriptors(void)
{
	int descriptor = -1, parent_tid = 0, child_tid = 0, status;
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
				  .pidfd = (uintptr_t)&descriptor,
				  .parent_tid = (uintptr_t)&parent_tid,
				  .child_tid = (uintptr_t)&child_tid,
				  .exit_signal = SIGCHLD};
	siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGUSR2};
	long child = clone3(&args, sizeof(args));

	if (child == 0) {
		pause();
		_exit(1);
	}
	check(child > 0 && descriptor > 2 && parent_tid == child, "clone3 with a descriptor");
	show("it is closed by exec", fcntl(descriptor, F_GETFD));
	show("and open for", fcntl(descriptor, F_GETFL) & O_ACCMODE);
	show("not readable", poll_now(descriptor));
	show("a signal that only asks", signal_by(descriptor, 0, NULL, 0));
	show("a wrong signal", signal_by(descriptor, 65, NULL, 0));
	show("unknown flags", signal_by(descriptor, 0, NULL, 0x100));
	show("no descriptor", signal_by(-1, 0, NULL, 0));
	show("another kind of descriptor", signal_by(0, 0, NULL, 0));
	show("details of another signal", signal_by(descriptor, SIGUSR1, &info, 0));
	show("details from nowhere", signal_by(descriptor, SIGUSR1, (void *)8, 0));
	info.si_code = SI_USER;
	show("details of kill", signal_by(descriptor, SIGUSR2, &info, 0));
	show("waitid without blocking",
	     waitid((idtype_t)P_PIDFD, (id_t)descriptor, &info, WEXITED | WNOHANG));
	show("SIGTERM", signal_by(descriptor, SIGTERM, NULL, 0));
	show("waitid", waitid((idtype_t)P_PIDFD, (id_t)descriptor, &info, WEXITED | WNOWAIT));
	show("killed by", info.si_status);
	show("readable", poll_now(descriptor) & POLLIN);
	show("a zombie can be signalled", signal_by(descriptor, SIGTERM, NULL, 0));
	waitpid((pid_t)child, &status, 0);
	show("gone", signal_by(descriptor, SIGTERM, NULL, 0));
	show("and nothing to wait for",
	     waitid((idtype_t)P_PIDFD, (id_t)descriptor, &info, WEXITED));
	show("read", read(descriptor, &info, 1));
	close(descriptor);
}

static void opening(void)
{
	int descriptor, self;
	struct pollfd request;
	int gate[2];
	char byte;
	pid_t child;

	if (pipe(gate))
		return;
	child = fork();
	if (child == 0) {
		close(gate[1]);
		_exit((int)read(gate[0], &byte, 1));
	}
	show("pidfd_open of -1", syscall(SYS_pidfd_open, -1, 0));
	show("of 0", syscall(SYS_pidfd_open, 0, 0));
	show("of nobody", syscall(SYS_pidfd_open, 999999, 0));
	show("with unknown flags", syscall(SYS_pidfd_open, getpid(), 0x10000));
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	show("waitid for itself", waitid((idtype_t)P_PIDFD, (id_t)self, NULL, WEXITED));
	show("waitid for no descriptor", waitid((idtype_t)P_PIDFD, 0, NULL, WEXITED));
	show("waitid for -1", waitid((idtype_t)P_PIDFD, (id_t)-1, NULL, WEXITED));
	descriptor = (int)syscall(SYS_pidfd_open, child, O_NONBLOCK);
	show("a descriptor that does not block",
	     waitid((idtype_t)P_PIDFD, (id_t)descriptor, NULL, WEXITED));
	close(gate[0]);
	close(gate[1]);
	request = (struct pollfd){.fd = descriptor, .events = POLLIN};
	show("poll until the end", poll(&request, 1, 10000));
	show("waitid then", waitid((idtype_t)P_PIDFD, (id_t)descriptor, NULL, WEXITED));
	close(descriptor);
	close(self);
}

int main(void)
{
	signal(SIGCHLD, SIG_DFL);
	refused();
	refused3();
	name_spaces();
	chosen_number();
	sharing("nothing", 0);
	sharing("memory", CLONE_VM);
	sharing("memory and handlers", CLONE_VM | CLONE_SIGHAND);
	sharing("the place alone", CLONE_FS);
	sharing("descriptors alone", CLONE_FILES);
	sharing("everything", CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES);
	turns();
	shared_once();
	told_by("SIGCHLD", SIGCHLD);
	told_by("SIGUSR1", SIGUSR1);
	told_by("nothing", 0);
	told_by("a signal that is none", 200);
	clone_children();
	siblings();
	descriptors();
	opening();
	return tap_end();
}
