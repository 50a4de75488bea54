// SPDX-License-Identifier: MIT
//
// What the files of the sockets share. socket.c says what locks what.
#pragma once

#include "kernel/file/file.h"
#include "kernel/file/message.h"
#include "kernel/file/socket.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/process/wait.h"
#include <linux/fcntl.h>

enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

struct end {
	struct pair *pair;         // constant
	struct list queue;         // messages for this end; pair->lock
	size_t charged;            // of its messages in the other's queue; pair->lock
	size_t queued;             // bytes in its queue; pair->lock
	unsigned shut;             // SHUT_*; written under pair->lock
	int error;                 // to be reported once: positive, or 0; atomic
	bool gone;                 // closed; pair->lock
	bool disconnected;         // a datagram socket that has been told so; pair->lock
	struct wait_queue changed; // woken when anything above has
	struct sleep_lock reader;
};

struct pair {
	uint32_t references; // ends that are open; atomic
	enum socket_type type;
	struct spinlock lock;
	struct end ends[2];
	uint64_t number; // st_ino of the first
	struct socket_owner owner;
};

static inline struct end *other_end(struct end *end)
{
	return &end->pair->ends[end == end->pair->ends];
}

static inline unsigned shut(const struct end *end)
{
	return __atomic_load_n(&end->shut, __ATOMIC_ACQUIRE);
}

static inline bool is_stream(const struct end *end)
{
	return end->pair->type == SOCKET_STREAM;
}

static inline int take_error(struct end *end)
{
	return -__atomic_exchange_n(&end->error, 0, __ATOMIC_ACQ_REL);
}

static inline bool may_wait(const struct file *file, unsigned flags)
{
	return !(file->flags & O_NONBLOCK) && !(flags & MESSAGE_DO_NOT_WAIT);
}
