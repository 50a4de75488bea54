// SPDX-License-Identifier: MIT
//
// What threads mean for their process: who may end first and with which status, exit_group, fatal
// signals, fork and exec from a thread, which thread takes a signal, and clone's errors.
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

static int ends[2];

static void start(void *(*function)(void *), void *argument, pthread_t *thread)
{
	pthread_t unused;

	if (pthread_create(thread ? thread : &unused, NULL, function, argument))
		_exit(99);
}

static void nap(long milliseconds)
{
	struct timespec time = {0, milliseconds * 1000000};

	nanosleep(&time, NULL);
}

// ---- ends ----
static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *spin_for_ever(void *unused)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
	return unused;
}

static void *exit_thread_later(void *status)
{
	nap(50);
	syscall(SYS_exit, (long)status);
	return NULL;
}

static void *exit_group_later(void *status)
{
	nap(50);
	_exit((int)(long)status);
}

static volatile int *volatile nowhere = (int *)16;

static void *crash(void *unused)
{
	*nowhere = 1;
	return unused;
}

static void some_company(void)
{
	start(sleep_for_ever, NULL, NULL);
	start(spin_for_ever, NULL, NULL);
	start(sleep_for_ever, NULL, NULL);
	nap(20);
}

static int first_exits_last(void)
{
	start(exit_thread_later, (void *)5, NULL);
	nap(150);
	syscall(SYS_exit, 3);
	return 99;
}

static int first_exits_first(void)
{
	start(exit_thread_later, (void *)5, NULL);
	syscall(SYS_exit, 3);
	return 99;
}

static int group_after_the_first(void)
{
	start(exit_group_later, (void *)7, NULL);
	syscall(SYS_exit, 3);
	return 99;
}

static int group_by_another(void)
{
	some_company();
	start(exit_group_later, (void *)8, NULL);
	sleep_for_ever(NULL);
	return 99;
}

static int group_by_the_first(void)
{
	some_company();
	return 9;
}

static int crash_of_one(void)
{
	some_company();
	start(crash, NULL, NULL);
	sleep_for_ever(NULL);
	return 99;
}

static int killed(void)
{
	some_company();
	kill(getpid(), SIGTERM);
	sleep_for_ever(NULL);
	return 99;
}

static int last_by_pthread_exit(void)
{
	start(exit_thread_later, (void *)0, NULL);
	pthread_exit(NULL);
}

static int told[2];

static void *exit_group_when_told(void *status)
{
	char byte;

	while (read(told[0], &byte, 1) != 1)
		continue;
	_exit((int)(long)status);
}

static void zombie_only_at_the_end(void)
{
	pid_t child;
	int status;

	check(pipe(told) == 0, "a pipe");
	child = fork();
	if (child == 0) {
		start(exit_group_when_told, (void *)4, NULL);
		syscall(SYS_exit, 3);
	}
	nap(10);
	check(waitpid(child, &status, WNOHANG) == 0, "a first thread's end is not the process's");
	check(kill(child, 0) == 0, "the process is still there");
	check(write(told[1], "x", 1) == 1, "until it is told");
	waitpid(child, &status, 0);
	show_status("then", status);
}

// ---- fork and exec ----
static void *fork_in_thread(void *unused)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(getpid() == gettid() ? 21 : 22);
	waitpid(child, &status, 0);
	show_status("forked by a thread", status);
	return unused;
}

static void *exec_in_thread(void *unused)
{
	char numbers[32];
	char *arguments[] = {"threads", numbers, NULL};

	(void)unused;
	nap(20);
	snprintf(numbers, sizeof(numbers), "%d", getpid());
	execv("/proc/thread-self/exe", arguments);
	return NULL;
}

static int exec_by_another(void)
{
	some_company();
	start(exec_in_thread, NULL, NULL);
	sleep_for_ever(NULL);
	return 99;
}

static int exec_by_the_first(void)
{
	some_company();
	exec_in_thread(NULL);
	return 99;
}

