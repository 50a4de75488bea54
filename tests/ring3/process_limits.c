// SPDX-License-Identifier: MIT
//
// setrlimit and prlimit, RLIMIT_NPROC, priorities and scheduling policies: who may set what. As
// root, without what not every root may do, and as users without capabilities.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/ring3/tap.h"

#define ALICE 41011
#define BOB   41012

static uid_t carol; // has never more processes than this test's: each run has its own

static void drop(int capability)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	data[capability / 32].effective &= ~(1u << capability % 32);
	syscall(SYS_capset, &header, data);
}

static void set(const char *name, int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = {soft, hard};

	show(name, setrlimit(resource, &limit));
}

// ---- limits ----
static int raise_and_lower(void)
{
	struct rlimit now = {0, 0};

	drop(CAP_SYS_RESOURCE);
	set("lower", RLIMIT_LOCKS, 100, 200);
	set("raise the soft one", RLIMIT_LOCKS, 200, 200);
	set("above the hard one", RLIMIT_LOCKS, 201, 200);
	set("raise the hard one", RLIMIT_LOCKS, 100, 201);
	set("no limit", RLIMIT_LOCKS, 100, RLIM_INFINITY);
	set("of what", 16, 1, 1);
	set("of less than none", -1, 1, 1);
	set("too many files", RLIMIT_NOFILE, 1, 1ul << 40);
	getrlimit(RLIMIT_LOCKS, &now);
	printf("# %lu %lu\n", (unsigned long)now.rlim_cur, (unsigned long)now.rlim_max);
	show("from nowhere", syscall(SYS_setrlimit, RLIMIT_LOCKS, 8));
	show("from nowhere, of what", syscall(SYS_setrlimit, 16, 8));
	show("to nowhere", syscall(SYS_getrlimit, RLIMIT_LOCKS, 8));
	show("to nowhere, of what", syscall(SYS_getrlimit, 16, 8));
	show("old to nowhere", syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, NULL, 8));
	show("of what, from nowhere", syscall(SYS_prlimit64, 0, 16, 8, NULL));
	show("of nobody, of what", syscall(SYS_prlimit64, 4194304, 16, NULL, NULL));
	show("nothing at all", syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, NULL, NULL));
	return 0;
}

// /proc/self/limits, with no limit as the system has it.
static int as_text(void)
{
	char line[256];
	FILE *file;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		rlim_t soft = (rlim_t)(i + 1) << 32;

		if (i == RLIMIT_NOFILE || i == RLIMIT_NICE || i == RLIMIT_RTPRIO ||
		    i == RLIMIT_NPROC || i == RLIMIT_SIGPENDING || i == RLIMIT_MEMLOCK ||
		    i == RLIMIT_MSGQUEUE)
			soft = 0;
		set("limit", i, i == RLIMIT_NOFILE ? 40 : soft,
		    i == RLIMIT_NOFILE ? 50
		    : i % 2 || !soft   ? soft
				       : RLIM_INFINITY);
	}
	file = fopen("/proc/self/limits", "r");
	while (file && fgets(line, sizeof(line), file))
		printf("#%s", line);
	fflush(stdout);
	return file ? 0 : 1;
}

static unsigned user_of(pid_t pid)
{
	char path[64], line[256];
	unsigned user = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Uid: %u", &user);
	if (file)
		fclose(file);
	return user;
}

// Another process of that user, which waits until it is killed.
static pid_t sleeper(uid_t user)
{
	pid_t child = fork();

	if (child == 0) {
		setresgid(user, user, user);
		setresuid(user, user, user);
		while (true)
			pause();
	}
	while (child > 0 && user_of(child) != user)
		sched_yield();
	return child;
}

static void end(pid_t child)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static pid_t bob; // not for Alice to end

