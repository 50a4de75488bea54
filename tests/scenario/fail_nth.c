// SPDX-License-Identifier: MIT
//
// Every allocation fails once in operations that make, change and end processes and memory: see
// fail_nth.h.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/scenario/fail_nth.h"

#define MANY (64 * 4096)

static const char *program;
static char data[MANY];

static int try_fork(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : EPROTO;
}

static int try_vfork(void)
{
	int status;
	pid_t child = vfork();

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : EPROTO;
}

static int try_fork_and_write(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0) {
		memset(data, 3, sizeof(data));
		_exit(0);
	}
	data[0] = 2;
	waitpid(child, &status, 0);
	return 0;
}

// In the new program main() goes on with counting.
static int try_exec(void)
{
	char *arguments[] = {(char *)program, "counted", NULL};
	char *environment[] = {"A=1", "B=2", NULL};

	execve(program, arguments, environment);
	return errno;
}

static int try_execveat(void)
{
	char *arguments[] = {(char *)program, "counted", NULL};
	int file = open(program, O_RDONLY);

	if (file < 0)
		return errno;
	syscall(SYS_execveat, file, "", arguments, NULL, AT_EMPTY_PATH);
	return errno;
}

static int try_brk(void)
{
	long before = syscall(SYS_brk, 0);
	long after = syscall(SYS_brk, before + MANY);

	if (after != before + MANY)
		return after == before ? ENOMEM : EPROTO;
	memset((void *)before, 1, MANY);
	syscall(SYS_brk, before);
	return 0;
}

static int try_mmap(void)
{
	char *map = mmap(NULL, MANY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = 0;

	if (map == MAP_FAILED)
		return errno;
	for (int i = 0; i < MANY; i += 8192)
		map[i] = 1;
	if (mprotect(map + 8192, 8192, PROT_READ) < 0 && errno != ENOMEM)
		error = errno;
	// A hole in the middle needs a VMA more; without memory the mapping stays whole.
	if (munmap(map + 32768, 8192) < 0 && errno != ENOMEM)
		error = errno;
	if (munmap(map, MANY) < 0)
		error = EPROTO;
	return error;
}

// A mapping, one call on it that may fail, and all of it gone again.
static int on_mapping(int flags, int (*call)(char *map))
{
	char *map = mmap(NULL, MANY, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	int error;

	if (map == MAP_FAILED)
		return errno;
	map[8192] = 1;
	error = call(map) < 0 ? errno : 0;
	return munmap(map, MANY) < 0 ? EPROTO : error;
}

#define ELSEWHERE ((void *)0x300000000000) // no page table leads there yet

// From the middle, so that it is cut in three, to where page tables have to be made.
static int move_middle(char *map)
{
	char *to = mremap(map + 8192, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE);

	if (to == MAP_FAILED)
		return -1;
	return *to == 1 ? munmap(to, 8192) : -1;
}

static int grow(char *map)
{
	char *to = mremap(map, MANY, 2 * MANY, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE);

	if (to == MAP_FAILED)
		return -1;
	to[MANY] = 1;
	return mremap(to, 2 * MANY, MANY, MREMAP_MAYMOVE | MREMAP_FIXED, map) == map ? 0 : -1;
}

static int advise_middle(char *map)
{
	return madvise(map + 8192, 8192, MADV_DONTFORK);
}

static int lock_middle(char *map)
{
	return mlock(map + 8192, 8192);
}

static int drop_and_fill(char *map)
{
	if (madvise(map, MANY, MADV_DONTNEED) < 0)
		return -1;
	return madvise(map, 16384, 23 /* MADV_POPULATE_WRITE */);
}

static int try_move(void)
{
	return on_mapping(MAP_PRIVATE, move_middle);
}

static int try_grow(void)
{
	return on_mapping(MAP_PRIVATE, grow);
}

static int try_advice(void)
{
	return on_mapping(MAP_PRIVATE, advise_middle);
}

static int try_lock(void)
{
	return on_mapping(MAP_PRIVATE, lock_middle);
}

static int try_fill(void)
{
	return on_mapping(MAP_PRIVATE, drop_and_fill);
}

static int try_shared(void)
{
	return on_mapping(MAP_SHARED, move_middle);
}

static int try_file_map(void)
{
	int file = open(program, O_RDONLY);
	char *map;

	if (file < 0)
		return errno;
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	close(file);
	if (map == MAP_FAILED)
		return errno;
	map[100] = 1;
	return map[1] == 'E' ? munmap(map, 8192) : EPROTO;
}

static int try_pipe(void)
{
	int ends[2];
	char byte = 0;

	if (pipe(ends) < 0)
		return errno;
	if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1)
		return errno;
	close(ends[0]);
	close(ends[1]);
	return byte == 'x' ? 0 : EPROTO;
}

static int try_descriptors(void)
{
	for (int i = 100; i < 400; i += 100) {
		if (dup2(1, i) < 0)
			return errno;
		close(i);
	}
	return 0;
}

static void handler(int signal)
{
	(void)signal;
}

static int try_signals(void)
{
	struct sigaction action = {.sa_handler = handler};

	if (sigaction(SIGUSR1, &action, NULL) < 0)
		return errno;
	raise(SIGUSR1);
	return 0;
}

static int try_limits(void)
{
	struct rlimit limit = {64, 128};
	gid_t groups[3] = {3, 1, 2};

	if (setrlimit(RLIMIT_CORE, &limit))
		return errno;
	if (syscall(SYS_setgroups, 3, groups))
		return errno;
	return syscall(SYS_setgroups, 0, NULL) ? errno : 0;
}

// The first time in a process each of these needs memory for what it is to keep.
static int try_setrlimit(void)
{
	return syscall(SYS_setrlimit, RLIMIT_CORE, (struct rlimit[]){{64, 128}}) ? errno : 0;
}

static int try_setitimer(void)
{
	return setitimer(ITIMER_REAL, (struct itimerval[]){{{0, 0}, {1000, 0}}}, NULL) ? errno : 0;
}

// It has no word for a failure: there is no alarm then.
static int try_alarm(void)
{
	syscall(SYS_alarm, 1000);
	return 0;
}

// Waits for the byte that never comes, and lets those who share with it part from it meanwhile.
static int keeps_sharing(void *end)
{
	char byte;

	return (int)read(*(int *)end, &byte, 1);
}

// While another process has the same descriptors and working directory.
static int while_shared(int (*part)(void))
{
	static char stack[16384] __attribute__((aligned(16)));
	int ends[2], error, status;
	pid_t child;

	if (pipe(ends) < 0)
		return errno;
	child = clone(keeps_sharing, stack + sizeof(stack),
		      CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, ends);
	if (child < 0)
		return errno;
	error = part() ? errno : 0;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return error;
}

static int part(void)
{
	return unshare(CLONE_FILES | CLONE_FS);
}

static int try_unshare(void)
{
	return while_shared(part);
}

static int part_and_close(void)
{
	return (int)syscall(SYS_close_range, 200, 300, 2 /* CLOSE_RANGE_UNSHARE */);
}

static int try_close_range(void)
{
	return while_shared(part_and_close);
}

// Promises that can not be kept for want of a VMA or an object are taken back.
static int try_promises(void)
{
	char *shared = mmap(NULL, MANY, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *more;
	int error = 0;

	if (shared == MAP_FAILED)
		return errno;
	more = mmap(NULL, MANY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (more == MAP_FAILED || mprotect(more + 4096, 4096, PROT_READ | PROT_WRITE))
		error = errno;
	if (!error && mremap(more + 4096, 4096, 4 * 4096, MREMAP_MAYMOVE) == MAP_FAILED)
		error = errno;
	munmap(shared, MANY);
	return error;
}

static int try_timer(void)
{
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0)
		return errno;
	return timer_delete(timer) < 0 ? EPROTO : 0;
}

static int try_events(void)
{
	sigset_t set;
	int files[3];

	sigemptyset(&set);
	files[0] = eventfd(0, 0);
	files[1] = files[0] < 0 ? -1 : timerfd_create(CLOCK_MONOTONIC, 0);
	files[2] = files[1] < 0 ? -1 : signalfd(-1, &set, 0);
	return files[2] < 0 ? errno : 0;
}

static int try_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0) < 0 ? errno : 0;
}

