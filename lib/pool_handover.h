// SPDX-License-Identifier: MIT
//
// Hand-over: a thread that ends leaves what it has (its pool, say) to be taken by another, which
// goes on with it as its own. Nothing is copied or freed, and no thread waits.
#pragma once

#include "lib/pool_queue.h"

struct pool_handover {
	struct pool_queue left; // things without a thread
};

// The caller must not touch it afterwards.
static inline void pool_leave(struct pool_handover *handover, struct pool_link *thing)
{
	pool_queue_put(&handover->left, thing);
}

// A thing that is now the caller's, as its last owner left it; NULL when there is none. While one
// taker holds all of them to pick one, another may see none: it then makes a new one.
static inline struct pool_link *pool_take_over(struct pool_handover *handover)
{
	struct pool_link *thing = pool_queue_take_any(&handover->left), *other, *next;

	for (other = thing ? thing->next : NULL; other; other = next) {
		next = other->next;
		pool_queue_put(&handover->left, other);
	}
	return thing;
}
