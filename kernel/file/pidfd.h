// SPDX-License-Identifier: MIT
//
// Descriptors that stand for a process: it can be signalled, waited for and polled for its end
// without the risk that its number names another one by then.
#pragma once

#include "kernel/file/file.h"

struct process;

// A descriptor of the running process, closed by exec, for `process`: takes its own reference.
// `flags`: O_NONBLOCK or 0. The descriptor, -EMFILE or -ENOMEM.
int pidfd_install(struct process *process, unsigned flags);

// The process of a descriptor, with a reference, or NULL: it is none of these. `nonblocking` may
// be NULL.
struct process *pidfd_process(int descriptor, bool *nonblocking);
// The same, also of an open directory /proc/PID: what such descriptors were at first.
struct process *pidfd_or_directory_process(int descriptor);
