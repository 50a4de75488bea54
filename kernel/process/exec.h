// SPDX-License-Identifier: MIT
//
// Running a program: the new address space is built in full, and only when nothing can fail any
// more does the old one go.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct mm;

// Arguments and environment, copied out of the caller's memory: strings one after the other,
// each with its NUL, in frames of their own.
struct exec_strings;

// execve for the running process. 0 (the registers of ring 3 are then the new program's) or
// -ENOENT, -ENOEXEC, -EACCES, -E2BIG, -ENOMEM, -ELOOP, -EFAULT, ...
// `argv` and `envp` are arrays of pointers in ring 3's memory.
int exec_from_user(const char *path, uintptr_t argv, uintptr_t envp);

// The same for the first program: NUL-terminated strings one after the other.
int exec_from_kernel(const char *path, const char *argv, size_t argv_size, const char *envp,
		     size_t envp_size);
