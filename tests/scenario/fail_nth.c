// SPDX-License-Identifier: MIT
//
// Walks N from 1 until nothing fails any more: the Nth allocation inside one operation fails, for
// operations that make, change and end processes and memory. Each try is in a process of its own;
// it may fail with ENOMEM, be ended by SIGKILL (a page fault has no other way to fail), or succeed
// (what failed was not needed). Anything else is wrong. tests/scenario/fail_nth.t reads the books
// afterwards.
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
#include <sys/timerfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define LIMIT 2000
#define MANY  (64 * 4096)

// How a try ended, as exit status.
enum { NOT_REACHED, FAILED_CLEANLY, DID_WITHOUT, WRONG_ERROR, BROKEN };

static const char *program;
static int control; // /proc/self/fail-nth, opened by the process it is about
static char data[MANY];
static unsigned *shared; // a page that fork does not protect

static int open_control(void)
{
	control = open("/proc/self/fail-nth", O_RDWR);
	return control;
}

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(control, text, length, 0) != length)
		_exit(BROKEN);
}

// What is left to count; disarms.
static int left(void)
{
	char text[16] = "";

	if (pread(control, text, sizeof(text) - 1, 0) <= 0)
		_exit(BROKEN);
	arm(0);
	return atoi(text);
}

// Each returns 0 or an errno.

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

static int thread_ran, thread_alive;

static int run_thread(void *unused)
{
	(void)unused;
	thread_ran = 1;
	return 0;
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

static int try_thread(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int alive;

	thread_ran = 0;
	if (clone(run_thread, stack + sizeof(stack), flags, NULL, &thread_alive, NULL,
		  &thread_alive) < 0)
		return errno;
	while ((alive = __atomic_load_n(&thread_alive, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, &thread_alive, FUTEX_WAIT, alive, NULL);
	return thread_ran ? 0 : EPROTO;
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

	memset(data, 1, 10000); // see own()
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

// struct clone_args of <linux/sched.h>, which does not go together with <sched.h>.
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};

// What the kernel is about to write to is the process's own before: a system call has no other
// word for a page that it can not have than EFAULT.
static void own(unsigned *word)
{
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
}

// A process with a number of its own choice and a descriptor.
static int try_clone3(void)
{
	pid_t wanted = getpid() + 1000;
	int status;
	struct clone_arguments arguments = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
					    .pidfd = (uintptr_t)shared,
					    .parent_tid = (uintptr_t)(shared + 1),
					    .exit_signal = SIGCHLD,
					    .set_tid = (uintptr_t)&wanted,
					    .set_tid_size = 1};
	long child;

	own(shared);
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	return waitpid(wanted, &status, 0) == wanted && status == 0 ? 0 : EPROTO;
}

static char stacks[2][16384] __attribute__((aligned(16)));

// Threads of one or two futexes' worth of work, by clone3. 0 or an errno.
static int start_thread(int number, int (*run)(void *argument), int *alive)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	return clone(run, stacks[number] + sizeof(stacks[number]), flags, NULL, alive, NULL,
		     alive) < 0
		       ? errno
		       : 0;
}

static void join_thread(int *alive)
{
	int now;

	while ((now = __atomic_load_n(alive, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, alive, FUTEX_WAIT, now, NULL);
}

static unsigned mutex, condition; // futexes

static long futex(unsigned *word, int operation, unsigned value, long time, unsigned *other)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, time, other, 0);
}

static int locks(void *unused)
{
	(void)unused;
	return futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL) ||
	       futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL);
}

// Nothing of this needs memory but the thread.
static int try_mutex(void)
{
	int alive = 0, error;

	own(&mutex);
	if (futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL))
		return errno;
	error = start_thread(0, locks, &alive);
	if (error)
		return error;
	while (!(__atomic_load_n(&mutex, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	if (futex(&mutex, FUTEX_TRYLOCK_PI, 0, 0, NULL) != -1 || errno != EDEADLK)
		return EPROTO;
	if (futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL))
		return EPROTO;
	join_thread(&alive);
	return mutex ? EPROTO : 0;
}

static int waits(void *unused)
{
	(void)unused;
	return futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, &mutex) ||
	       futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL);
}

