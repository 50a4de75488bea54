// SPDX-License-Identifier: MIT
//
// Waiting for one of several files: what poll, ppoll and select have in common.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct poll_table;
struct wait_queue;

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