static int exec_after_the_first(void)
{
	start(exec_in_thread, NULL, NULL);
	syscall(SYS_exit, 3);
	return 99;
}

static void *exec_nothing(void *unused)
{
	check(execl("/nowhere", "nowhere", NULL) == -1, "a failed exec ends nobody");
	return unused;
}

// What is run by exec: the same process, with one thread.
static int be_executed(const char *before)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	int threads = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Threads: %d", &threads) == 1)
			break;
	if (atoi(before) != getpid() || getpid() != gettid())
		return 31;
	return threads == 1 ? 30 : 32;
}

// ---- signals ----
static __thread int marked;
static volatile int handled_by, handled;

static void handler(int signal)
{
	(void)signal;
	handled_by = marked;
	handled++;
}

static void *take_signals(void *mark)
{
	sigset_t set;
	char byte;

	marked = (int)(long)mark;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (marked == 2)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (read(ends[0], &byte, 1) < 0)
		;
	return NULL;
}

static void until_handled(int count)
{
	while (handled < count)
		nap(1);
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = handler};
	pthread_t one, two;
	sigset_t set, pending;

	if (pipe(ends))
		exit(1);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	start(take_signals, (void *)1, &one);
	start(take_signals, (void *)2, &two);
	kill(getpid(), SIGUSR1);
	until_handled(1);
	show("to the process: taken by the one that does not block it", handled_by);
	pthread_kill(one, SIGUSR1);
	nap(20); // if it were handled it would be soon
	show("to one that blocks it: still handled", handled);
	sigpending(&pending);
	show("and pending for nobody else", sigismember(&pending, SIGUSR1));
	pthread_kill(two, SIGUSR1);
	until_handled(2);
	show("to the other", handled);
	if (write(ends[1], "xx", 2) != 2)
		exit(1);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	show("blocked by all: pending", sigismember(&pending, SIGUSR1));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	show("until it is let through", handled);
}

static void *wait_for_signal(void *unused)
{
	sigset_t set;
	int signal = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &signal);
	(void)unused;
	return (void *)(long)signal;
}

static void waiting_for_signals(void)
{
	pthread_t threads[3];
	sigset_t set, pending;
	void *result;
	long sum = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++)
		start(wait_for_signal, NULL, &threads[i]);
	for (int i = 0; i < 3; i++) {
		kill(getpid(), SIGUSR2);
		do { // two that are pending are one
			nap(1);
			sigpending(&pending);
		} while (sigismember(&pending, SIGUSR2));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	check(sum == 3l * SIGUSR2, "each of three signals was waited for by one");
}