static int try_requeue(void)
{
	int alive = 0, error;
	long moved;

	own(&mutex);
	if (futex(&mutex, FUTEX_LOCK_PI, 0, 0, NULL))
		return errno;
	error = start_thread(0, waits, &alive);
	if (error)
		return error;
	while (!(moved = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, 0, &mutex)))
		sched_yield();
	if (moved != 1 || futex(&mutex, FUTEX_UNLOCK_PI, 0, 0, NULL))
		return moved < 0 ? errno : EPROTO;
	join_thread(&alive);
	return mutex & FUTEX_TID_MASK ? EPROTO : 0;
}

static int try_several(void)
{
	struct futex_waitv words[64];
	static unsigned values[64];

	for (int i = 0; i < 64; i++)
		words[i] = (struct futex_waitv){.uaddr = (uintptr_t)&values[i],
						.val = i == 63, // not what it is
						.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
	if (syscall(SYS_futex_waitv, words, 64, 0, NULL, CLOCK_MONOTONIC) != -1)
		return EPROTO;
	return errno == EAGAIN ? 0 : errno;
}

// A thread ends with a mutex on its robust list.
static struct robust {
	struct robust_list_head head;
	struct robust_list link;
	unsigned word;
} robust;

static int ends_with_it(void *unused)
{
	(void)unused;
	robust.head.list.next = &robust.link;
	robust.head.futex_offset = offsetof(struct robust, word) - offsetof(struct robust, link);
	robust.link.next = &robust.head.list;
	robust.word = (unsigned)syscall(SYS_gettid);
	return (int)syscall(SYS_set_robust_list, &robust.head, sizeof(robust.head));
}

static int try_robust(void)
{
	int alive = 0, error = start_thread(0, ends_with_it, &alive);

	if (error)
		return error;
	join_thread(&alive);
	return robust.word == FUTEX_OWNER_DIED ? 0 : EPROTO;
}

static const struct operation {
	const char *name;
	int (*run)(void);
} operations[] = {
	{"fork", try_fork},
	{"vfork", try_vfork},
	{"fork, both write", try_fork_and_write},
	{"exec", try_exec},
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
	{"promises", try_promises},
	{"a timer", try_timer},
	{"events", try_events},
	{"a process's descriptor", try_pidfd},
	{"a pair of sockets", try_socket_pair},
	{"epoll", try_epoll},
	{"a thread", try_thread},
	{"clone3", try_clone3},
	{"a mutex with inheritance", try_mutex},
	{"moved to such a mutex", try_requeue},
	{"several words", try_several},
	{"a robust list", try_robust},
};

static int verdict(int error)
{
	if (left())
		return error ? WRONG_ERROR : NOT_REACHED;
	if (!error)
		return DID_WITHOUT;
	return error == ENOMEM || error == EAGAIN || error == ENOBUFS ? FAILED_CLEANLY
								      : WRONG_ERROR;
}

static int one_try(const struct operation *operation, int nth)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return BROKEN;
	if (child == 0) {
		if (open_control() < 0)
			_exit(BROKEN);
		arm(nth);
		_exit(verdict(operation->run()));
	}
	if (waitpid(child, &status, 0) != child)
		return BROKEN;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGKILL ? FAILED_CLEANLY : BROKEN;
}

static int walk(int number, const struct operation *operation)
{
	int nth, result = NOT_REACHED, failures = 0;

	for (nth = 1; nth < LIMIT; nth++) {
		result = one_try(operation, nth);
		if (result == NOT_REACHED || result > DID_WITHOUT)
			break;
		failures += result == FAILED_CLEANLY;
	}
	printf("%sok %d - %s: %d of %d failures were reported, the others done without\n",
	       result == NOT_REACHED && nth > 1 ? "" : "not ", number, operation->name, failures,
	       nth - 1);
	if (result != NOT_REACHED)
		printf("# allocation %d: result %d\n", nth, result);
	fflush(stdout);
	return result == NOT_REACHED && nth > 1 ? 0 : 1;
}

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
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(data, 1, sizeof(data));
	for (int i = 0; i < count; i++)
		wrong += walk(i + 1, &operations[i]);
	printf("1..%d\n", count);
	return wrong != 0;
}
