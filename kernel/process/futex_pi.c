// SPDX-License-Identifier: MIT
//
// Futexes with priority inheritance: mutexes whose word holds the owner's tid, so that the kernel
// knows who is waited for. It hands the mutex to the next waiter itself: the most urgent one by
// its real-time priority, of equals the first. Nobody's priority is raised, as the scheduler here
// has none; the protocol and its results are Linux's. Waiting on one word and being moved to such
// a mutex is in futex_requeue_pi.c.
//
// Locks: `pi_lock` guards the list of waiters and all in them, and the fields of tasks that say
// so. Such mutexes are rare enough for one lock. Who queues up holds the lock of the word's bucket
// around it, so that it knows whether others sleep on the word as on a plain futex. The word is
// changed with pi_lock held, without bringing pages in, as futex_table.c has it; process_lock and
// the run queue's lock come after it, and no others do.
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
#include "lib/mutant.h"
#include <linux/errno.h>

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

// Who has been given the mutex and may not have written the word yet, or NULL.
static struct futex_pi_waiter *granted_waiter(const struct futex_key *key)
{
	struct futex_pi_waiter *waiter;

	list_for_each_entry (waiter, &waiters, link) {
		if (waiter->granted && futex_same_key(&waiter->key, key))
			return waiter;
	}
	return NULL;
}

bool futex_pi_waited(const struct futex_key *key)
{
	bool waited;

	if (list_empty(&waiters))
		return false;
	spin_lock(&pi_lock);
	waited = first_waiter(key);
	spin_unlock(&pi_lock);
	return waited;
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

	waiter->died = died && !MUTANT(pi_death_untold);
	__atomic_store_n(&waiter->granted, true, __ATOMIC_RELEASE);
	list_for_each_entry (other, &waiters, link) {
		if (other != waiter && futex_same_key(&other->key, &waiter->key))
			change_owner(other, waiter->task);
	}
	task_wake(waiter->task);
}

// ---- taking it; the bucket's lock and pi_lock are held ----
// Changes the word from what it was seen to be.
static enum futex_attempt change(uintptr_t address, uint32_t word, uint32_t new)
{
	uint32_t seen = word;

	if (user_compare_exchange32_present(address, &seen, new))
		return FAULT;
	return seen == word ? TAKEN : AGAIN;
}

// Nobody has it: it is the waiter's.
static enum futex_attempt take(const struct futex_pi_waiter *waiter, uintptr_t address,
			       uint32_t word)
{
	uint32_t new = (word & FUTEX_OWNER_DIED) | (uint32_t)waiter->task->tid;

	return change(address, word, new | (waiter->set_waiters ? FUTEX_WAITERS : 0));
}

// Somebody has: 0, or why it can not be waited for.
static int join(struct futex_pi_waiter *waiter, struct task *owner, bool try,
		enum futex_attempt *done)
{
	if (try)
		return -EAGAIN;
	if (waits_for(owner, waiter->task))
		return -EDEADLK;
	waiter->owner = task_get(owner);
	enqueue(waiter);
	// It may have found the list empty just before: see futex_release_pi.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*done = QUEUED;
	if (owner->pi_state == PI_ALIVE)
		return 0;
	dequeue(waiter);
	task_put(owner);
	*done = AGAIN;
	return 0;
}

// Others wait: `owner`, whom the word names, has to be whom they wait for. Only the word of one
// who is just ending may name nobody.
static int join_others(struct futex_pi_waiter *waiter, uint32_t word, struct task *owner, bool try,
		       enum futex_attempt *done)
{
	const struct futex_pi_waiter *granted = granted_waiter(&waiter->key);
	struct task *real = granted ? granted->task : first_waiter(&waiter->key)->owner;
	const bool nobody = word & FUTEX_OWNER_DIED && !(word & FUTEX_TID_MASK);

	if (!granted && owner != real && !nobody)
		return -EINVAL;
	if (real->pi_state == PI_ALIVE)
		return join(waiter, real, try, done);
	*done = AGAIN; // what it held is being given away
	return 0;
}

// The word names somebody who may be ending, or have ended without giving it back.
static int join_first(struct futex_pi_waiter *waiter, uintptr_t address, uint32_t word,
		      struct task *owner, bool try, enum futex_attempt *done)
{
	const bool ended =
		!owner || __atomic_load_n(&owner->pi_state, __ATOMIC_ACQUIRE) == PI_DEAD;

	// It has to say that there are waiters before they wait.
	*done = change(address, word, word | FUTEX_WAITERS);
	if (*done != TAKEN)
		return 0;
	*done = AGAIN;
	if (ended)
		return -ESRCH;
	if (owner->pi_state != PI_ALIVE)
		return 0;
	return join(waiter, owner, try, done);
}

static int try_or_join(struct futex_pi_waiter *waiter, uintptr_t address, bool try,
		       enum futex_attempt *done)
{
	struct task *owner;
	uint32_t word;
	int error = 0;