static int of_others(void)
{
	pid_t alice = sleeper(ALICE);
	struct rlimit limit;

	drop(CAP_SYS_RESOURCE);
	show("root at Alice's", prlimit(alice, RLIMIT_CORE, NULL, &limit));
	setresgid(ALICE, ALICE, ALICE);
	setresuid(-1, ALICE, -1);
	setresuid(ALICE, ALICE, ALICE);
	show("Alice at Alice's", prlimit(alice, RLIMIT_CORE, NULL, &limit));
	limit.rlim_cur = 0;
	show("to set it", prlimit(alice, RLIMIT_CORE, &limit, NULL));
	show("Alice at Bob's", prlimit(bob, RLIMIT_CORE, NULL, &limit));
	show("of what", prlimit(bob, 16, NULL, &limit));
	show("at the first one's", prlimit(1, RLIMIT_CORE, NULL, &limit));
	show("kill Bob's", kill(bob, 0));
	show("kill Alice's", kill(alice, 0));
	end(alice);
	return 0;
}

// ---- number of processes ----
static int one_more(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child > 0 ? 0 : -1;
}

static int how_many(void)
{
	set("one process", RLIMIT_NPROC, 1, 1);
	show("fork as root", one_more());
	setuid(carol);
	show("fork as Carol", one_more());
	return 0;
}

static int how_many_children(void)
{
	pid_t children[2];

	set("three processes", RLIMIT_NPROC, 3, 3);
	setuid(carol);
	children[0] = fork();
	if (children[0] == 0)
		while (true)
			pause();
	show("second", children[0] > 0 ? 0 : -1);
	children[1] = fork();
	if (children[1] == 0)
		while (true)
			pause();
	show("third", children[1] > 0 ? 0 : -1);
	show("fourth", one_more());
	end(children[0]);
	show("fourth, without the second", one_more());
	end(children[1]);
	return 0;
}

// setuid goes through; exec does not.
static int exec_of_too_many(void)
{
	pid_t child = sleeper(carol);

	set("no process", RLIMIT_NPROC, 0, 0);
	show("setuid", setuid(carol));
	show("exec", execl("/proc/self/exe", "process_limits", "nothing", NULL));
	end(child);
	return 0;
}

// ---- priorities ----
static void show_priority(const char *name, int which, id_t who)
{
	show(name, syscall(SYS_getpriority, which, who));
}

static int nice_values(void)
{
	drop(CAP_SYS_NICE);
	show_priority("at first", PRIO_PROCESS, 0);
	show("nicer", setpriority(PRIO_PROCESS, 0, 5));
	show_priority("then", PRIO_PROCESS, 0);
	show("less nice", setpriority(PRIO_PROCESS, 0, 4));
	show("as nice", setpriority(PRIO_PROCESS, 0, 5));
	show("too nice", setpriority(PRIO_PROCESS, 0, 100));
	show_priority("then", PRIO_PROCESS, 0);
	show("of what", setpriority(3, 0, 0));
	show("of nobody", setpriority(PRIO_PROCESS, 4194304, 0));
	show_priority("of what", 3, 0);
	show_priority("of nobody", PRIO_PROCESS, 4194304);
	show_priority("of no group", PRIO_PGRP, 4194304);
	show_priority("of no user", PRIO_USER, carol);
	set("limit", RLIMIT_NICE, 0, 0);
	setuid(carol);
	show("as Carol", setpriority(PRIO_USER, 0, 19));
	show("less nice", setpriority(PRIO_USER, 0, 18));
	show("the parent", setpriority(PRIO_PROCESS, getppid(), 19));
	show_priority("of the parent", PRIO_PROCESS, getppid());
	return 0;
}

static int nicest_of_a_group(void)
{
	pid_t child;

	setpgid(0, 0);
	child = sleeper(0);
	show("nice", setpriority(PRIO_PGRP, 0, 3));
	show("nicer", setpriority(PRIO_PROCESS, child, 7));
	show_priority("of the group", PRIO_PGRP, 0);
	show_priority("of the child", PRIO_PROCESS, child);
	end(child);
	return 0;
}

static void policy(const char *name, pid_t pid, int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	show(name, syscall(SYS_sched_setscheduler, pid, policy, &param));
}

// Fields of /proc/self/stat: priority, nice value, real-time priority, policy.
static void show_fields(const char *name)
{
	char text[1024] = "";
	FILE *file = fopen("/proc/self/stat", "r");
	char *at = file && fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;

	printf("# %s:", name);
	for (int field = 3; at; field++) {
		at = strchr(at + 1, ' ');
		if (at && (field == 18 || field == 19 || field == 40 || field == 41))
			printf(" %ld", strtol(at, NULL, 10));
	}
	printf("\n");
	fflush(stdout);
	fclose(file);
}

