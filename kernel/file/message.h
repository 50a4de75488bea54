// SPDX-License-Identifier: MIT
//
// What is under way between sockets: bytes, in pieces of a page at most, and files.
#pragma once

#include "kernel/file/socket.h"
#include "lib/list.h"

struct message_piece;

struct message {
	struct list link;             // in the receiver's queue
	size_t start, size;           // of the bytes: those before `start` are gone
	size_t charge;                // to the sender's buffer
	struct passed_files *files;   // NULL: none
	struct message_piece *pieces; // in order
};

// Takes `size` bytes off `io`: 0, -ENOBUFS or -EFAULT.
int message_create(struct io *io, size_t size, struct message **message);
void message_free(struct message *message); // with its files
// Copies `count` bytes from `start` on; how many before ring 3's memory faulted.
size_t message_copy(const struct message *message, size_t start, struct io *io, size_t count);
