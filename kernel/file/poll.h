// SPDX-License-Identifier: MIT
//
// Waiting for one of several files: what poll, ppoll and select have in common.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct poll_waiter;
struct wait_queue;

// Who waits, and on which queues. Those that there is no room for in `waiters` are in blocks of
// their own, which hold the file that they belong to.
struct poll_table {
	struct poll_waiter *waiters; // NULL: nobody waits, the queues are only looked at
	size_t used, size;
	struct poll_extra *extra;
	struct file *holding; // the file inside of another that is being looked at
	bool failed;          // there was no memory for a block
	uint32_t wakes;       // of all the queues that were named, together
};

// For a file's poll operation: whoever wakes `queue` makes the poller look again. NULL: no-op.
void poll_wait(struct poll_table *table, struct wait_queue *queue);

// One file to wait for. The caller holds a reference to `file`.
struct poll_request {
	struct file *file; // NULL: `events` are found as they are
	unsigned wanted;   // POLL*; POLLERR and POLLHUP are always wanted
	unsigned events;   // result: those that hold
};

// Sleeps until some request has events, or until `deadline` (clock_monotonic, 0: not at all). How
// many have; -ENOMEM or -ERESTARTNOHAND.
long poll_files(struct poll_request *requests, size_t count, uint64_t deadline);

// The pieces, for files that are made of others (epoll.c). A table with room for `count` files: 0
// or -ENOMEM; its end leaves all queues.
int poll_table_start(struct poll_table *table, size_t count);
void poll_table_end(struct poll_table *table);
// The POLL* bits that hold. Where `table` waits, it joins the file's queues.
unsigned poll_look(struct file *file, struct poll_table *table);
