// SPDX-License-Identifier: MIT
//
// Prototypes of the system calls but those on files (calls_file.h). Pointers of ring 3 are
// uintptr_t throughout, so that nothing can follow one by accident: they go through
// kernel/machine/user_copy.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

// sys_process.c
long sys_fork(void);
long sys_vfork(void);
long sys_clone(uint64_t flags, uintptr_t stack, uintptr_t parent_tid, uintptr_t child_tid,
	       uintptr_t tls);
long sys_clone3(uintptr_t arguments, size_t size);
long sys_execve(uintptr_t path, uintptr_t argv, uintptr_t envp);
long sys_execveat(int directory, uintptr_t path, uintptr_t argv, uintptr_t envp, unsigned flags);
long sys_unshare(unsigned long flags);
long sys_setns(int descriptor, int type);
long sys_exit(int status);
long sys_exit_group(int status);
long sys_wait4(int pid, uintptr_t status, int options, uintptr_t usage);
long sys_waitid(int type, int id, uintptr_t info, int options, uintptr_t usage);
long sys_sched_yield(void);
long sys_set_tid_address(uintptr_t address);
long sys_set_robust_list(uintptr_t head, size_t size);
long sys_rseq(uintptr_t area, uint32_t size, int flags, uint32_t signature);
long sys_get_robust_list(int tid, uintptr_t head, uintptr_t size);
long sys_arch_prctl(int option, uintptr_t address);
// sys_membarrier.c
long sys_membarrier(int command, unsigned flags, int number);
// sys_prctl.c
long sys_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d);
long sys_sched_getaffinity(int tid, uint32_t size, uintptr_t mask);
long sys_sched_setaffinity(int tid, uint32_t size, uintptr_t mask);
long sys_getcpu(uintptr_t cpu, uintptr_t node);

// sys_identity.c
long sys_getpid(void);
long sys_getppid(void);
long sys_gettid(void);
long sys_getpgrp(void);
long sys_getpgid(int pid);
long sys_setpgid(int pid, int group);
long sys_getsid(int pid);
long sys_setsid(void);

// sys_credentials.c
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_getresuid(uintptr_t real, uintptr_t effective, uintptr_t saved);
long sys_getresgid(uintptr_t real, uintptr_t effective, uintptr_t saved);
long sys_setuid(uint32_t uid);
long sys_setgid(uint32_t gid);
long sys_setreuid(uint32_t real, uint32_t effective);
long sys_setregid(uint32_t real, uint32_t effective);
long sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved);
long sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved);
long sys_getgroups(int size, uintptr_t list);
long sys_setgroups(int size, uintptr_t list);
long sys_setfsuid(uint32_t user);
long sys_setfsgid(uint32_t group);

// sys_capability.c
long sys_capget(uintptr_t header, uintptr_t data);
long sys_capset(uintptr_t header, uintptr_t data);
// What prctl does not know itself. Its result.
long credentials_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d);

// sys_priority.c
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
long sys_sched_setscheduler(int tid, int policy, uintptr_t param);
long sys_sched_getscheduler(int tid);
long sys_sched_setparam(int tid, uintptr_t param);
long sys_sched_getparam(int tid, uintptr_t param);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(int tid, uintptr_t interval);

// sys_memory.c
long sys_brk(uintptr_t address);
long sys_mmap(uintptr_t address, size_t length, int prot, int flags, int descriptor,
	      uint64_t offset);
long sys_munmap(uintptr_t address, size_t length);
long sys_mprotect(uintptr_t address, size_t length, int prot);
long sys_pkey_mprotect(uintptr_t address, size_t length, int prot, int key);
long sys_pkey_alloc(unsigned long flags, unsigned long rights);
long sys_pkey_free(int key);
long sys_mremap(uintptr_t from, size_t old_size, size_t new_size, unsigned long flags,
		uintptr_t to);
long sys_remap_file_pages(uintptr_t start, size_t size, int prot, uint64_t page_offset, int flags);
long sys_madvise(uintptr_t start, size_t size, int advice);
long sys_mincore(uintptr_t start, size_t size, uintptr_t vector);
long sys_msync(uintptr_t start, size_t size, int flags);
long sys_mlock(uintptr_t address, size_t size);
long sys_mlock2(uintptr_t address, size_t size, int flags);
long sys_munlock(uintptr_t address, size_t size);
long sys_mlockall(int flags);
long sys_shmget(int key, size_t size, int flags); // sys_shm.c
long sys_shmat(int id, uintptr_t address, int flags);
long sys_shmdt(uintptr_t address);
long sys_shmctl(int id, int command, uintptr_t buffer);
long sys_munlockall(void);

