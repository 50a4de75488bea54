// SPDX-License-Identifier: MIT
//
// prctl's small attributes: what is told of them, what they refuse, who inherits them; slack by
// /proc; programs that may not read the time-stamp counter; orphans, and who hears of a parent's
// end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define CALL(option, ...) show(#option, syscall(SYS_prctl, option, __VA_ARGS__))

static int got(int option)
{
	int value = -1;

	if (syscall(SYS_prctl, option, &value, 0, 0, 0))
		return -1;
	return value;
}

static void refused(void)
{
	CALL(PR_SET_PDEATHSIG, 65, 0, 0, 0);
	CALL(PR_SET_PDEATHSIG, -1, 0, 0, 0);
	CALL(PR_GET_PDEATHSIG, 8, 0, 0, 0);
	CALL(PR_SET_TIMING, 1, 0, 0, 0);
	CALL(PR_SET_TIMING, 0, 0, 0, 0);
	CALL(PR_GET_TIMING, 0, 0, 0, 0);
	CALL(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0);
	CALL(PR_GET_TSC, 8, 0, 0, 0);
	CALL(PR_SET_TSC, 99, 0, 0, 0);
	CALL(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	show("the counter", got(PR_GET_TSC));
	CALL(PR_SET_THP_DISABLE, 1, 1, 0, 0);
	CALL(PR_GET_THP_DISABLE, 1, 0, 0, 0);
	CALL(PR_GET_NAME, 8, 0, 0, 0);
	CALL(PR_SET_NAME, 8, 0, 0, 0);
	CALL(PR_GET_TID_ADDRESS, 8, 0, 0, 0);
	CALL(9999, 0, 0, 0, 0);
	CALL(-1, 0, 0, 0, 0);
}

static int inherited(void)
{
	show("a child's slack", prctl(PR_GET_TIMERSLACK));
	show("its death signal", got(PR_GET_PDEATHSIG));
	show("whether it takes orphans", got(PR_GET_CHILD_SUBREAPER));
	show("its huge pages", syscall(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0));
	CALL(PR_SET_TIMERSLACK, 5, 0, 0, 0);
	show("its slack", prctl(PR_GET_TIMERSLACK));
	CALL(PR_SET_TIMERSLACK, 0, 0, 0, 0);
	show("what it began with", prctl(PR_GET_TIMERSLACK));
	return 0;
}

static void kept(void)
{
	show("slack", prctl(PR_GET_TIMERSLACK));
	CALL(PR_SET_TIMERSLACK, 123456, 0, 0, 0);
	show("slack", prctl(PR_GET_TIMERSLACK));
	CALL(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0);
	show("death signal", got(PR_GET_PDEATHSIG));
	CALL(PR_SET_CHILD_SUBREAPER, 77, 0, 0, 0);
	show("takes orphans", got(PR_GET_CHILD_SUBREAPER));
	CALL(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	show("huge pages", syscall(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0));
	in_child(inherited);
	CALL(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	CALL(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

// A grandchild outlives its parent and comes to this process, which takes orphans.
static void orphans(void)
{
	int pipes[2], status;
	pid_t self = getpid(), child, orphan = -1;

	if (pipe(pipes))
		return;
	child = fork();
	if (child == 0) {
		orphan = fork();
		if (orphan == 0) {
			while (getppid() != self)
				usleep(1000);
			_exit(7);
		}
		_exit(write(pipes[1], &orphan, sizeof(orphan)) != sizeof(orphan));
	}
	waitpid(child, &status, 0);
	show_status("the child", status);
	if (read(pipes[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		return;
	check(waitpid(orphan, &status, 0) == orphan, "the orphan is ours");
	show_status("the orphan", status);
}

// The child's child asks to be told of its parent's end, which then comes.
static void parents_end(void)
{
	int pipes[2], status;
	char byte;
	pid_t child, orphan = -1;

	if (pipe(pipes))
		return;
	child = fork();
	if (child == 0) {
		pid_t self = getpid();

		orphan = fork();
		if (orphan == 0) {
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			if (write(pipes[1], &(pid_t){getpid()}, sizeof(pid_t)) != sizeof(pid_t))
				_exit(1);
			while (getppid() == self)
				usleep(1000);
			usleep(100000);
			_exit(2);
		}
		while (read(pipes[0], &byte, 1) != 1)
			continue;
		_exit(byte == (char)orphan ? 0 : 1);
	}
	waitpid(child, &status, 0);
	show_status("the parent", status);
	waitpid(-1, &status, 0);
	show_status("its child", status);
}

static void write_name(const char *path, const char *name)
{
	char now[32] = {0};
	int file = open(path, O_WRONLY);

	show("written", write(file, name, strlen(name)));
	close(file);
	prctl(PR_GET_NAME, now);
	printf("# name %s\n", now);
	fflush(stdout);
}

static int renames_parent(void)
{
	char path[32];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/comm", getppid());
	file = open(path, O_WRONLY);
	return write(file, "thief", 5) == -1 && errno == EINVAL ? 0 : 1;
}

static void names(void)
{
	write_name("/proc/self/comm", "short");
	write_name("/proc/thread-self/comm", "much longer than a name can be");
	show_status("another's name", in_child(renames_parent));
}

// ---- /proc/PID/timerslack_ns ----
static void write_slack(const char *path, const char *text)
{
	char name[80];
	int file = open(path, O_WRONLY);
	long written = write(file, text, strlen(text));
	int error = errno;

	close(file);
	errno = error;
	snprintf(name, sizeof(name), "slack becomes \"%.*s\"", (int)strcspn(text, "\n"), text);
	show(name, written);
	show("it is", prctl(PR_GET_TIMERSLACK));
}

static void read_slack(const char *path)
{
	char text[40] = "";
	int file = open(path, O_RDONLY);
	long length = read(file, text, sizeof(text) - 1);

	show("slack is read", length);
	if (length > 0)
		printf("# %s", text);
	close(file);
}

static int slack_of_another(void)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", getppid());
	read_slack(path);
	if (setuid(65534))
		return 1;
	read_slack(path);
	write_slack(path, "9");
	read_slack("/proc/self/timerslack_ns");
	return 0;
}

static void slack_file(void)
{
	const char *path = "/proc/self/timerslack_ns";

	read_slack(path);
	write_slack(path, "2147483648\n");
	write_slack(path, "1");
	read_slack(path);
	write_slack(path, "0");
	write_slack(path, "-1");
	write_slack(path, "");
	write_slack(path, "5 6");
	write_slack(path, "0x10");
	write_slack(path, "99999999999999999999");
	show_status("another's", in_child(slack_of_another));
	show("of a thread", access("/proc/thread-self/timerslack_ns", F_OK));
}

// ---- the time-stamp counter ----
static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	show("reading the counter: signal", signal);
	show("code", info->si_code);
	show("address", info->si_addr != NULL);
	_exit(9);
}

static int read_counter(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	uint64_t before, after;

	sigaction(SIGSEGV, &action, NULL);
	show("the counter", got(PR_GET_TSC));
	before = __builtin_ia32_rdtsc();
	after = __builtin_ia32_rdtsc();
	check(after > before, "it counts");
	return 0;
}

static int refuse_counter(void)
{
	CALL(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	show_status("a child of who may not", in_child(read_counter));
	sched_yield();
	return read_counter();
}

static int execute_without_counter(void)
{
	CALL(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	execl("/proc/self/exe", "process_attributes", "counter", NULL);
	return 1;
}

static int allow_counter(void)
{
	CALL(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	CALL(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	return read_counter();
}

static void counter(void)
{
	show_status("who may not", in_child(refuse_counter));
	show_status("its parent", in_child(read_counter));
	show_status("who may again", in_child(allow_counter));
	show_status("who may not, and executes", in_child(execute_without_counter));
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return read_counter();
	refused();
	kept();
	slack_file();
	counter();
	orphans();
	parents_end();
	names();
	return tap_end();
}
