// SPDX-License-Identifier: MIT
//
// A shared queue, for what outlives its thread: any number of threads put, any number take, and
// nobody waits for anybody. The links lie in what is queued (lib/list.h, container_of), so that
// putting can not fail. Takers take everything at once: as no single element is ever removed, an
// element that comes back while somebody looks at it does no harm (the "ABA" problem).
//
// What was written to an element before it was put is seen by who took it: put releases, take
// acquires.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pool_link {
	struct pool_link *next;
};

struct pool_queue {
	struct pool_link *last; // the newest, and from there to the oldest; atomic
};

// True when the queue was empty before: who wants to wake a taker does it then.
static inline bool pool_queue_put(struct pool_queue *queue, struct pool_link *link)
{
	struct pool_link *last = __atomic_load_n(&queue->last, __ATOMIC_RELAXED);

	do
		link->next = last;
	while (!__atomic_compare_exchange_n(&queue->last, &last, link, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
	return last == NULL;
}

// All that is in it, newest first; NULL when there is nothing. For who does not care for order.
static inline struct pool_link *pool_queue_take_any(struct pool_queue *queue)
{
	if (!__atomic_load_n(&queue->last, __ATOMIC_RELAXED))
		return NULL;
	return __atomic_exchange_n(&queue->last, NULL, __ATOMIC_ACQUIRE);
}

// The same in the order in which it was put.
static inline struct pool_link *pool_queue_take(struct pool_queue *queue)
{
	struct pool_link *link = pool_queue_take_any(queue), *taken = NULL;

	while (link) {
		struct pool_link *next = link->next;

		link->next = taken;
		taken = link;
		link = next;
	}
	return taken;
}
