// SPDX-License-Identifier: MIT
//
// Files without a name: descriptors that stand for something of the kernel's (a process, a
// counter, a timer, pending signals). Their operations name them (`name` in struct file_ops).
#pragma once

#include "kernel/file/file.h"

// A new descriptor of the running process for such a file. `flags`: O_RDWR and the like, and
// O_CLOEXEC, O_NONBLOCK. Takes over `data` on success: the release operation gives it back. The
// descriptor, -EMFILE or -ENOMEM.
int anonymous_install(const struct file_ops *ops, void *data, unsigned flags);

// The stat operation of all of them.
void anonymous_stat(struct file *file, struct stat *status);