static int stop_and_go(void)
{
	int status;
	pid_t child;

	check(pipe(told) == 0, "a pipe");
	child = fork();
	if (child == 0) {
		some_company();
		start(exit_group_when_told, (void *)6, NULL);
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	waitpid(child, &status, WUNTRACED);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "all threads stopped");
	check(write(told[1], "x", 1) == 1, "one would go on now");
	nap(50);
	check(waitpid(child, &status, WNOHANG) == 0, "none of them goes on");
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void thread_numbers(void)
{
	show("tgkill, wrong process", syscall(SYS_tgkill, getpid() + 1, gettid(), 0));
	show("tgkill, no such thread", syscall(SYS_tgkill, getpid(), 30000000, 0));
	show("tgkill, bad number", syscall(SYS_tgkill, getpid(), -1, 0));
	show("tgkill, bad signal", syscall(SYS_tgkill, getpid(), gettid(), 65));
	show("tgkill, itself", syscall(SYS_tgkill, getpid(), gettid(), 0));
	show("tkill, itself", syscall(SYS_tkill, gettid(), 0));
	check(syscall(SYS_set_tid_address, NULL) == gettid(), "set_tid_address tells the tid");
}

static void clone_errors(void)
{
	struct clone_args args = {.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
				  .exit_signal = SIGCHLD};
	const long vm = CLONE_VM, thread = CLONE_THREAD, handlers = CLONE_SIGHAND;

	show("thread alone", syscall(SYS_clone, thread, 0, 0, 0, 0));
	show("thread with memory", syscall(SYS_clone, thread | vm, 0, 0, 0, 0));
	show("thread with handlers", syscall(SYS_clone, thread | handlers, 0, 0, 0, 0));
	show("handlers without memory", syscall(SYS_clone, handlers, 0, 0, 0, 0));
	show("clone3, thread with a signal", syscall(SYS_clone3, &args, sizeof(args)));
	args.exit_signal = 0;
	args.flags = CLONE_THREAD;
	show("clone3, thread alone", syscall(SYS_clone3, &args, sizeof(args)));
	args.flags = CLONE_DETACHED;
	show("clone3, CLONE_DETACHED", syscall(SYS_clone3, &args, sizeof(args)));
	args.flags = 0;
	args.stack = 4096;
	show("clone3, stack without size", syscall(SYS_clone3, &args, sizeof(args)));
	show("clone3, too short", syscall(SYS_clone3, &args, 8));
	show("clone3, nowhere", syscall(SYS_clone3, (void *)8, sizeof(args)));
}

// ---- a fork that meets a signal begins anew, whichever thread the signal is for ----
#define FORKS   300
#define SIGNALS 20000 // then the forks have peace: on a slow machine none would ever end

static volatile bool forks_over;
static int forks_failed;

static void go_on(int signal)
{
	(void)signal;
}

static void *fork_often(void *unused)
{
	for (int i = 0; i < FORKS; i++) {
		pid_t child = (pid_t)syscall(SYS_fork); // musl's blocks signals

		if (child == 0)
			_exit(0);
		forks_failed += child < 0;
		while (child > 0 && waitpid(child, NULL, 0) < 0)
			;
	}
	forks_over = true;
	return unused;
}

static void fork_among_signals(void)
{
	struct sigaction action = {.sa_handler = go_on, .sa_flags = SA_RESTART};
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	start(fork_often, NULL, &thread);
	for (unsigned i = 0; !forks_over && i < SIGNALS; i++) {
		kill(getpid(), SIGUSR1);
		if (i % 32 == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	show("forks that failed among signals", forks_failed);
}

// A child hears of its parent's end when the thread that made it ends.
static void *make_child(void *child)
{
	int ready[2];
	char byte;

	if (pipe(ready))
		return NULL;
	*(pid_t *)child = fork();
	if (*(pid_t *)child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		sleep_for_ever(NULL);
	}
	check(read(ready[0], &byte, 1) == 1, "the child of a thread sleeps");
	return NULL;
}

static void end_of_the_maker(void)
{
	pthread_t thread;
	pid_t child = -1;
	int status = -1;

	start(make_child, &child, &thread);
	pthread_join(thread, NULL);
	check(waitpid(child, &status, 0) == child, "and ends with the thread");
	show_status("how", status);
}

int main(int count, char **arguments)
{
	pthread_t thread;

	if (count > 1)
		return be_executed(arguments[1]);
	show_status("the first thread exits last", in_child(first_exits_last));
	show_status("the first thread exits first", in_child(first_exits_first));
	show_status("exit_group after the first is gone", in_child(group_after_the_first));
	show_status("exit_group by another", in_child(group_by_another));
	show_status("exit_group by the first", in_child(group_by_the_first));
	show_status("one crashes", in_child(crash_of_one));
	show_status("killed", in_child(killed));
	show_status("pthread_exit by the first", in_child(last_by_pthread_exit));
	zombie_only_at_the_end();
	start(fork_in_thread, NULL, &thread);
	pthread_join(thread, NULL);
	show_status("exec by another", in_child(exec_by_another));
	show_status("exec by the first", in_child(exec_by_the_first));
	show_status("exec after the first is gone", in_child(exec_after_the_first));
	start(exec_nothing, NULL, &thread);
	pthread_join(thread, NULL);
	signals();
	waiting_for_signals();
	show("stopped, continued, ended", stop_and_go());
	end_of_the_maker();
	thread_numbers();
	clone_errors();
	fork_among_signals();
	return tap_end();
}
