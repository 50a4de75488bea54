// SPDX-License-Identifier: MIT
//
// What the arguments of each system call are, for strace.c. One row a call; calls without a row
// are shown with their name and result only.
#include "kernel/syscall/strace_table.h"

#include "kernel/syscall/syscall.h"
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/unistd_64.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>
#include <stddef.h>

// clang-format off
#define FLAG(name) {name, #name}
#define SET(set, mask, ...)                                                                       \
	static const struct flag_name set##_names[] = {__VA_ARGS__, {0, NULL}};                   \
	static const struct flag_set set = {set##_names, mask}

SET(prot_flags, 0, FLAG(PROT_NONE), FLAG(PROT_READ), FLAG(PROT_WRITE), FLAG(PROT_EXEC),
    FLAG(PROT_GROWSDOWN));
SET(map_flags, MAP_TYPE, FLAG(MAP_SHARED), FLAG(MAP_PRIVATE), FLAG(MAP_SHARED_VALIDATE),
    FLAG(MAP_FIXED), FLAG(MAP_ANONYMOUS), FLAG(MAP_GROWSDOWN), FLAG(MAP_DENYWRITE),
    FLAG(MAP_EXECUTABLE), FLAG(MAP_LOCKED), FLAG(MAP_NORESERVE), FLAG(MAP_POPULATE),
    FLAG(MAP_NONBLOCK), FLAG(MAP_STACK), FLAG(MAP_HUGETLB), FLAG(MAP_FIXED_NOREPLACE));
SET(open_flags, O_ACCMODE, FLAG(O_RDONLY), FLAG(O_WRONLY), FLAG(O_RDWR), FLAG(O_CREAT),
    FLAG(O_EXCL), FLAG(O_NOCTTY), FLAG(O_TRUNC), FLAG(O_APPEND), FLAG(O_NONBLOCK),
    FLAG(O_DIRECTORY), FLAG(O_NOFOLLOW), FLAG(O_LARGEFILE), FLAG(O_CLOEXEC), FLAG(O_PATH));
SET(clone_flags, CSIGNAL, FLAG(SIGCHLD), FLAG(CLONE_VM), FLAG(CLONE_FS), FLAG(CLONE_FILES),
    FLAG(CLONE_SIGHAND), FLAG(CLONE_VFORK), FLAG(CLONE_PARENT), FLAG(CLONE_THREAD),
    FLAG(CLONE_SYSVSEM), FLAG(CLONE_SETTLS), FLAG(CLONE_PARENT_SETTID),
    FLAG(CLONE_CHILD_CLEARTID), FLAG(CLONE_CHILD_SETTID));
SET(wait_flags, 0, FLAG(WNOHANG), FLAG(WUNTRACED), FLAG(WEXITED), FLAG(WCONTINUED),
    FLAG(WNOWAIT), FLAG(__WALL), FLAG(__WCLONE));
SET(access_flags, 0, {0, "F_OK"}, {4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"});
SET(at_flags, 0, FLAG(AT_SYMLINK_NOFOLLOW), FLAG(AT_REMOVEDIR), FLAG(AT_SYMLINK_FOLLOW),
    FLAG(AT_EMPTY_PATH));
SET(seek_whence, 3, {0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"});
SET(mask_how, 3, FLAG(SIG_BLOCK), FLAG(SIG_UNBLOCK), FLAG(SIG_SETMASK));
SET(fcntl_commands, 0xffff, FLAG(F_DUPFD), FLAG(F_GETFD), FLAG(F_SETFD), FLAG(F_GETFL),
    FLAG(F_SETFL), FLAG(F_DUPFD_CLOEXEC));
SET(clocks, 0xff, FLAG(CLOCK_REALTIME), FLAG(CLOCK_MONOTONIC), FLAG(CLOCK_PROCESS_CPUTIME_ID),
    FLAG(CLOCK_THREAD_CPUTIME_ID), FLAG(CLOCK_MONOTONIC_RAW), FLAG(CLOCK_REALTIME_COARSE),
    FLAG(CLOCK_MONOTONIC_COARSE), FLAG(CLOCK_BOOTTIME));
SET(arch_options, 0xffff, FLAG(ARCH_SET_FS), FLAG(ARCH_GET_FS), FLAG(ARCH_SET_GS),
    FLAG(ARCH_GET_GS));
SET(limit_names, 0xff, FLAG(RLIMIT_CPU), FLAG(RLIMIT_FSIZE), FLAG(RLIMIT_DATA),
    FLAG(RLIMIT_STACK), FLAG(RLIMIT_CORE), FLAG(RLIMIT_RSS), FLAG(RLIMIT_NPROC),
    FLAG(RLIMIT_NOFILE), FLAG(RLIMIT_MEMLOCK), FLAG(RLIMIT_AS));
SET(terminal_commands, 0xffff, {0x5401, "TCGETS"}, {0x5402, "TCSETS"}, {0x5403, "TCSETSW"},
    {0x5404, "TCSETSF"}, {0x540f, "TIOCGPGRP"}, {0x5410, "TIOCSPGRP"}, {0x5413, "TIOCGWINSZ"},
    {0x5414, "TIOCSWINSZ"}, {0x541b, "FIONREAD"});

// The kinds, short enough for a table.
#define I ARG_INT
#define L ARG_LONG
#define X ARG_HEX
#define O ARG_OCTAL
#define M ARG_MODE
#define D ARG_FD
#define A ARG_DIRFD
#define S ARG_STRING
#define V ARG_STRINGS
#define B ARG_BUFFER
#define R ARG_RESULT
#define G ARG_SIGNAL
#define F ARG_FLAGS

#define ROW(call, ...)              [__NR_##call] = {.arguments = {__VA_ARGS__}}
#define ROW_F(call, a, ...)         [__NR_##call] = {.arguments = {__VA_ARGS__}, .flags = {&a}}
#define ROW_FF(call, a, b, ...)     [__NR_##call] = {.arguments = {__VA_ARGS__}, .flags = {&a, &b}}
#define ROW_X(call, ...)            [__NR_##call] = {.arguments = {__VA_ARGS__}, .hex_result = 1}

static const struct strace_entry entries[SYSCALL_LIMIT] = {
	ROW(read, D, R, L), ROW(write, D, B, L), ROW(pread64, D, R, L, L),
	ROW(pwrite64, D, B, L, L),
	ROW(readv, D, X, L), ROW(writev, D, X, L), ROW(close, D), ROW(fstat, D, X),
	ROW_F(lseek, seek_whence, D, L, F), ROW_F(open, open_flags, S, F, M),
	ROW_F(openat, open_flags, A, S, F, M), ROW(creat, S, O), ROW(stat, S, X), ROW(lstat, S, X),
	ROW_F(newfstatat, at_flags, A, S, X, F), ROW_F(statx, at_flags, A, S, F, X, X),
	ROW_F(access, access_flags, S, F), ROW_F(faccessat, access_flags, A, S, F),
	ROW_FF(faccessat2, access_flags, at_flags, A, S, F, F), ROW(readlink, S, R, L),
	ROW(readlinkat, A, S, R, L), ROW(getcwd, X, L), ROW(chdir, S), ROW(fchdir, D),
	ROW(pipe, X), ROW_F(pipe2, open_flags, X, F), ROW(dup, D), ROW(dup2, D, D),
	ROW_F(dup3, open_flags, D, D, F), ROW_F(fcntl, fcntl_commands, D, F, X),
	ROW_F(ioctl, terminal_commands, D, F, X), ROW(getdents64, D, X, L), ROW(poll, X, I, I),
	ROW(sendfile, D, D, X, L), ROW(unlink, S), ROW(mkdir, S, O), ROW(rmdir, S),
	ROW(rename, S, S),
	ROW(getxattr, S, S, X, L), ROW(lgetxattr, S, S, X, L), ROW(fgetxattr, D, S, X, L),
	ROW(listxattr, S, X, L), ROW(llistxattr, S, X, L), ROW(flistxattr, D, X, L),
	ROW(chmod, S, O), ROW(umask, O), ROW(statfs, S, X), ROW(select, I, X, X, X, X),

	ROW_X(brk, X), ROW_F(mprotect, prot_flags, X, L, F), ROW(munmap, X, L),
	ROW(madvise, X, L, I), ROW(process_madvise, D, X, L, I, X),
	[__NR_mmap] = {.arguments = {X, L, F, F, D, X}, .flags = {&prot_flags, &map_flags},
		       .hex_result = 1},
	ROW_X(mremap, X, L, L, X, X), ROW(mincore, X, L, X), ROW(msync, X, L, X),
	ROW(mlock, X, L), ROW(mlock2, X, L, X), ROW(munlock, X, L), ROW(mlockall, X),
	ROW(munlockall, ARG_NONE),

	ROW(fork, ARG_NONE), ROW(vfork, ARG_NONE), ROW_F(clone, clone_flags, F, X, X, X, X),
	ROW(clone3, X, L), ROW(execve, S, V, X), ROW(execveat, A, S, V, X, X), ROW(exit, I),
	ROW(exit_group, I),
	ROW_F(wait4, wait_flags, I, X, F, X), ROW_F(waitid, wait_flags, I, I, X, F, X),
	ROW(kill, I, G), ROW(tkill, I, G), ROW(tgkill, I, I, G), ROW(getpgid, I), ROW(getsid, I),
	ROW(setpgid, I, I), ROW(setuid, I), ROW(setgid, I), ROW(setreuid, I, I),
	ROW(setregid, I, I),
	ROW(setresuid, I, I, I), ROW(setresgid, I, I, I), ROW(getgroups, I, X),
	ROW_F(arch_prctl, arch_options, F, X), ROW(prctl, I, X, X, X, X), ROW(set_tid_address, X),
	ROW(set_robust_list, X, L), ROW(rseq, X, L, X, X), ROW(membarrier, I, X, I),
	ROW(futex, X, I, I, X, X, I),
	ROW(sched_getaffinity, I, L, X), ROW(sched_setaffinity, I, L, X),
	ROW(getcpu, X, X),

	ROW(rt_sigaction, G, X, X, L), ROW_F(rt_sigprocmask, mask_how, F, X, X, L),
	ROW(rt_sigpending, X, L), ROW(rt_sigsuspend, X, L), ROW(rt_sigtimedwait, X, X, X, L),
	ROW(sigaltstack, X, X), ROW(alarm, I), ROW(setitimer, I, X, X), ROW(getitimer, I, X),

	ROW_F(clock_gettime, clocks, F, X), ROW_F(clock_getres, clocks, F, X),
	ROW_F(clock_nanosleep, clocks, F, I, X, X), ROW(nanosleep, X, X), ROW(gettimeofday, X, X),
	ROW(time, X), ROW(times, X), ROW_F(getrlimit, limit_names, F, X),
	ROW_F(setrlimit, limit_names, F, X), ROW_F(prlimit64, limit_names, I, F, X, X),
	ROW(getrusage, I, X), ROW(uname, X), ROW(sysinfo, X), ROW(getrandom, X, L, X),
	ROW(syslog, I, X, I),
};

const struct strace_entry *strace_entry(unsigned number)
{
	return &entries[number];
}
// clang-format on
