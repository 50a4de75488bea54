// SPDX-License-Identifier: MIT
//
// Users, groups and capabilities belong to the thread that changes them; that a process changes as
// a whole is the C library's doing. So system calls here, but where the library is meant.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/workplace.h"

#define ALICE 41001
#define BOB   41002

static pthread_barrier_t barrier;
static pid_t other_tid;

static void meet(void)
{
	pthread_barrier_wait(&barrier);
}

static long become(uid_t user)
{
	return syscall(SYS_setresuid, user, user, user);
}

static long status_users(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[200];
	unsigned user = 9999;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Uid:\t%*u\t%u", &user);
	if (file)
		fclose(file);
	return user;
}

static uint64_t effective(pid_t tid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, tid};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	return data[0].effective;
}

// Runs a thread to the end.
static void in_thread(void *(*run)(void *argument))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) || pthread_join(thread, NULL))
		check(false, "a thread");
}

static void *changes(void *unused)
{
	gid_t groups[2] = {7, 8};

	other_tid = (pid_t)syscall(SYS_gettid);
	show("setgroups by a thread", syscall(SYS_setgroups, 2, groups));
	show("setresgid by it", syscall(SYS_setresgid, BOB, BOB, BOB));
	show("setresuid by it", become(ALICE));
	show("its user", syscall(SYS_getuid));
	show("its group", syscall(SYS_getgid));
	show("its groups", syscall(SYS_getgroups, 0, NULL));
	show("may it back", become(0));
	show("its file system user", syscall(SYS_setfsuid, -1));
	show("a secret, for it", open("secret", O_RDONLY));
	show("no new privileges, for it", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	show("and now", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	meet();
	meet();
	return unused;
}

static void alone(void)
{
	char path[64];
	pthread_t thread;
	struct stat status;
	int fd;

	close(open("secret", O_CREAT | O_RDWR, 0600));
	pthread_create(&thread, NULL, changes, NULL);
	meet();
	show("the first thread's user", syscall(SYS_getuid));
	show("its group", syscall(SYS_getgid));
	check(syscall(SYS_getgroups, 0, NULL) != 2, "its groups are what they were");
	check(effective(0) && !effective(other_tid), "its capabilities too");
	show("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	fd = open("secret", O_RDONLY);
	check(fd >= 0, "the secret is open to it");
	close(fd);
	show("status of the process", status_users("/proc/self/status"));
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", other_tid);
	show("status of the thread", status_users(path));
	*strrchr(path, '/') = '\0';
	show("the thread's directory", stat(path, &status) ? -1 : (long)status.st_uid);
	show("the process's", stat("/proc/self", &status) ? -1 : (long)status.st_uid);
	meet();
	pthread_join(thread, NULL);
}

// ---- who may send what to whom ----
static uid_t somebody; // whom no other test is at the same time

static void *is_somebody(void *unused)
{
	other_tid = (pid_t)syscall(SYS_gettid);
	become(somebody);
	meet();
	meet();
	return unused;
}

static int asks_as_somebody(pid_t process, pid_t thread)
{
	struct rlimit limit;

	become(somebody);
	show("kill: the process, whose first thread is root's", kill(process, 0));
	show("kill: by its thread's number", kill(thread, 0));
	show("tgkill: the thread", syscall(SYS_tgkill, process, thread, 0));
	show("tgkill: the first", syscall(SYS_tgkill, process, process, 0));
	show("its group", kill(0, 0));
	show("prlimit: the process", prlimit(process, RLIMIT_CORE, NULL, &limit));
	show("setpriority: the process", setpriority(PRIO_PROCESS, process, 5));
	show("setpriority: the thread", setpriority(PRIO_PROCESS, thread, 5));
	show("sched_setaffinity: the process",
	     syscall(SYS_sched_setaffinity, process, 8, (uint64_t[]){1}));
	show("sched_setaffinity: the thread",
	     syscall(SYS_sched_setaffinity, thread, 8, (uint64_t[]){1}));
	return 0;
}

static int asked(void)
{
	pthread_t thread;
	pid_t self = getpid();
	int status = -1;
	pid_t child;

	somebody = 100000 + (uid_t)self;
	setpgid(0, 0);
	pthread_create(&thread, NULL, is_somebody, NULL);
	meet();
	child = fork();
	if (child == 0)
		_exit(asks_as_somebody(self, other_tid));
	waitpid(child, &status, 0);
	show("PRIO_USER", getpriority(PRIO_USER, somebody));
	meet();
	pthread_join(thread, NULL);
	return status;
}

// ---- children, exec, ends ----
static void *forks(void *unused)
{
	int status = -1;
	pid_t child;

	become(ALICE);
	child = fork();
	if (child == 0)
		_exit(syscall(SYS_getuid) == ALICE && status_users("/proc/self/status") == ALICE);
	waitpid(child, &status, 0);
	show_status("a child is what the thread was that made it", status);
	return unused;
}

static void *execs(void *unused)
{
	char *arguments[] = {"again", "show", NULL};

	become(ALICE);
	execv("/proc/self/exe", arguments);
	return unused;
}

static int execs_in_thread(void)
{
	in_thread(execs);
	return 9;
}

static void *outlives(void *unused)
{
	meet();
	become(BOB);
	syscall(SYS_exit_group, 0);
	return unused;
}

// Whose child it was is what its first thread was, not the one that ended last.
static int first_ends_as_alice(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, outlives, NULL))
		return 1;
	become(ALICE);
	meet();
	syscall(SYS_exit, 0);
	return 1;
}

static void ends(void)
{
	siginfo_t info = {0};
	pid_t child = fork();

	if (child == 0)
		_exit(first_ends_as_alice());
	show("waitid", waitid(P_PID, (id_t)child, &info, WEXITED));
	show("whose child that was", info.si_uid);
}

// ---- limits of a user's tasks ----
static void *forks_against_limit(void *unused)
{
	struct rlimit one = {1, 1};
	pid_t child;

	setrlimit(RLIMIT_NPROC, &one);
	become(ALICE);
	child = fork();
	if (child == 0)
		_exit(0);
	show("fork with one task allowed", child < 0 ? -1 : 0);
	return unused;
}

static int limited(void)
{
	in_thread(forks_against_limit);
	return 0;
}

// ---- the library's ----
static void *watches(void *unused)
{
	meet();
	meet();
	show("setuid by the library, seen by another thread", syscall(SYS_geteuid));
	show("setgroups, the same", syscall(SYS_getgroups, 0, NULL));
	return unused;
}

static int together(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, watches, NULL);
	meet();
	if (syscall(SYS_setgroups, 0, NULL))
		return 1;
	if (setresuid(ALICE, ALICE, ALICE))
		return 2;
	meet();
	pthread_join(thread, NULL);
	return 0;
}

// A process that becomes somebody else is not told of its parent's end any more.
static int parents_end(void)
{
	int signal = 0;

	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	become(ALICE);
	prctl(PR_GET_PDEATHSIG, &signal);
	return signal;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show")) {
		show("exec by a thread: user", getuid());
		check(getpid() == syscall(SYS_gettid), "it is the first one now");
		show("status of the process", status_users("/proc/self/status"));
		return 0;
	}
	pthread_barrier_init(&barrier, NULL, 2);
	enter_workplace();
	alone();
	show_status("asked", in_child(asked));
	in_thread(forks);
	show_status("exec", in_child(execs_in_thread));
	ends();
	show_status("limited", in_child(limited));
	show_status("together", in_child(together));
	show_status("the parent's end", in_child(parents_end));
	leave_workplace();
	return tap_end();
}
