// SPDX-License-Identifier: MIT
//
// System calls that the other tests have no use for by their own names, called raw and mostly
// wrong: what they refuse, and in which order.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define NOWHERE 8
#define MISSING "/proc/self/nothing-here"

#define CALL(number, ...) show(#number, syscall(SYS_##number, __VA_ARGS__))

static void signals(void)
{
	uint64_t set = 0;

	CALL(rt_sigpending, &set, 8);
	show("pending", (long)set);
	CALL(rt_sigpending, NOWHERE, 8);
	CALL(rt_sigpending, &set, 9);
	CALL(rt_sigpending, &set, 4);
	CALL(rt_sigsuspend, &set, 4);
	CALL(rt_sigsuspend, NOWHERE, 8);
	CALL(rt_sigtimedwait, NOWHERE, NULL, NULL, 8);
	CALL(rt_sigtimedwait, &set, NULL, NOWHERE, 8);
	CALL(rt_sigtimedwait, &set, NULL, NULL, 4);
	CALL(rt_sigtimedwait, &set, NULL, (&(struct timespec){0, -1}), 8);
	CALL(rt_sigtimedwait, &set, NULL, (&(struct timespec){0, 0}), 8);
}

// Without a frame on the stack: SIGSEGV.
static int returns_from_nothing(void)
{
	syscall(SYS_rt_sigreturn);
	return 0;
}

static int of_another_user(void)
{
	uint64_t head, size;

	if (setuid(65534))
		return 1;
	CALL(get_robust_list, getppid(), &head, &size);
	return 0;
}

static void threads(void)
{
	uint64_t head = 1, size = 0;
	unsigned cpu = 999;

	CALL(get_robust_list, 0, &head, &size);
	show("its size", (long)size);
	CALL(get_robust_list, 999999, &head, &size);
	CALL(get_robust_list, 0, NOWHERE, &size);
	CALL(get_robust_list, 0, &head, NOWHERE);
	show_status("another user's", in_child(of_another_user));
	CALL(set_robust_list, &head, 8);
	CALL(set_robust_list, NULL, 24);
	CALL(getcpu, &cpu, NULL, NULL);
	check(cpu < 512, "a CPU's number");
	CALL(getcpu, NULL, NULL, NULL);
	CALL(getcpu, NOWHERE, NULL, NULL);
	show_status("rt_sigreturn", in_child(returns_from_nothing));
}

static void times_of_day(void)
{
	struct timeval time;
	struct timezone zone = {7, 7};

	CALL(gettimeofday, &time, &zone);
	check(time.tv_sec > 1000000000 && time.tv_usec >= 0 && time.tv_usec < 1000000,
	      "plausible");
	CALL(gettimeofday, NULL, NULL);
	CALL(gettimeofday, NOWHERE, NULL);
	CALL(gettimeofday, NULL, NOWHERE);
	CALL(time, NOWHERE);
	CALL(nanosleep, NOWHERE, NULL);
	CALL(nanosleep, (&(struct timespec){-1, 0}), NULL);
	CALL(nanosleep, (&(struct timespec){0, 1000000000}), NULL);
}

static void opening(void)
{
	struct open_how how = {.flags = O_RDONLY};
	struct stat status;

	CALL(openat2, AT_FDCWD, MISSING, &how, sizeof(how));
	CALL(openat2, AT_FDCWD, "/", &how, 8);
	CALL(openat2, AT_FDCWD, "/", NOWHERE, sizeof(how));
	how.flags = 1ull << 40;
	CALL(openat2, AT_FDCWD, "/", &how, sizeof(how));
	CALL(creat, NOWHERE, 0600);
	CALL(newfstatat, AT_FDCWD, MISSING, &status, 0);
	CALL(newfstatat, 99, "x", &status, 0);
	CALL(newfstatat, AT_FDCWD, "/", NOWHERE, 0);
	CALL(newfstatat, AT_FDCWD, "/", &status, 0x40000000);
	CALL(faccessat2, AT_FDCWD, "/", F_OK, 0);
	CALL(faccessat2, AT_FDCWD, "/", 99, 0);
	CALL(faccessat2, AT_FDCWD, "/", F_OK, 1);
	CALL(fadvise64, 99, 0, 0, 0);
	CALL(fallocate, 99, 0, 0, 1);
	CALL(fdatasync, 99);
	CALL(syncfs, 99);
	CALL(sync, 0);
	CALL(pwritev, 99, NULL, 0, 0, 0);
	CALL(pread64, 99, NULL, 0, 0);
	CALL(pwrite64, 99, NULL, 0, 0);
}

