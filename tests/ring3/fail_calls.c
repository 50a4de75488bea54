// SPDX-License-Identifier: MIT
//
// The calls that fail_files.c, fail_tmpfs.c and tests/scenario/fail_nth.c leave out: those that
// take memory of the kernel's fail once for each allocation, and the rest is seen to take none.
// tests/scenario/fail_nth.t sees that each call of the kernel is in one of the four.
// /proc/self/fail-nth is this kernel's (Linux has it when built with fault injection), so:
// kernel only
#define _GNU_SOURCE
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include "tests/ring3/fail.h"

#define HERE     ((uintptr_t)AT_FDCWD)
#define TEXT(to) ((uintptr_t)(to))
#define MANY     100

// Opened by main() in this order, after fail_nth.
enum {
	FD_NTH = 3,
	FD_FILE,
	FD_ZERO,
	FD_STATUS,
	FD_DIRECTORY,
	FD_SOCKET,
	FD_PEER,
	FD_EPOLL,
	FD_COUNTER,
	FD_NULL,
	FD_PIDFD,
	FD_FREE
};

static char block[8 * 4096], more[4096];
static struct iovec pieces[MANY];
static struct pollfd polled[20];
static uint64_t zero_time[2], none[2], fd_set_words[16];
static struct epoll_event events[4];
static struct open_how how = {.flags = O_RDONLY};
static uint64_t full_set;
static struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 2};
static uint64_t times_of_file[4];
static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
static struct __user_cap_data_struct capabilities[2];
static char *map, *locked; // eight pages each

static _Alignas(4096) char page[4096];
static const struct iovec piece = {page, sizeof(page)};

