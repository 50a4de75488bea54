// SPDX-License-Identifier: MIT
//
// Descriptors of processes beside pidfd_open's own tests (clone_flags.c): /proc/PID as one,
// another process's files, a number that comes again (ns_last_pid), and kcmp, which says what is
// shared.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static long pidfd_getfd(int pidfd, int descriptor, unsigned flags)
{
	return syscall(SYS_pidfd_getfd, pidfd, descriptor, flags);
}

static long send_to(int descriptor, int signal, siginfo_t *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, descriptor, signal, info, flags);
}

static long kcmp(pid_t one, pid_t other, int type, unsigned long first, unsigned long second)
{
	return syscall(SYS_kcmp, one, other, type, first, second);
}

static volatile int received, value;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	received = signal;
	value = info->si_value.sival_int;
}

static int as_nobody(void)
{
	int first = open("/proc/1", O_DIRECTORY), parent = pidfd_open(getppid());

	if (setuid(65534))
		return 1;
	show("a signal to root's process by its directory", send_to(first, 0, NULL, 0));
	show("a file of root's process", pidfd_getfd(parent, 0, 0));
	show("a comparison with it", kcmp(getpid(), getppid(), KCMP_VM, 0, 0));
	show("of one that does not exist", kcmp(getpid(), 4000000, KCMP_VM, 0, 0));
	return 0;
}

static void by_directory(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);

	info.si_value.sival_int = 777;
	sigaction(SIGUSR1, &action, NULL);
	show("to /proc/self", send_to(self, SIGUSR1, &info, 0));
	check(received == SIGUSR1 && value == 777, "it comes with its value");
	show("another number inside", send_to(self, SIGUSR2, &info, 0));
	show("flags", send_to(self, SIGUSR1, &info, 99999));
	show("task", send_to(open("/proc/self/task", O_DIRECTORY), 0, NULL, 0));
	show("root", send_to(open("/", O_DIRECTORY), 0, NULL, 0));
	show("a file in it", send_to(open("/proc/self/stat", O_RDONLY), 0, NULL, 0));
	show("as a path only", send_to(open("/proc/self", O_PATH), 0, NULL, 0));
	show("waiting for it", waitid(P_PIDFD, (id_t)self, &info, WEXITED));
	show("files by it", pidfd_getfd(self, 0, 0));
	close(self);
}

// ---- another process's files ----
static int wait_end(void)
{
	pause();
	return 0;
}

static pid_t start(int (*function)(void), int flags)
{
	pid_t child = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (!child)
		_exit(function());
	return child;
}

static int end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	return waitpid(child, &status, 0) == child;
}

static void files_of_others(void)
{
	int file = memfd_create("file", 0), pidfd, copy;
	pid_t child = start(wait_end, 0);
	siginfo_t info;

	dup2(file, 77);
	close(file);
	file = 77;
	pidfd = pidfd_open(child);
	show("not open there", pidfd_getfd(pidfd, file, 0)); // the fork came first
	end(child);
	child = start(wait_end, 0);
	close(pidfd);
	pidfd = pidfd_open(child);
	copy = (int)pidfd_getfd(pidfd, file, 0);
	check(copy >= 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC,
	      "a file of a child's, closed by exec");
	lseek(copy, 5, SEEK_SET);
	show("one file, one position", lseek(file, 0, SEEK_CUR));
	show("the same file", kcmp(getpid(), child, KCMP_FILE, (unsigned long)copy, 77));
	check(kcmp(getpid(), child, KCMP_FILE, 1, 77) > 0, "another");
	show("none", kcmp(getpid(), child, KCMP_FILE, 1, 500));
	show("flags", pidfd_getfd(pidfd, 0, 1));
	show("a negative one", pidfd_getfd(pidfd, -1, 0));
	show("of no process", pidfd_getfd(file, 0, 0));
	show("of no descriptor", pidfd_getfd(-1, 0, 0));
	kill(child, SIGKILL);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	show("of a zombie", pidfd_getfd(pidfd, file, 0));
	end(child);
	show("of one that is gone", pidfd_getfd(pidfd, file, 0));
	close(pidfd);
	close(copy);
	close(file);
}

// ---- what is shared ----
static void show_shared(const char *name, int flags)
{
	static const char *const types[] = {"file", "vm", "files", "fs", "sighand", "io", "sem"};
	pid_t child = start(wait_end, flags);
	char line[80];

	for (int type = KCMP_VM; type <= KCMP_SYSVSEM; type++) {
		long order = kcmp(getpid(), child, type, 0, 0);

		snprintf(line, sizeof(line), "%s, %s", name, types[type]);
		show(line, order > 0 ? 1 : order); // 1 or 2: which of them is first
	}
	end(child);
}

// ---- a number that comes again ----
static bool set_last(pid_t pid)
{
	char text[16];
	int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	int length = snprintf(text, sizeof(text), "%d", pid);
	bool done = write(file, text, (size_t)length) == length;
	int error = errno;

	close(file);
	errno = error;
	return done;
}

static void number_again(void)
{
	struct stat before, after;
	char path[32];
	pid_t first = 0, second = -1;
	int directory = -1;

	// Somebody else may take the number in between.
	for (int tries = 0; first != second && tries < 20; tries++) {
		if (directory >= 0)
			close(directory);
		first = start(wait_end, 0);
		snprintf(path, sizeof(path), "/proc/%d", first);
		directory = open(path, O_DIRECTORY);
		end(first);
		set_last(first - 1);
		second = start(wait_end, 0);
		if (second != first)
			end(second);
	}
	if (!check(first == second, "a number is given again"))
		return;
	fstat(directory, &before);
	stat(path, &after);
	check(before.st_ino != after.st_ino, "its directory is another file");
	show("a signal to the one before", send_to(directory, SIGKILL, NULL, 0));
	end(second);
	close(directory);
	show("a last number that is none", set_last(100000000) ? 0 : -1);
}

int main(void)
{
	by_directory();
	show_status("with fewer rights", in_child(as_nobody));
	files_of_others();
	show_shared("a process", 0);
	show_shared("with files and place", CLONE_FILES | CLONE_FS);
	show("a type that is none", kcmp(getpid(), getpid(), 77, 0, 0));
	show("oneself", kcmp(getpid(), getpid(), KCMP_SIGHAND, 0, 0));
	number_again();
	return tap_end();
}
