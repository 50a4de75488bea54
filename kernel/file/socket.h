// SPDX-License-Identifier: MIT
//
// Pairs of connected sockets without names (socketpair): streams of bytes, datagrams, and
// datagrams in sequence. Open files can be passed through them.
#pragma once

#include "kernel/file/io.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

// What C libraries' headers have and Linux's own have not.
#define SOCKET_FAMILY_UNIX 1
enum socket_type { SOCKET_STREAM = 1, SOCKET_DATAGRAM = 2, SOCKET_RAW = 3, SOCKET_SEQUENCE = 5 };
enum {
	MESSAGE_OUT_OF_BAND = 0x1,
	MESSAGE_PEEK = 0x2,
	MESSAGE_CONTROL_CUT = 0x8,
	MESSAGE_TRUNCATED = 0x20,
	MESSAGE_DO_NOT_WAIT = 0x40,
	MESSAGE_WAIT_ALL = 0x100,
	MESSAGE_NO_SIGNAL = 0x4000,
	MESSAGE_CLOSE_ON_EXEC = 0x40000000,
};

#define SOCKET_BUFFER 212992 // bytes under way from one end, what they are kept in included
#define PASSED_MAX    253    // files in one message

// Files on their way. Sockets are not among them, so that none can be in its own queue.
struct passed_files {
	struct user *sender; // while it is in a queue: who sent them, held
	unsigned count;
	struct file *file[]; // held
};

struct passed_files *passed_files_alloc(unsigned count); // room for them; NULL when out of memory
void passed_files_free(struct passed_files *files);      // NULL is allowed
// They are put into a queue, and taken out of it by who receives them. NULL is allowed.
// -ETOOMANYREFS: their sender has more than RLIMIT_NOFILE under way already.
int passed_files_depart(struct passed_files *files);
void passed_files_arrive(struct passed_files *files);

// Both ends; `flags`: O_NONBLOCK. `type` is one of the above, but SOCKET_RAW is SOCKET_DATAGRAM.
// 0 or -ENOMEM. Each has one reference.
int socket_pair(enum socket_type type, unsigned flags, struct file **a, struct file **b);

bool file_is_socket(const struct file *file);
enum socket_type socket_type_of(const struct file *file);
// The error that is still to be reported, 0: none. It is reported once.
int socket_take_error(struct file *file);
// Who made it.
struct socket_owner {
	int pid;
	uint32_t uid, gid;
};
struct socket_owner socket_owner_of(const struct file *file);

// Sends what `io` has, with `files` (NULL: none; taken over on success). `flags`: MESSAGE_*. Bytes
// or -errno: -EPIPE (of streams with SIGPIPE), -EMSGSIZE, -ENOBUFS, -EAGAIN, ...
long socket_send(struct file *file, struct io *io, unsigned flags, struct passed_files *files);

// What has been received beside the bytes.
struct received {
	struct passed_files *files; // the caller's; NULL: none
	unsigned flags;             // MESSAGE_TRUNCATED, or 0
};
long socket_receive(struct file *file, struct io *io, unsigned flags, struct received *received);

// `how`: 0 for reading, 1 for writing, 2 for both.
void socket_shutdown(struct file *file, int how);