// A call by its number. Its results may be errors where that is how it ends.
static const struct row {
	const char *name;
	long number;
	uintptr_t arguments[6];
	int expected; // an errno, or 0
} rows[] = {
	{"access", SYS_access, {TEXT("/tmp/file")}, 0},
	{"faccessat", SYS_faccessat, {HERE, TEXT("/tmp/file")}, 0},
	{"faccessat2", SYS_faccessat2, {HERE, TEXT("/tmp/file")}, 0},
	{"chdir", SYS_chdir, {TEXT("/tmp")}, 0},
	{"chown", SYS_chown, {TEXT("/tmp/file"), 0, 0}, 0},
	{"lchown", SYS_lchown, {TEXT("/tmp/file"), 0, 0}, 0},
	{"fchownat", SYS_fchownat, {HERE, TEXT("/tmp/file"), 0, 0, 0}, 0},
	{"fchmodat", SYS_fchmodat, {HERE, TEXT("/tmp/file"), 0600}, 0},
	{"creat", SYS_creat, {TEXT("/tmp/new"), 0600}, 0},
	{"openat", SYS_openat, {HERE, TEXT("/tmp/file"), O_RDONLY}, 0},
	{"openat2", SYS_openat2, {HERE, TEXT("/tmp/file"), TEXT(&how), sizeof(how)}, 0},
	{"lstat", SYS_lstat, {TEXT("/tmp/file"), TEXT(more)}, 0},
	{"newfstatat", SYS_newfstatat, {HERE, TEXT("/tmp/file"), TEXT(more), 0}, 0},
	{"statx", SYS_statx, {HERE, TEXT("/tmp/file"), 0, 0xfff, TEXT(more)}, 0},
	{"statfs", SYS_statfs, {TEXT("/tmp/file"), TEXT(more)}, 0},
	{"readlinkat", SYS_readlinkat, {HERE, TEXT("/proc/self/exe"), TEXT(more), 100}, 0},
	{"getxattr", SYS_getxattr, {TEXT("/tmp"), TEXT("user.a"), 0, 0}, EOPNOTSUPP},
	{"lgetxattr", SYS_lgetxattr, {TEXT("/tmp"), TEXT("user.a"), 0, 0}, EOPNOTSUPP},
	{"listxattr", SYS_listxattr, {TEXT("/tmp"), 0, 0}, 0},
	{"llistxattr", SYS_llistxattr, {TEXT("/tmp"), 0, 0}, 0},
	{"umount2", SYS_umount2, {TEXT("/tmp/file"), 0}, EINVAL},
	{"linkat", SYS_linkat, {HERE, TEXT("/tmp/file"), HERE, TEXT("/tmp/new"), 0}, 0},
	{"symlinkat", SYS_symlinkat, {TEXT("x"), HERE, TEXT("/tmp/new")}, 0},
	{"mkdirat", SYS_mkdirat, {HERE, TEXT("/tmp/new"), 0700}, 0},
	{"mknodat", SYS_mknodat, {HERE, TEXT("/tmp/new"), S_IFIFO | 0600}, 0},
	{"renameat", SYS_renameat, {HERE, TEXT("/tmp/file"), HERE, TEXT("/tmp/new")}, 0},
	{"rmdir", SYS_rmdir, {TEXT("/tmp/directory")}, 0},
	{"unlinkat", SYS_unlinkat, {HERE, TEXT("/tmp/gone"), 0}, ENOENT},
	{"utime", SYS_utime, {TEXT("/tmp/file"), TEXT(times_of_file)}, 0},
	{"utimes", SYS_utimes, {TEXT("/tmp/file"), TEXT(times_of_file)}, 0},
	{"futimesat", SYS_futimesat, {HERE, TEXT("/tmp/file"), TEXT(times_of_file)}, 0},
	{"process_madvise", SYS_process_madvise, {FD_PIDFD, TEXT(&piece), 1, MADV_COLD, 0}, 0},
	{"pipe2", SYS_pipe2, {TEXT(more), 0}, 0},
	{"fcntl", SYS_fcntl, {FD_NULL, F_DUPFD, 100}, 0},
	{"dup3", SYS_dup3, {FD_NULL, 900, 0}, 0},
	{"fcntl: a lock", SYS_fcntl, {FD_FILE, F_SETLK, TEXT(&lock)}, 0},
	{"flock", SYS_flock, {FD_FILE, LOCK_EX}, 0},
	{"pread64", SYS_pread64, {FD_STATUS, TEXT(block), 4096, 0}, 0},
	{"readv", SYS_readv, {FD_ZERO, TEXT(pieces), MANY}, 0},
	{"preadv", SYS_preadv, {FD_ZERO, TEXT(pieces), MANY, 0, 0}, 0},
	{"pwritev", SYS_pwritev, {FD_NULL, TEXT(pieces), MANY, 0, 0}, 0},
	{"ppoll", SYS_ppoll, {TEXT(polled), 20, TEXT(zero_time), 0, 8}, 0},
	{"pselect6", SYS_pselect6, {200, TEXT(fd_set_words), 0, 0, TEXT(zero_time), 0}, 0},
	{"epoll_create", SYS_epoll_create, {1}, 0},
	{"epoll_wait", SYS_epoll_wait, {FD_EPOLL, TEXT(events), 4, 0}, 0},
	{"epoll_pwait2", SYS_epoll_pwait2, {FD_EPOLL, TEXT(events), 4, TEXT(zero_time), 0, 8}, 0},
	{"eventfd", SYS_eventfd, {0}, 0},
	{"signalfd", SYS_signalfd, {(uintptr_t)-1, TEXT(&full_set), 8}, 0},
	{"sendto", SYS_sendto, {FD_SOCKET, TEXT(block), 100, 0, 0, 0}, ENOBUFS},
	{"setuid", SYS_setuid, {0}, 0},
	{"setgid", SYS_setgid, {0}, 0},
	{"setreuid", SYS_setreuid, {0, 0}, 0},
	{"setregid", SYS_setregid, {0, 0}, 0},
	{"setresuid", SYS_setresuid, {0, 0, 0}, 0},
	{"setresgid", SYS_setresgid, {0, 0, 0}, 0},
	{"setfsuid", SYS_setfsuid, {0}, 0},
	{"setfsgid", SYS_setfsgid, {0}, 0},
	{"capset", SYS_capset, {TEXT(&header), TEXT(capabilities)}, 0},
	{"prctl", SYS_prctl, {PR_SET_KEEPCAPS, 0, 0, 0, 0}, 0},
};

