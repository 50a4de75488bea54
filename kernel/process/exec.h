// SPDX-License-Identifier: MIT
//
// Running a program: the new address space is built in full, and only when nothing can fail any
// more does the old one go.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;

// Arguments and environment, copied out of the caller's memory: strings one after the other,
// each with its NUL, in frames of their own.
struct exec_strings;

// execve for the running process. 0 (the registers of ring 3 are then the new program's) or
// -ENOENT, -ENOEXEC, -EACCES, -E2BIG, -ENOMEM, -ELOOP, -EFAULT, ...
// `argv` and `envp` are arrays of pointers in ring 3's memory.
struct exec_file {
	struct inode *inode;
	const char *path; // what the program and a script's interpreter are told of it
	bool unreachable; // it will not be there by that path: no script then
};
int exec_from_user(const struct exec_file *file, uintptr_t argv, uintptr_t envp);

// The same for the program asked for: NUL-terminated strings one after the other.
int exec_from_kernel(const char *path, const char *argv, size_t argv_size, const char *envp,
		     size_t envp_size);