// sys_kill.c
long sys_kill(int pid, int signal);
long sys_tkill(int tid, int signal);
long sys_tgkill(int pid, int tid, int signal);
long sys_rt_sigqueueinfo(int pid, int signal, uintptr_t info);
long sys_rt_tgsigqueueinfo(int pid, int tid, int signal, uintptr_t info);

// sys_event.c
long sys_eventfd(uint32_t count);
long sys_eventfd2(uint32_t count, int flags);
long sys_timerfd_create(int clock, int flags);
long sys_timerfd_settime(int descriptor, int flags, uintptr_t setting, uintptr_t old);
long sys_timerfd_gettime(int descriptor, uintptr_t setting);
long sys_signalfd(int descriptor, uintptr_t mask, size_t size);
long sys_signalfd4(int descriptor, uintptr_t mask, size_t size, int flags);

// sys_pidfd.c
long sys_pidfd_open(int pid, uint32_t flags);
long sys_process_madvise(int descriptor, uintptr_t vector, size_t count, int advice,
			 uint32_t flags);
long sys_pidfd_getfd(int descriptor, int number, uint32_t flags);
long sys_kcmp(int one, int other, int type, uint64_t first, uint64_t second); // sys_kcmp.c
long sys_pidfd_send_signal(int descriptor, int signal, uintptr_t info, uint32_t flags);

// sys_signal.c
long sys_restart_syscall(void);
long sys_rt_sigaction(int signal, uintptr_t action, uintptr_t old, size_t size);
long sys_rt_sigprocmask(int how, uintptr_t set, uintptr_t old, size_t size);
long sys_rt_sigpending(uintptr_t set, size_t size);
long sys_rt_sigsuspend(uintptr_t set, size_t size);
long sys_rt_sigtimedwait(uintptr_t set, uintptr_t info, uintptr_t timeout, size_t size);
long sys_rt_sigreturn(void);
long sys_sigaltstack(uintptr_t stack, uintptr_t old);
long sys_pause(void);

// sys_futex.c
long sys_futex(uintptr_t address, int operation, uint32_t value, uintptr_t timeout,
	       uintptr_t address2, uint32_t value3);
long sys_futex_waitv(uintptr_t words, uint32_t count, uint32_t flags, uintptr_t timeout,
		     int clock);

// sys_clock.c
long sys_clock_gettime(int clock, uintptr_t time);
long sys_clock_getres(int clock, uintptr_t resolution);
long sys_clock_settime(int clock, uintptr_t time);
long sys_settimeofday(uintptr_t time, uintptr_t zone);
long sys_gettimeofday(uintptr_t time, uintptr_t zone);
long sys_time(uintptr_t seconds);

// sys_posix_timer.c
long sys_timer_create(int clock, uintptr_t event, uintptr_t id);
long sys_timer_settime(int id, int flags, uintptr_t setting, uintptr_t old);
long sys_timer_gettime(int id, uintptr_t setting);
long sys_timer_getoverrun(int id);
long sys_timer_delete(int id);

// sys_time.c
long sys_nanosleep(uintptr_t request, uintptr_t left);
long sys_clock_nanosleep(int clock, int flags, uintptr_t request, uintptr_t left);
long sys_times(uintptr_t times);
long sys_getitimer(int which, uintptr_t value);
long sys_setitimer(int which, uintptr_t value, uintptr_t old);
long sys_alarm(uint32_t seconds);

// sys_limit.c
long sys_getrlimit(uint32_t resource, uintptr_t limit);
long sys_setrlimit(uint32_t resource, uintptr_t limit);
long sys_prlimit64(int pid, uint32_t resource, uintptr_t limit, uintptr_t old);
long sys_getrusage(int who, uintptr_t usage);

// sys_system.c
long sys_uname(uintptr_t name);
long sys_sysinfo(uintptr_t info);
long sys_getrandom(uintptr_t buffer, size_t count, uint32_t flags);

// sys_syslog.c
long sys_syslog(int type, uintptr_t buffer, int count);