static const struct row *row; // the one at hand

static long call_row(void)
{
	const uintptr_t *a = row->arguments;
	long result = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);

	return result < 0 && row->expected && errno == row->expected ? 0 : result;
}

// What a try may have left.
static void clean(void)
{
	if (access("/tmp/file", F_OK))
		rename("/tmp/new", "/tmp/file");
	unlink("/tmp/new");
	rmdir("/tmp/new");
	mkdir("/tmp/directory", 0700);
	for (int fd = FD_FREE; fd < FD_FREE + 8; fd++)
		close(fd);
	close(100);
	close(900);
	flock(FD_FILE, LOCK_UN);
	fcntl(FD_FILE, F_SETLK, &(struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET});
	recv(FD_PEER, block, sizeof(block), MSG_DONTWAIT);
}

// ---- mounts ----
static long mounting(void)
{
	return mount("x", "/tmp/directory", "tmpfs", 0, "size=1m");
}

static void unmount(void)
{
	umount2("/tmp/directory", 0);
}

// ---- mappings ----
static long pkey_mprotecting(void)
{
	return syscall(SYS_pkey_mprotect, map + 4096, 4096l, PROT_READ, -1);
}

static long remapping(void)
{
	return syscall(SYS_remap_file_pages, map + 4096, 4096l, 0, 5l, 0);
}

static long locking_all(void)
{
	return mlockall(MCL_CURRENT);
}

static long locking(void)
{
	return syscall(SYS_mlock2, map + 4096, 4096l, 1 /* MLOCK_ONFAULT */);
}

// A hole in what is locked.
static long unlocking(void)
{
	return munlock(locked + 4096, 4096);
}

static void map_anew(void)
{
	const int flags = MAP_ANONYMOUS | MAP_FIXED;

	munlockall();
	mmap(map, sizeof(block), PROT_READ | PROT_WRITE, MAP_SHARED | flags, -1, 0);
	mmap(locked, sizeof(block), PROT_READ | PROT_WRITE, MAP_PRIVATE | flags, -1, 0);
	mlock(locked, sizeof(block));
}

// ---- what takes none ----
static int stored[64];
static uint64_t words[64];
static timer_t timer;

#define CALL(name, ...)                              \
	{                                            \
#name, SYS_##name, {__VA_ARGS__ }, 0 \
	}
#define SELF 0

