// SPDX-License-Identifier: MIT
//
// Prototypes of all system calls. Pointers of ring 3 are uintptr_t throughout, so that nothing
// can follow one by accident: they go through kernel/machine/user_copy.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

// sys_process.c
long sys_fork(void);
long sys_vfork(void);
long sys_clone(uint64_t flags, uintptr_t stack, uintptr_t parent_tid, uintptr_t child_tid,
	       uintptr_t tls);
long sys_execve(uintptr_t path, uintptr_t argv, uintptr_t envp);
long sys_exit(int status);
long sys_exit_group(int status);
long sys_wait4(int pid, uintptr_t status, int options, uintptr_t usage);
