// SPDX-License-Identifier: MIT
//
// Futexes with priority inheritance: mutexes whose word holds the owner's tid, so that the kernel
// knows who is waited for. It hands the mutex to the next waiter itself: the most urgent one by
// its real-time priority, of equals the first. Nobody's priority is raised, as the scheduler here
// has none; the protocol and its results are Linux's. Left out: waiting on one word and being
// moved to another (FUTEX_WAIT_REQUEUE_PI).
//
// Locks: `pi_lock` guards the list of waiters and all in them, and the fields of tasks that say
// so. Such mutexes are rare enough for one lock. The word is changed with it held, without
// bringing pages in, as futex_table.c has it; the run queue's lock comes after it, and no other
// does.
//
// A word is written by whoever becomes the owner, or by the owner that gives it away. When an
// owner ends, its waiter is told and writes the word on waking up, as only its own memory is sure
// to have it; until then it stays on the list, so that others queue behind it.
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex.h"
#include "kernel/process/futex_internal.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include <linux/errno.h>

// Lives on its task's stack.
struct futex_pi_waiter {
	struct list link;
	struct task *task;
	struct task *owner; // whom it waits for, held
	struct futex_key key;
	bool granted; // the mutex is this task's
	bool died;    // because its owner ended: the word is still to be written
};

static struct spinlock pi_lock;
static struct list waiters = LIST_INIT(waiters);

static struct futex_pi_waiter *first_waiter(const struct futex_key *key)
{
	struct futex_pi_waiter *waiter;

	list_for_each_entry (waiter, &waiters, link) {
		if (futex_same_key(&waiter->key, key))
			return waiter;
	}
	return NULL;
}

static void enqueue(struct futex_pi_waiter *waiter)
{
	struct futex_pi_waiter *other;
	struct list *before = waiters.prev;

	// Behind all that are as urgent, whatever word they wait for.
	list_for_each_entry (other, &waiters, link) {
		if (!other->granted && task_urgency(other->task) < task_urgency(waiter->task)) {
			before = other->link.prev;
			break;
		}
	}
	list_add(before, &waiter->link);
	waiter->task->pi_waiter = waiter;
}

static void dequeue(struct futex_pi_waiter *waiter)
{
	list_del(&waiter->link);
	waiter->task->pi_waiter = NULL;
}

// Whether `owner` waits, through however many others, for `task`.
static bool waits_for(const struct task *owner, const struct task *task)
{
	while (owner != task) {
		if (!owner->pi_waiter || owner->pi_waiter->granted)
			return false;
		owner = owner->pi_waiter->owner;
	}
	return true;
}

static void change_owner(struct futex_pi_waiter *waiter, struct task *owner)
{
	struct task *old = waiter->owner;

	waiter->owner = task_get(owner);
	task_put(old);
}

// The waiter owns the mutex: those behind it wait for it from now on.
static void grant(struct futex_pi_waiter *waiter, bool died)
{
	struct futex_pi_waiter *other;

	waiter->died = died;
	__atomic_store_n(&waiter->granted, true, __ATOMIC_RELEASE);
	list_for_each_entry (other, &waiters, link) {
		if (other != waiter && futex_same_key(&other->key, &waiter->key))
			change_owner(other, waiter->task);
	}
	task_wake(waiter->task);
}

// ---- taking it ----
enum attempt { TAKEN, QUEUED, AGAIN, FAULT };

// Nobody holds it: it is ours.
static enum attempt take(uintptr_t address, uint32_t word, const struct futex_key *key)
{
	uint32_t mine = (word & FUTEX_OWNER_DIED) | (uint32_t)current_task()->tid;
	uint32_t seen = word;

	if (first_waiter(key))
		mine |= FUTEX_WAITERS;
	if (user_compare_exchange32_present(address, &seen, mine))
		return FAULT;
	return seen == word ? TAKEN : AGAIN;
}

// Somebody does: the word has to say that there are waiters, before that one is waited for.
static enum attempt join(struct futex_pi_waiter *waiter, uintptr_t address, uint32_t word,
			 struct task *owner)
{
	uint32_t seen = word;

	if (!(word & FUTEX_WAITERS) &&
	    user_compare_exchange32_present(address, &seen, word | FUTEX_WAITERS))
		return FAULT;
	if (seen != word)
		return AGAIN;
	waiter->owner = task_get(owner);
	enqueue(waiter);
	// It may have found the list empty just before: see futex_release_pi.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!owner->pi_dead)
		return QUEUED;
	dequeue(waiter);
	task_put(owner);
	return AGAIN;
}

// `owner`: the task that the word names, NULL: there is none.
static int try_or_join(struct futex_pi_waiter *waiter, uintptr_t address, uint32_t word,
		       struct task *owner, bool try, enum attempt *done)
{
	struct futex_pi_waiter *first = first_waiter(&waiter->key);
	uint32_t now;

	*done = AGAIN;
	if (user_load32_present(&now, address)) {
		*done = FAULT;
		return 0;
	}
	if (now != word)
		return 0;
	// Who has been given the mutex may not have written the word yet, and one whose owner is
	// just ending is not free: it is for those who wait already.
	if (first && (first->granted || !owner))
		owner = first->granted ? first->task : first->owner;
	if (!owner && word & FUTEX_TID_MASK)
		return -ESRCH;
	if (!owner) {
		*done = take(address, word, &waiter->key);
		return 0;
	}
	if (owner->pi_dead)
		return 0; // what it held is being given away
	if (waits_for(owner, waiter->task))
		return -EDEADLK;
	if (try)
		return -EAGAIN;
	*done = join(waiter, address, word, owner);
	return 0;
}

