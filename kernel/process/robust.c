// SPDX-License-Identifier: MIT
//
// Robust mutexes: a list in ring 3's memory (set_robust_list) of those a thread holds, so that
// they are not held for ever when it ends. Nothing in it is believed: it may be circular or
// garbage, and only words that carry the thread's own tid are changed.
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex.h"
#include "kernel/process/task.h"
#include "lib/mutant.h"

#define PRIORITY_INHERITANCE 1ul // in a pointer of the list

// `pending`: the mutex was just being taken or given back. In between its word is 0 although a
// sleeper may have been left without a wake.
static bool release_one(struct task *task, uintptr_t word, bool inheritance, bool pending)
{
	uint32_t seen, old, new;

	if (word % sizeof(seen) || user_load32(&seen, word))
		return false;
	do {
		old = seen;
		if (pending && !inheritance && !(old & FUTEX_TID_MASK)) {
			(void)futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);
			return true;
		}
		if ((old & FUTEX_TID_MASK) != (uint32_t)task->tid)
			return true;
		new = (old & FUTEX_WAITERS) | (MUTANT(robust_death_untold) ? 0 : FUTEX_OWNER_DIED);
		if (user_compare_exchange32(word, &seen, new))
			return false;
	} while (seen != old);
	if (!inheritance && old & FUTEX_WAITERS)
		(void)futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);
	return true;
}

static bool read_word(uint64_t *value, uintptr_t from)
{
	return !copy_from_user(value, from, sizeof(*value));
}

// Each entry is a pointer to the next, the first of a mutex; its word is `offset` bytes further.
void futex_release_robust(struct task *task)
{
	const uintptr_t head = task->robust_list;
	uint64_t entry, next, offset, pending;

	if (!read_word(&entry, head) || !read_word(&offset, head + 8) ||
	    !read_word(&pending, head + 16))
		return;
	for (int count = 0; count < ROBUST_LIST_LIMIT; count++) {
		uintptr_t mutex = entry & ~PRIORITY_INHERITANCE;
		bool more;

		if (mutex == head)
			break;
		more = read_word(&next, mutex); // before somebody else may take it
		if (mutex != (pending & ~PRIORITY_INHERITANCE) &&
		    !release_one(task, mutex + offset, entry & PRIORITY_INHERITANCE, false))
			return;
		if (!more)
			break;
		entry = next;
	}
	if (pending)
		release_one(task, (pending & ~PRIORITY_INHERITANCE) + offset,
			    pending & PRIORITY_INHERITANCE, true);
}
