// SPDX-License-Identifier: MIT
//
// System calls that are nothing more than the call: one line each, by topic. Those that need more
// than that are in process.c, signal.c and file.c.
#include "lib/libc/system_call.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int errno;

long libc_result(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

#define CALL0(name)       libc_result(system_call0(__NR_##name))
#define CALL1(name, a)    libc_result(system_call1(__NR_##name, a))
#define CALL2(name, a, b) libc_result(system_call2(__NR_##name, a, b))
#define CALL3(name, a, b, c) \
	libc_result(system_call3(__NR_##name, (long)(a), (long)(b), (long)(c)))
#define CALL4(name, a, b, c, d) \
	libc_result(system_call4(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d)))

// One body for a call whose C function takes just the kernel's arguments.
#define DEFINE0(type, name)               \
	type name(void)                   \
	{                                 \
		return (type)CALL0(name); \
	}
#define DEFINE1(type, name, A)               \
	type name(A a)                       \
	{                                    \
		return (type)CALL1(name, a); \
	}
#define DEFINE2(type, name, A, B)               \
	type name(A a, B b)                     \
	{                                       \
		return (type)CALL2(name, a, b); \
	}
#define DEFINE3(type, name, A, B, C)               \
	type name(A a, B b, C c)                   \
	{                                          \
		return (type)CALL3(name, a, b, c); \
	}

long syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	return libc_result(system_call6(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

// Files.
DEFINE3(ssize_t, read, int, void *, size_t)
DEFINE3(ssize_t, write, int, const void *, size_t)
DEFINE3(ssize_t, readv, int, const struct iovec *, int)
DEFINE3(ssize_t, writev, int, const struct iovec *, int)
DEFINE3(off_t, lseek, int, off_t, int)
DEFINE1(int, close, int)
DEFINE1(int, pipe, int *)
DEFINE2(int, pipe2, int *, int)
DEFINE1(int, dup, int)
DEFINE2(int, dup2, int, int)
DEFINE2(int, access, const char *, int)
DEFINE1(int, unlink, const char *)
DEFINE2(int, ftruncate, int, off_t)
DEFINE3(ssize_t, readlink, const char *restrict, char *restrict, size_t)
DEFINE1(int, chdir, const char *)
DEFINE2(int, mkdir, const char *, mode_t)
DEFINE2(int, stat, const char *restrict, struct stat *restrict)
DEFINE2(int, lstat, const char *restrict, struct stat *restrict)
DEFINE2(int, fstat, int, struct stat *)
DEFINE3(int, poll, struct pollfd *, nfds_t, int)

ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
	return CALL4(pread64, fd, buffer, size, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	return CALL4(pwrite64, fd, buffer, size, offset);
}

char *getcwd(char *buffer, size_t size)
{
	return CALL2(getcwd, buffer, size) < 0 ? NULL : buffer;
}

// Memory.
DEFINE2(int, munmap, void *, size_t)
DEFINE3(int, mprotect, void *, size_t, int)
DEFINE3(int, madvise, void *, size_t, int)
DEFINE3(int, msync, void *, size_t, int)
DEFINE3(int, mincore, void *, size_t, unsigned char *)

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return (void *)libc_result(system_call6(__NR_mmap, (long)address, (long)length, protection,
						flags, fd, offset));
}

void *mremap(void *old, size_t old_length, size_t length, int flags, ...)
{
	va_list arguments;
	void *where;

	va_start(arguments, flags);
	where = va_arg(arguments, void *);
	va_end(arguments);
	return (void *)libc_result(system_call6(__NR_mremap, (long)old, (long)old_length,
						(long)length, flags, (long)where, 0));
}

// Processes.
DEFINE0(pid_t, fork)
DEFINE0(pid_t, getpid)
DEFINE0(pid_t, getppid)
DEFINE0(pid_t, gettid)
DEFINE0(uid_t, getuid)
DEFINE0(uid_t, geteuid)
DEFINE0(gid_t, getgid)
DEFINE0(gid_t, getegid)
DEFINE0(int, sched_yield)
DEFINE0(int, pause)
DEFINE1(unsigned int, alarm, unsigned int)
DEFINE3(int, execve, const char *, char *const *, char *const *)
DEFINE2(int, kill, pid_t, int)
DEFINE2(int, getrlimit, int, struct rlimit *)
DEFINE2(int, setrlimit, int, const struct rlimit *)
DEFINE2(int, getrusage, int, struct rusage *)

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	return (pid_t)CALL4(wait4, pid, status, options, usage);
}

// The system and the time.
DEFINE1(int, uname, struct utsname *)
DEFINE1(int, sysinfo, struct sysinfo *)
DEFINE3(ssize_t, getrandom, void *, size_t, unsigned int)
DEFINE2(int, clock_gettime, clockid_t, struct timespec *)
DEFINE2(int, clock_getres, clockid_t, struct timespec *)
DEFINE2(int, nanosleep, const struct timespec *, struct timespec *)
DEFINE2(int, gettimeofday, struct timeval *restrict, void *restrict)