// One round: 0, or why the mutex can not be had. *done says how far it came.
static int attempt(struct futex_pi_waiter *waiter, uintptr_t address, bool try, enum attempt *done)
{
	struct task *owner;
	uint32_t word;
	int error;

	if (user_load32(&word, address))
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) == (uint32_t)waiter->task->tid)
		return -EDEADLK;
	owner = task_find((int)(word & FUTEX_TID_MASK));
	spin_lock(&pi_lock);
	error = try_or_join(waiter, address, word, owner, try, done);
	spin_unlock(&pi_lock);
	if (owner)
		task_put(owner);
	if (!error && *done == FAULT && user_compare_exchange32(address, &word, word))
		return -EFAULT;
	return error;
}

// Takes the mutex or queues up for it: 0 or why neither is possible.
static int begin(struct futex_pi_waiter *waiter, uintptr_t address, bool try, enum attempt *done)
{
	int error;

	for (;;) {
		error = attempt(waiter, address, try, done);
		if (error || *done == TAKEN || *done == QUEUED)
			return error;
		if (*done == AGAIN)
			schedule();
		if (signal_fatal_pending())
			return -EINTR;
	}
}

static bool is_granted(const struct futex_pi_waiter *waiter)
{
	return __atomic_load_n(&waiter->granted, __ATOMIC_ACQUIRE);
}

static int sleep(const struct futex_pi_waiter *waiter, uint64_t deadline)
{
	int error = 0;

	for (;;) {
		wait_prepare();
		if (error || is_granted(waiter)) {
			wait_cancel();
			return error;
		}
		error = wait_sleep(deadline);
	}
}

// The word of a mutex whose owner ended; pi_lock is held. 0 or -EFAULT.
static int write_word(const struct futex_pi_waiter *waiter, uintptr_t address)
{
	const uint32_t mine = (uint32_t)waiter->task->tid | FUTEX_WAITERS | FUTEX_OWNER_DIED;
	uint32_t word, seen;

	if (user_load32_present(&word, address))
		return -EFAULT;
	do {
		seen = word;
		if (user_compare_exchange32_present(address, &word, mine))
			return -EFAULT;
	} while (seen != word);
	return 0;
}

// Leaves the list: whether it has got the mutex. A word that can not be written any more is its
// process's own loss.
static bool finish(struct futex_pi_waiter *waiter, uintptr_t address)
{
	uint32_t word;
	bool missing;

	do {
		spin_lock(&pi_lock);
		missing = waiter->died && write_word(waiter, address);
		if (!missing)
			dequeue(waiter);
		spin_unlock(&pi_lock);
		if (missing &&
		    (user_load32(&word, address) || user_compare_exchange32(address, &word, word)))
			waiter->died = false;
	} while (missing);
	task_put(waiter->owner);
	return waiter->granted;
}

long futex_lock_pi(uintptr_t address, bool is_private, bool try, uint64_t deadline)
{
	struct futex_pi_waiter waiter = {.task = current_task()};
	enum attempt done = AGAIN;
	int error = futex_find_key(address, is_private, &waiter.key);

	if (!error)
		error = begin(&waiter, address, try, &done);
	if (error || done == TAKEN)
		return error;
	error = sleep(&waiter, deadline);
	if (finish(&waiter, address))
		return 0;
	return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
}

// ---- giving it back ----
static int hand_over(uintptr_t address, const struct futex_key *key, uint32_t word, bool *changed)
{
	struct futex_pi_waiter *waiter = first_waiter(key);
	uint32_t seen = word;
	uint32_t new = waiter ? (uint32_t)waiter->task->tid | FUTEX_WAITERS : 0;

	if (user_compare_exchange32_present(address, &seen, new))
		return -EFAULT;
	*changed = seen == word;
	if (waiter && *changed)
		grant(waiter, false);
	return 0;
}

long futex_unlock_pi(uintptr_t address, bool is_private)
{
	struct futex_key key;
	bool changed = false;
	uint32_t word;
	int error = futex_find_key(address, is_private, &key);

	while (!error && !changed) {
		if (user_load32(&word, address))
			return -EFAULT;
		if ((word & FUTEX_TID_MASK) != (uint32_t)current_task()->tid)
			return -EPERM;
		spin_lock(&pi_lock);
		error = hand_over(address, &key, word, &changed);
		spin_unlock(&pi_lock);
		if (error && !user_compare_exchange32(address, &word, word))
			error = 0; // it is there now
	}
	return error;
}

// ---- the end of an owner ----
static struct futex_pi_waiter *waiter_for(const struct task *owner)
{
	struct futex_pi_waiter *waiter;

	list_for_each_entry (waiter, &waiters, link) {
		if (waiter->owner == owner && !waiter->granted)
			return waiter;
	}
	return NULL;
}

void futex_release_pi(struct task *task, bool ends)
{
	struct futex_pi_waiter *waiter;

	// Whoever queues up looks at this after the list has changed: one of both is seen.
	task->pi_dead = true;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!list_empty(&waiters)) {
		spin_lock(&pi_lock);
		while ((waiter = waiter_for(task)))
			grant(waiter, true);
		spin_unlock(&pi_lock);
	}
	if (!ends)
		__atomic_store_n(&task->pi_dead, false, __ATOMIC_RELEASE);
}