static int policies(void)
{
	struct sched_param param = {.sched_priority = 7};
	struct timespec slice;

	show("at first", syscall(SYS_sched_getscheduler, 0));
	show_fields("as it is shown");
	policy("batch", 0, SCHED_BATCH, 0);
	setpriority(PRIO_PROCESS, 0, 3);
	show_fields("batch and nice");
	show("then", syscall(SYS_sched_getscheduler, 0));
	policy("batch with a priority", 0, SCHED_BATCH, 1);
	policy("first in, first out, without one", 0, SCHED_FIFO, 0);
	policy("unknown", 0, 99, 0);
	policy("negative", 0, -1, 0);
	policy("of nobody", 4194304, SCHED_BATCH, 0);
	policy("of less than nobody", -1, SCHED_BATCH, 0);
	show("from nowhere", syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, 8));
	show("from null", syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, NULL));
	show("param", syscall(SYS_sched_setparam, 0, &param));
	param.sched_priority = 0;
	show("param 0", syscall(SYS_sched_setparam, 0, &param));
	param.sched_priority = 7;
	show("getparam", syscall(SYS_sched_getparam, 0, &param));
	show("priority", param.sched_priority);
	show("getparam to null", syscall(SYS_sched_getparam, 0, NULL));
	show("getscheduler of less than nobody", syscall(SYS_sched_getscheduler, -1));
	show("getscheduler of nobody", syscall(SYS_sched_getscheduler, 4194304));
	for (int i = 0; i < 7; i++) {
		show("most", syscall(SYS_sched_get_priority_max, i));
		show("least", syscall(SYS_sched_get_priority_min, i));
	}
	show("interval of nobody", syscall(SYS_sched_rr_get_interval, 4194304, &slice));
	show("interval", syscall(SYS_sched_rr_get_interval, 0, &slice));
	policy("idle", 0, SCHED_IDLE, 0);
	setuid(carol);
	policy("first in, first out, as Carol", 0, SCHED_FIFO, 1);
	policy("other, from idle", 0, SCHED_OTHER, 0);
	policy("the parent's", getppid(), SCHED_OTHER, 0);
	return 0;
}

// ---- time ----
static volatile int warnings;
static volatile bool forever = true;

static void warned(int signal)
{
	struct rlimit now;

	if (signal == SIGXCPU && warnings++ == 0) {
		getrlimit(RLIMIT_CPU, &now);
		printf("# told; the limit is now %lu\n", (unsigned long)now.rlim_cur);
		fflush(stdout);
	}
}

// The signal may come at once, but not before the line is written.
static void set_time(const char *name, unsigned long soft, unsigned long hard)
{
	sigset_t warning;

	sigemptyset(&warning);
	sigaddset(&warning, SIGXCPU);
	sigprocmask(SIG_BLOCK, &warning, NULL);
	set(name, RLIMIT_CPU, soft, hard);
	sigprocmask(SIG_UNBLOCK, &warning, NULL);
}

static int time_runs_out(void)
{
	signal(SIGXCPU, warned);
	set_time("a second", 0, 1);
	while (forever)
		continue;
	return 0;
}

static int warned_is_fatal(void)
{
	set_time("no time", 0, RLIM_INFINITY);
	while (forever)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	carol = 300000 + (uid_t)getpid();
	show_status("limits", in_child(raise_and_lower));
	show_status("limits as text", in_child(as_text));
	bob = sleeper(BOB);
	show_status("others' limits", in_child(of_others));
	end(bob);
	show_status("one process", in_child(how_many));
	show_status("three processes", in_child(how_many_children));
	show_status("too many at exec", in_child(exec_of_too_many));
	show_status("nice values", in_child(nice_values));
	show_status("a group's", in_child(nicest_of_a_group));
	show_status("policies", in_child(policies));
	show_status("a second of time", in_child(time_runs_out));
	show_status("no time", in_child(warned_is_fatal));
	return tap_end();
}
