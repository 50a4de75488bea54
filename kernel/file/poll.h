// SPDX-License-Identifier: MIT
//
// Waiting for one of several files: poll, ppoll and select.
#pragma once

struct poll_table;
struct wait_queue;

// For a file's poll operation: whoever wakes `queue` makes the poller look again. NULL: no-op.
void poll_wait(struct poll_table *table, struct wait_queue *queue);
