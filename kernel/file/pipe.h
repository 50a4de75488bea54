// SPDX-License-Identifier: MIT
//
// Pipes: 64 KiB of bytes between two open files, in frames that are there only while bytes are.
#pragma once

#include <stdbool.h>

#define PIPE_CAPACITY 65536 // bytes

struct file;
struct inode;

// Before the first pipe: 0 or -ENOMEM.
int pipe_start(void);

// Both ends; `flags`: O_NONBLOCK. 0 or -ENOMEM. Each has one reference.
int pipe_create(unsigned flags, struct file **read_end, struct file **write_end);

// Opens an inode that is a pipe's name. May sleep. 0, -ENXIO, -ENOMEM or -ERESTARTSYS.
int fifo_open(struct inode *inode, unsigned flags, struct file **file);

// SIGPIPE to the running task: nobody reads what it writes.
void pipe_send_signal(void);

// Whether a file is an end of a pipe.
bool file_is_pipe(const struct file *file);
