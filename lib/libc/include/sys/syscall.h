// SPDX-License-Identifier: MIT
#pragma once

// System-call numbers, as __NR_name; the C libraries' SYS_name is the same thing for the calls
// that programs make directly.
#include <asm/unistd.h>

#define SYS_brk             __NR_brk
#define SYS_clock_gettime   __NR_clock_gettime
#define SYS_clone           __NR_clone
#define SYS_close           __NR_close
#define SYS_exit            __NR_exit
#define SYS_exit_group      __NR_exit_group
#define SYS_fork            __NR_fork
#define SYS_futex           __NR_futex
#define SYS_getpid          __NR_getpid
#define SYS_getppid         __NR_getppid
#define SYS_getrandom       __NR_getrandom
#define SYS_gettid          __NR_gettid
#define SYS_madvise         __NR_madvise
#define SYS_mmap            __NR_mmap
#define SYS_mprotect        __NR_mprotect
#define SYS_mremap          __NR_mremap
#define SYS_munmap          __NR_munmap
#define SYS_open            __NR_open
#define SYS_prlimit64       __NR_prlimit64
#define SYS_read            __NR_read
#define SYS_rt_sigaction    __NR_rt_sigaction
#define SYS_rt_sigprocmask  __NR_rt_sigprocmask
#define SYS_sched_yield     __NR_sched_yield
#define SYS_set_tid_address __NR_set_tid_address
#define SYS_tgkill          __NR_tgkill
#define SYS_vfork           __NR_vfork
#define SYS_wait4           __NR_wait4
#define SYS_write           __NR_write
#define SYS_writev          __NR_writev