static void changing(void)
{
	CALL(mkdirat, 99, "x", 0700);
	CALL(rmdir, MISSING);
	CALL(unlinkat, AT_FDCWD, MISSING, 0);
	CALL(unlinkat, AT_FDCWD, MISSING, 0x40000000);
	CALL(rename, NOWHERE, "/x");
	CALL(renameat, 99, "x", AT_FDCWD, "/y");
	CALL(renameat2, AT_FDCWD, MISSING, AT_FDCWD, "/y", 0x1000);
	CALL(linkat, 99, "x", AT_FDCWD, "/y", 0);
	CALL(linkat, AT_FDCWD, MISSING, AT_FDCWD, "/y", 1);
	CALL(symlinkat, "x", 99, "y");
	CALL(mknod, NOWHERE, S_IFIFO | 0600, 0);
	CALL(mknodat, 99, "x", S_IFIFO | 0600, 0);
	CALL(chmod, MISSING, 0600);
	CALL(fchmod, 99, 0600);
	CALL(fchmodat, 99, "x", 0600);
	CALL(chown, MISSING, 0, 0);
	CALL(lchown, MISSING, 0, 0);
	CALL(fchown, 99, 0, 0);
	CALL(fchownat, AT_FDCWD, "/", 0, 0, 0x40000000);
	CALL(utimensat, AT_FDCWD, MISSING, NULL, 0);
	CALL(utime, MISSING, NULL);
	CALL(utimes, MISSING, NULL);
	CALL(futimesat, AT_FDCWD, MISSING, NULL);
	CALL(futimesat, 99, "x", NULL);
	CALL(llistxattr, MISSING, NULL, 0);
}

static void waiting(void)
{
	struct timespec wrong = {-1, 0};

	CALL(pselect6, -1, NULL, NULL, NULL, NULL, NULL);
	CALL(pselect6, 0, NULL, NULL, NULL, &wrong, NULL);
	CALL(pselect6, 0, NULL, NULL, NULL, NULL, NOWHERE);
	CALL(pselect6, 1, NOWHERE, NULL, NULL, NULL, NULL);
	CALL(ppoll, NULL, 0, &wrong, NULL, 0);
	CALL(waitid, P_PID, 0, NULL, WEXITED, NULL);
	CALL(waitid, 77, 1, NULL, WEXITED, NULL);
	CALL(waitid, P_ALL, 0, NULL, WNOHANG, NULL);
	CALL(waitid, P_ALL, 0, NULL, WEXITED, NULL);
	CALL(waitid, P_PGID, -1, NULL, WEXITED, NULL);
	CALL(waitid, P_ALL, 0, NULL, WEXITED | 0x100, NULL);
	CALL(wait4, -1, NULL, 0x100, NULL);
	CALL(wait4, INT32_MIN, NULL, 0, NULL);
	CALL(wait4, -1, NULL, 0, NULL);
}

static char page[PAGE] __attribute__((aligned(PAGE)));

static void memory(void)
{
	CALL(pkey_alloc, 1, 0);
	CALL(pkey_alloc, 0, 99);
	CALL(pkey_free, 77);
	CALL(pkey_mprotect, page, PAGE, PROT_READ, 77);
	CALL(remap_file_pages, 1, 0, 0, 0, 0);
	CALL(remap_file_pages, NULL, PAGE, 1, 0, 0);
	CALL(eventfd2, 0, 0x100);
}

static void identity(void)
{
	CALL(setpgid, 0, -1);
	CALL(setpgid, 999999, 0);
	CALL(setpgid, -1, 0);
	CALL(getpgid, -1);
	CALL(getpgid, 999999);
	CALL(getsid, -1);
	CALL(getsid, 999999);
	CALL(sched_getaffinity, 999999, 8, NOWHERE);
	CALL(sched_getaffinity, 0, 3, NOWHERE);
	CALL(sched_getaffinity, 0, 512, NOWHERE);
	CALL(sched_setaffinity, 0, 8, NOWHERE);
	CALL(sched_yield, 0);
}

int main(void)
{
	signals();
	threads();
	times_of_day();
	opening();
	changing();
	waiting();
	memory();
	identity();
	return tap_end();
}