	*done = FAULT;
	if (user_load32_present(&word, address))
		return 0;
	if ((word & FUTEX_TID_MASK) == (uint32_t)waiter->task->tid)
		return -EDEADLK;
	owner = task_find((int)(word & FUTEX_TID_MASK));
	if (first_waiter(&waiter->key))
		error = join_others(waiter, word, owner, try, done);
	else if (word & FUTEX_TID_MASK)
		error = join_first(waiter, address, word, owner, try, done);
	else
		*done = take(waiter, address, word);
	if (owner)
		task_put(owner);
	return error;
}

int futex_pi_attempt(struct futex_pi_waiter *waiter, uintptr_t address, bool try,
		     enum futex_attempt *done)
{
	int error;

	spin_lock(&pi_lock);
	error = try_or_join(waiter, address, try, done);
	spin_unlock(&pi_lock);
	return error;
}

// ---- taking it ----
// One round: 0, or why the mutex can not be had. *done says how far it came.
static int attempt(struct futex_pi_waiter *waiter, uintptr_t address, bool try,
		   enum futex_attempt *done)
{
	struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
	int error = -EINVAL;

	futex_lock_bucket(bucket);
	if (!futex_has_sleeper(&waiter->key))
		error = futex_pi_attempt(waiter, address, try, done);
	spin_unlock(&bucket->lock);
	if (!error && *done == FAULT)
		error = futex_touch(address);
	return error;
}

// Takes the mutex or queues up for it: 0 or why neither is possible.
static int begin(struct futex_pi_waiter *waiter, uintptr_t address, bool try,
		 enum futex_attempt *done)
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

bool futex_pi_granted(const struct futex_pi_waiter *waiter)
{
	return __atomic_load_n(&waiter->granted, __ATOMIC_ACQUIRE);
}

static int sleep(const struct futex_pi_waiter *waiter, uint64_t deadline)
{
	int error = 0;

	for (;;) {
		wait_prepare();
		if (error || futex_pi_granted(waiter)) {
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

// A word that can not be written any more is its process's own loss.
bool futex_pi_finish(struct futex_pi_waiter *waiter, uintptr_t address)
{
	bool missing;

	do {
		spin_lock(&pi_lock);
		missing = waiter->died && write_word(waiter, address);
		if (!missing)
			dequeue(waiter);
		spin_unlock(&pi_lock);
		if (missing && futex_touch(address))
			waiter->died = false;
	} while (missing);
	task_put(waiter->owner);
	return waiter->granted;
}

long futex_lock_pi(uintptr_t address, bool is_private, bool try, uint64_t deadline)
{
	struct futex_pi_waiter waiter = {.task = current_task()};
	enum futex_attempt done = AGAIN;
	int error = futex_find_key(address, is_private, &waiter.key);

	if (!error)
		error = begin(&waiter, address, try, &done);
	if (error || done == TAKEN)
		return error;
	error = sleep(&waiter, deadline);
	if (futex_pi_finish(&waiter, address))
		return 0;
	return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
}

// ---- giving it back ----
static int hand_over(uintptr_t address, const struct futex_key *key, uint32_t word, bool *changed)
{
	struct futex_pi_waiter *waiter = first_waiter(key);
	uint32_t new = waiter ? (uint32_t)waiter->task->tid | FUTEX_WAITERS : 0;
	enum futex_attempt done;

	if (waiter && (granted_waiter(key) || waiter->owner != current_task()))
		return -EINVAL; // the word lies
	done = change(address, word, new);
	if (done == FAULT)
		return -EFAULT;
	*changed = done == TAKEN;
	if (waiter && *changed)
		grant(waiter, false);
	return 0;
}

static int unlock(uintptr_t address, const struct futex_key *key, uint32_t word, bool *changed)
{
	struct futex_bucket *bucket = futex_bucket_of(key);
	int error = -EINVAL;

	futex_lock_bucket(bucket);
	spin_lock(&pi_lock);
	if (first_waiter(key) || !futex_has_sleeper(key))
		error = hand_over(address, key, word, changed);
	spin_unlock(&pi_lock);
	spin_unlock(&bucket->lock);
	return error;
}

long futex_unlock_pi(uintptr_t address, bool is_private)
{
	struct futex_key key;
	bool changed = false;
	uint32_t word;
	int error;

	while (!changed) {
		if (user_load32(&word, address))
			return -EFAULT;
		if ((word & FUTEX_TID_MASK) != (uint32_t)current_task()->tid)
			return -EPERM;
		error = futex_find_key(address, is_private, &key);
		if (!error)
			error = unlock(address, &key, word, &changed);
		if (error == -EFAULT)
			error = futex_touch(address);
		if (error)
			return error;
	}
	return 0;
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
	task->pi_state = PI_ENDING;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!list_empty(&waiters)) {
		spin_lock(&pi_lock);
		while ((waiter = waiter_for(task)))
			grant(waiter, true);
		spin_unlock(&pi_lock);
	}
	__atomic_store_n(&task->pi_state, ends ? PI_DEAD : PI_ALIVE, __ATOMIC_RELEASE);
}
