// SPDX-License-Identifier: MIT
//
// Pipes: 64 KiB of bytes between two open files, in frames that are there only while bytes are.
#pragma once

struct file;

// Both ends; `flags`: O_NONBLOCK. 0 or -ENOMEM. Each has one reference.
int pipe_create(unsigned flags, struct file **read_end, struct file **write_end);