static int try_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN}, events[2];
	int set = epoll_create1(0), inner = epoll_create1(0), counter = eventfd(1, 0);

	if (set < 0 || inner < 0 || counter < 0)
		return errno;
	if (epoll_ctl(inner, EPOLL_CTL_ADD, counter, &event) < 0 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, inner, &event) < 0 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, counter, &event) < 0)
		return errno;
	switch (epoll_wait(set, events, 2, 0)) {
	case 2:
		return 0;
	case -1:
		return errno;
	default:
		return EPROTO;
	}
}

// Bytes and a file through it; what is on its way when it is closed goes with it.
static int try_socket_pair(void)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = "";
	struct iovec piece = {data, 10000};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int ends[2], files[2];

	memset(data, 1, 10000); // a system call has only EFAULT for a page it can not have
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || pipe(files) < 0)
		return errno;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), files, sizeof(int));
	if (sendmsg(ends[0], &message, 0) != 10000)
		return errno;
	if (sendmsg(ends[0], &message, 0) != 10000)
		return errno;
	return recvmsg(ends[1], &message, 0) == 10000 ? 0 : errno;
}

static const struct operation operations[] = {
	{"fork", try_fork},
	{"vfork", try_vfork},
	{"fork, both write", try_fork_and_write},
	{"exec", try_exec},
	{"execveat", try_execveat},
	{"brk", try_brk},
	{"mmap, mprotect, munmap", try_mmap},
	{"mremap: move", try_move},
	{"mremap: grow", try_grow},
	{"madvise: split", try_advice},
	{"madvise: drop and fill", try_fill},
	{"mlock", try_lock},
	{"shared memory", try_shared},
	{"map a file", try_file_map},
	{"pipe", try_pipe},
	{"descriptors", try_descriptors},
	{"signals", try_signals},
	{"limits", try_limits},
	{"setrlimit", try_setrlimit},
	{"setitimer", try_setitimer},
	{"alarm", try_alarm},
	{"unshare", try_unshare},
	{"close_range", try_close_range},
	{"promises", try_promises},
	{"a timer", try_timer},
	{"events", try_events},
	{"a process's descriptor", try_pidfd},
	{"a pair of sockets", try_socket_pair},
	{"epoll", try_epoll},
};

int main(int argc, char **argv)
{
	int wrong = 0, count = sizeof(operations) / sizeof(operations[0]);

	program = "/proc/self/exe";
	if (argc > 1 && !strcmp(argv[1], "counted")) {
		// It fires once: the second time this can be opened.
		if (open_control() < 0)
			return open_control() < 0 ? BROKEN : DID_WITHOUT;
		return left() ? NOT_REACHED : DID_WITHOUT;
	}
	memset(data, 1, sizeof(data));
	for (int i = 0; i < count; i++)
		wrong += walk(i + 1, &operations[i]);
	printf("1..%d\n", count);
	return wrong != 0;
}