static const struct row without[] = {
	CALL(arch_prctl, 0x1003 /* ARCH_GET_FS */, TEXT(words)),
	CALL(capget, TEXT(&header), TEXT(capabilities)),
	CALL(clock_getres, CLOCK_MONOTONIC, TEXT(words)),
	CALL(clock_gettime, CLOCK_MONOTONIC, TEXT(words)),
	CALL(clock_nanosleep, CLOCK_MONOTONIC, 0, TEXT(zero_time), 0),
	CALL(clock_settime, CLOCK_MONOTONIC, TEXT(zero_time)),
	CALL(close, FD_FREE),
	CALL(dup, FD_NULL),
	CALL(fadvise64, FD_FILE, 0, 0, 0),
	CALL(fchdir, FD_DIRECTORY),
	CALL(fchmod, FD_FILE, 0600),
	CALL(fchown, FD_FILE, 0, 0),
	CALL(fdatasync, FD_FILE),
	CALL(fgetxattr, FD_FILE, TEXT("user.a"), 0, 0),
	CALL(flistxattr, FD_FILE, 0, 0),
	CALL(fstat, FD_FILE, TEXT(more)),
	CALL(fstatfs, FD_FILE, TEXT(more)),
	CALL(fsync, FD_FILE),
	CALL(ftruncate, FD_FILE, 100),
	CALL(futex, TEXT(stored), 1 /* FUTEX_WAKE */, 1),
	CALL(get_robust_list, SELF, TEXT(words), TEXT(words + 1)),
	CALL(getcpu, TEXT(stored), TEXT(stored + 1)),
	CALL(getdents64, FD_DIRECTORY, TEXT(block), sizeof(block)),
	CALL(getegid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getgroups, 64, TEXT(stored)),
	CALL(getitimer, 0, TEXT(words)),
	CALL(getpeername, FD_SOCKET, TEXT(more), TEXT(stored)),
	CALL(getpgid, SELF),
	CALL(getpgrp),
	CALL(getpid),
	CALL(getppid),
	CALL(getpriority, 0, SELF),
	CALL(getrandom, TEXT(more), 256, 0),
	CALL(getresgid, TEXT(stored), TEXT(stored + 1), TEXT(stored + 2)),
	CALL(getresuid, TEXT(stored), TEXT(stored + 1), TEXT(stored + 2)),
	CALL(getrlimit, 1, TEXT(words)),
	CALL(getrusage, 0, TEXT(words)),
	CALL(getsid, SELF),
	CALL(getsockname, FD_SOCKET, TEXT(more), TEXT(stored)),
	CALL(getsockopt, FD_SOCKET, SOL_SOCKET, SO_TYPE, TEXT(stored + 1), TEXT(stored)),
	CALL(gettid),
	CALL(gettimeofday, TEXT(words), 0),
	CALL(getuid),
	CALL(ioctl, FD_SOCKET, 0x541b /* FIONREAD */, TEXT(stored)),
	CALL(kcmp, 1, 1, 0 /* KCMP_FILE */, 0, 1), // it is the first program
	CALL(kill, SELF, SIGUSR1),                 // ignored
	CALL(lseek, FD_FILE, 0, SEEK_SET),
	CALL(membarrier, 0 /* MEMBARRIER_CMD_QUERY */, 0, 0),
	CALL(mincore, TEXT(block), 4096, TEXT(more)),
	CALL(msync, TEXT(block), 4096, MS_SYNC),
	CALL(munlockall),
	CALL(nanosleep, TEXT(zero_time), 0),
	CALL(pidfd_send_signal, FD_PIDFD, 0, 0, 0),
	CALL(pidfd_getfd, FD_PIDFD, 0, 0),
	CALL(pkey_alloc, 0, 0),
	CALL(pkey_free, 1),
	CALL(readahead, FD_FILE, 0, 100),
	CALL(recvfrom, FD_PEER, TEXT(block), 100, MSG_DONTWAIT, 0, 0),
	CALL(restart_syscall),
	CALL(rseq, 1, 1, 1, 1),
	CALL(rt_sigpending, TEXT(words), 8),
	CALL(rt_sigprocmask, 0, 0, TEXT(words), 8),
	CALL(rt_sigqueueinfo, 1, 0, TEXT(more)),
	CALL(rt_sigtimedwait, TEXT(&full_set), 0, TEXT(zero_time), 8),
	CALL(rt_tgsigqueueinfo, 1, 1, 0, TEXT(more)),
	CALL(sched_get_priority_max, 1),
	CALL(sched_get_priority_min, 1),
	CALL(sched_getaffinity, SELF, 128, TEXT(words)),
	CALL(sched_getparam, SELF, TEXT(stored)),
	CALL(sched_getscheduler, SELF),
	CALL(sched_rr_get_interval, SELF, TEXT(words)),
	CALL(sched_setaffinity, SELF, 8, TEXT(words)),
	CALL(sched_setparam, SELF, TEXT(none)),
	CALL(sched_setscheduler, SELF, 0, TEXT(none)),
	CALL(sched_yield),
	CALL(set_robust_list, 0, 24),
	CALL(set_tid_address, TEXT(stored)),
	CALL(setns, FD_FILE, 0),
	CALL(setpgid, SELF, SELF),
	CALL(setpriority, 0, SELF, 0),
	CALL(setsid),
	CALL(setsockopt, FD_SOCKET, SOL_SOCKET, SO_SNDBUF, TEXT(stored + 1), 4),
	CALL(settimeofday, 1, 0),
	CALL(shmctl, 0, 3 /* IPC_INFO */, TEXT(block)),
	CALL(shmdt, TEXT(block)),
	CALL(shutdown, FD_SOCKET, 99),
	CALL(sigaltstack, 0, TEXT(words)),
	CALL(sync),
	CALL(syncfs, FD_FILE),
	CALL(sysinfo, TEXT(block)),
	CALL(syslog, 3 /* all that is kept */, TEXT(block), sizeof(block)),
	CALL(tgkill, 1, 1, 0),
	CALL(time, 0),
	CALL(timer_getoverrun, 0),
	CALL(timer_gettime, 0, TEXT(words)),
	CALL(timer_settime, 0, 0, TEXT(words + 8), 0),
	CALL(timer_delete, 0),
	CALL(timerfd_gettime, FD_FREE, TEXT(words)),
	CALL(timerfd_settime, FD_FREE, 0, TEXT(words + 8), 0),
	CALL(times, TEXT(words)),
	CALL(tkill, 1, 0),
	CALL(umask, 022),
	CALL(uname, TEXT(block)),
	CALL(wait4, (uintptr_t)-1, TEXT(stored), WNOHANG, 0),
	CALL(waitid, P_ALL, 0, TEXT(more), WNOHANG | WEXITED, 0),
};

