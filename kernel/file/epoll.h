// SPDX-License-Identifier: MIT
//
// epoll: a file that stands for the events of others, which it remembers between waits.
#pragma once

#include "kernel/file/file.h"
#include <linux/eventpoll.h>
#include <stddef.h>
#include <stdint.h>

struct io;

// /proc/sys/fs/epoll/max_user_watches: of all epolls that one user made. One word.
extern uint64_t epoll_max_watches;
void epoll_start(void);

int epoll_install(int flags); // O_CLOEXEC or 0. The descriptor, -EMFILE or -ENOMEM

// Adds, changes or forgets (`operation`: EPOLL_CTL_*) what is wanted of `file`, by its
// descriptor. 0, -EEXIST, -ENOENT, -EINVAL, -EPERM, -ELOOP, -ENOSPC
// (the user has too many) or -ENOMEM.
int epoll_change(struct file *epoll, int operation, struct file *file, int descriptor,
		 const struct epoll_event *event);

// Sleeps until something wanted has happened, or until `deadline` (clock_monotonic, 0: not at
// all). How many events it moved to `to`; -EINVAL (`file` is no epoll), -ENOMEM, -EFAULT or
// -EINTR.
long epoll_wait(struct file *file, struct io *to, uint64_t deadline);

// References of those who only wait for something to happen to the file: the caller has one
// already. Letting go may end the file.
struct file *epoll_hold(struct file *file);
void epoll_let_go(struct file *file);
// file_put for a file that is watched: whether the reference was the last. Whoever waits for the
// file looks anew when nobody else has it any more.
bool epoll_drop(struct file *file);
// The last reference is gone: nobody watches it any more.
void epoll_forget(struct file *file);
