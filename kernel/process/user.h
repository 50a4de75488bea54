// SPDX-License-Identifier: MIT
//
// Users, for what all processes of one have together: limits that fork can not get around.
#pragma once

#include "lib/list.h"
#include <stdbool.h>
#include <stdint.h>

struct user {
	struct list link;    // all users; user_lock
	uint32_t uid;        // constant
	uint32_t references; // user_lock
	uint64_t watches;    // of epolls it made (kernel/file/epoll.c); epoll_lock
	uint64_t in_flight;  // files it sent that nobody has received yet; atomic
	uint32_t queued;     // signals for its processes and timers: RLIMIT_SIGPENDING; atomic
};

// With a reference: made when there is none. NULL when out of memory.
struct user *user_find(uint32_t uid);
struct user *user_get(struct user *user);
void user_put(struct user *user);
// One more of `queued`, unless it was `limit` or more: false. Where the user is known from
// credentials; it then stays until user_dequeued, without a reference. Interrupt handlers may.
bool user_queue(struct user *user, uint64_t limit);
void user_dequeued(struct user *user);