// By the rows above: the first time whatever memory of ring 3 it needs comes to be there.
static bool takes_memory(void)
{
	int remaining;

	call_row();
	arm(1);
	call_row();
	remaining = left();
	arm(0);
	return remaining != 1;
}

static void take_none(void)
{
	bool none_does = true;

	signal(SIGUSR1, SIG_IGN);
	timer_create(CLOCK_MONOTONIC, NULL, &timer);
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		row = &without[i];
		if (takes_memory()) {
			printf("# %s takes memory\n", row->name);
			none_does = false;
		}
	}
	check(none_does, "the others take no memory");
}

static void set_up(void)
{
	int ends[2];

	memset(block, 1, sizeof(block)); // a call has only EFAULT for a page it can not have
	memset(more, 1, sizeof(more));
	open_fail_nth();
	open("/tmp/file", O_RDWR | O_CREAT, 0600);
	open("/dev/zero", O_RDWR);
	open("/proc/self/status", O_RDONLY);
	open("/tmp", O_RDONLY | O_DIRECTORY);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
	epoll_create1(0);
	eventfd(1, 0);
	epoll_ctl(FD_EPOLL, EPOLL_CTL_ADD, FD_COUNTER, &(struct epoll_event){.events = EPOLLIN});
	check(fail_nth == FD_NTH && open("/dev/null", O_RDWR) == FD_NULL &&
		      syscall(SYS_pidfd_open, getpid(), 0) == FD_PIDFD,
	      "all are open");
	for (int i = 0; i < MANY; i++)
		pieces[i] = (struct iovec){more + i, 1};
	for (int i = 0; i < 20; i++)
		polled[i] = (struct pollfd){.fd = i, .events = POLLIN};
	syscall(SYS_capget, &header, capabilities);
	map = mmap(NULL, sizeof(block), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	locked = mmap(NULL, sizeof(block), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	clean();
	map_anew();
}

int main(void)
{
	set_up();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = &rows[i];
		walk(row->name, call_row, clean);
	}
	walk("mount", mounting, unmount);
	walk("pkey_mprotect", pkey_mprotecting, map_anew);
	walk("remap_file_pages", remapping, map_anew);
	walk("mlock2", locking, map_anew);
	walk("mlockall", locking_all, map_anew);
	walk("munlock", unlocking, map_anew);
	take_none();
	check_audit();
	return tap_end();
}
