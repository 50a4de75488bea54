// SPDX-License-Identifier: MIT
//
// Futexes. Sleepers stand in a hash table by what their word is: in memory shared between
// processes the object and the offset in it, else the address space and the address.
//
// Locks: a bucket's lock guards its list, and the `bucket` and `key` of those on it. The word is
// read with it held, so that nobody can change the word and wake in between. Pages are not brought
// in under it: when the word is not there it is touched without the lock, and all begins anew. It
// is never taken by an interrupt. Two buckets are taken in the order of their addresses. Only the
// run queue's lock (task_wake) is taken after it.
//
// A key's object is compared and never followed, so it holds no reference: who sleeps on a word
// that has been unmapped can at worst be woken for a newer object at the same place, and every
// user of futexes has to look at the word again anyway.
//
// Left out: the operations on mutexes with priority inheritance, and futex_waitv.
#include "kernel/process/futex.h"

#include "kernel/machine/user_copy.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/mm.h"
#include <linux/errno.h>

#define BUCKETS    256 // a power of two
#define SHARED_KEY 1   // in an offset: not FUTEX_PRIVATE_FLAG; words are at multiples of 4

struct futex_key {
	const void *space; // struct mm or struct object
	uint64_t offset;   // address in it, and SHARED_KEY
};

struct bucket {
	struct spinlock lock;
	bool ready;           // `sleepers` is initialised
	struct list sleepers; // struct sleeper by `link`, first come first
};

// Lives on its task's stack. It leaves only after having held its bucket's lock once more, so that
// whoever wakes it is through with it by then.
struct sleeper {
	struct list link;
	struct task *task;
	struct futex_key key;
	struct bucket *bucket;
	uint32_t bitset;
	bool woken; // and off the list
};

static struct bucket buckets[BUCKETS];

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->offset == b->offset;
}

static struct bucket *bucket_of(const struct futex_key *key)
{
	uint64_t hash = (uint64_t)key->space >> 6 ^ key->offset >> 2 ^ key->offset >> 12;

	return &buckets[hash % BUCKETS];
}

static void lock_bucket(struct bucket *bucket)
{
	spin_lock(&bucket->lock);
	if (!bucket->ready)
		list_init(&bucket->sleepers);
	bucket->ready = true;
}

static void lock_two(struct bucket *a, struct bucket *b)
{
	if (a > b) {
		lock_bucket(b);
		lock_bucket(a);
		return;
	}
	lock_bucket(a);
	if (a != b)
		lock_bucket(b);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static int shared_key(struct mm *mm, uintptr_t address, struct futex_key *key)
{
	const struct vma *vma;
	int error = 0;

	spin_lock(&mm->lock);
	vma = mm_find_vma(mm, address);
	if (!vma || address < vma->start || !(vma->flags & VMA_PROTECTION)) {
		error = -EFAULT;
	} else if (vma->flags & VMA_SHARED && vma->object) {
		key->space = vma->object;
		key->offset = (vma->page_offset << PAGE_SHIFT) + (address - vma->start);
	}
	spin_unlock(&mm->lock);
	key->offset |= SHARED_KEY;
	return error;
}

static int find_key(uintptr_t address, bool private, struct futex_key *key)
{
	struct mm *mm = current_task()->mm;

	if (address % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok(address, sizeof(uint32_t)))
		return -EFAULT;
	*key = (struct futex_key){.space = mm, .offset = address};
	return private ? 0 : shared_key(mm, address, key);
}

static int find_keys(const struct futex_pair *pair, struct futex_key *from, struct futex_key *to)
{
	int error = find_key(pair->from, pair->private, from);

	return error ? error : find_key(pair->to, pair->private, to);
}

// ---- sleeping ----
static int queue_if_present(struct sleeper *sleeper, uintptr_t address, uint32_t value)
{
	struct bucket *bucket = bucket_of(&sleeper->key);
	uint32_t now;
	int error;

	lock_bucket(bucket);
	error = user_load32_present(&now, address);
	if (!error && now != value)
		error = -EAGAIN;
	if (!error) {
		sleeper->bucket = bucket;
		list_add_tail(&bucket->sleepers, &sleeper->link);
	}
	spin_unlock(&bucket->lock);
	return error;
}

static int queue_if_equal(struct sleeper *sleeper, uintptr_t address, uint32_t value)
{
	uint32_t ignored;
	int error;

	do
		error = queue_if_present(sleeper, address, value);
	while (error == -EFAULT && !user_load32(&ignored, address));
	return error;
}

static int sleep(const struct sleeper *sleeper, uint64_t deadline)
{
	int error = 0;

	for (;;) {
		wait_prepare();
		if (error || __atomic_load_n(&sleeper->woken, __ATOMIC_ACQUIRE)) {
			wait_cancel();
			return error;
		}
		error = wait_sleep(deadline);
	}
}

// It may be moved to another bucket until its bucket is locked.
static bool leave(struct sleeper *sleeper)
{
	struct bucket *bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
	bool woken;

	lock_bucket(bucket);
	while (bucket != sleeper->bucket) {
		spin_unlock(&bucket->lock);
		bucket = __atomic_load_n(&sleeper->bucket, __ATOMIC_RELAXED);
		lock_bucket(bucket);
	}
	woken = sleeper->woken;
	if (!woken)
		list_del(&sleeper->link);
	spin_unlock(&bucket->lock);
	return woken;
}

static long restart_wait(struct restart *restart)
{
	return futex_wait(restart->address, restart->flags >> 32, (uint32_t)restart->value,
			  (uint32_t)restart->flags, restart->deadline);
}

long futex_wait(uintptr_t address, bool private, uint32_t value, uint32_t bitset,
		uint64_t deadline)
{
	struct sleeper sleeper = {.task = current_task(), .bitset = bitset};
	int error;

	if (!bitset)
		return -EINVAL;
	error = find_key(address, private, &sleeper.key);
	if (!error)
		error = queue_if_equal(&sleeper, address, value);
	if (error)
		return error;
	error = sleep(&sleeper, deadline);
	if (leave(&sleeper))
		return 0;
	if (error != -ERESTARTSYS || deadline == WAIT_FOREVER)
		return error;
	current_task()->restart = (struct restart){
		.function = restart_wait,
		.deadline = deadline,
		.address = address,
		.value = value,
		.flags = (uint64_t) private << 32 | bitset,
	};
	return -ERESTART_RESTARTBLOCK;
}

// ---- waking; the bucket's lock is held ----
static void wake(struct sleeper *sleeper)
{
	list_del(&sleeper->link);
	__atomic_store_n(&sleeper->woken, true, __ATOMIC_RELEASE);
	task_wake(sleeper->task);
}

// As Linux: `count` is looked at after each, so that one is woken whatever it is.
static int wake_some(struct bucket *bucket, const struct futex_key *key, int count,
		     uint32_t bitset)
{
	struct sleeper *sleeper, *following;
	int woken = 0;

	list_for_each_entry_safe (sleeper, following, &bucket->sleepers, link) {
		if (!same_key(&sleeper->key, key) || !(sleeper->bitset & bitset))
			continue;
		wake(sleeper);
		if (++woken >= count)
			break;
	}
	return woken;
}

static void move(struct sleeper *sleeper, struct bucket *bucket, const struct futex_key *key)
{
	sleeper->key = *key;
	if (sleeper->bucket == bucket)
		return;
	list_del(&sleeper->link);
	list_add_tail(&bucket->sleepers, &sleeper->link);
	__atomic_store_n(&sleeper->bucket, bucket, __ATOMIC_RELAXED);
}

static long wake_and_move(const struct futex_pair *pair, const struct futex_key *from,
			  const struct futex_key *to)
{
	struct bucket *bucket = bucket_of(from);
	struct sleeper *sleeper, *following;
	long done = 0;

	list_for_each_entry_safe (sleeper, following, &bucket->sleepers, link) {
		if (done - pair->wake >= pair->other)
			break;
		if (!same_key(&sleeper->key, from))
			continue;
		if (++done <= pair->wake)
			wake(sleeper);
		else
			move(sleeper, bucket_of(to), to);
	}
	return done;
}

// ---- the operations that wake ----
long futex_wake(uintptr_t address, bool private, int count, uint32_t bitset)
{
	struct futex_key key;
	struct bucket *bucket;
	long result;

	if (!bitset)
		return -EINVAL;
	result = find_key(address, private, &key);
	if (result)
		return result;
	bucket = bucket_of(&key);
	lock_bucket(bucket);
	result = wake_some(bucket, &key, count, bitset);
	spin_unlock(&bucket->lock);
	return result;
}

static long requeue_if_equal(const struct futex_pair *pair, const struct futex_key *from,
			     const struct futex_key *to, const uint32_t *expected)
{
	uint32_t now = 0;
	long result = 0;

	lock_two(bucket_of(from), bucket_of(to));
	if (expected)
		result = user_load32_present(&now, pair->from);
	if (!result && expected && now != *expected)
		result = -EAGAIN;
	if (!result)
		result = wake_and_move(pair, from, to);
	unlock_two(bucket_of(from), bucket_of(to));
	return result;
}

long futex_requeue(const struct futex_pair *pair, const uint32_t *expected)
{
	struct futex_key from, to;
	uint32_t ignored;
	long result;

	if (pair->wake < 0 || pair->other < 0)
		return -EINVAL;
	result = find_keys(pair, &from, &to);
	if (result)
		return result;
	do
		result = requeue_if_equal(pair, &from, &to, expected);
	while (result == -EFAULT && !user_load32(&ignored, pair->from));
	return result;
}

// What FUTEX_WAKE_OP does to a word, in fields of 4, 4, 12 and 12 bits.
static uint32_t apply(uint32_t operation, uint32_t old, int *error)
{
	// The argument is signed: shifted up and down again.
	uint32_t argument = (uint32_t)((int32_t)(operation << 8) >> 20);

	if (operation >> 28 & FUTEX_OP_OPARG_SHIFT)
		argument = 1u << (argument & 31);
	switch (operation >> 28 & 7) {
	case FUTEX_OP_SET:
		return argument;
	case FUTEX_OP_ADD:
		return old + argument;
	case FUTEX_OP_OR:
		return old | argument;
	case FUTEX_OP_ANDN:
		return old & ~argument;
	case FUTEX_OP_XOR:
		return old ^ argument;
	default:
		*error = -ENOSYS;
		return 0;
	}
}

static int compare(uint32_t operation, uint32_t old)
{
	int argument = (int32_t)(operation << 20) >> 20, value = (int)old;

	switch (operation >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return value == argument;
	case FUTEX_OP_CMP_NE:
		return value != argument;
	case FUTEX_OP_CMP_LT:
		return value < argument;
	case FUTEX_OP_CMP_GE:
		return value >= argument;
	case FUTEX_OP_CMP_LE:
		return value <= argument;
	case FUTEX_OP_CMP_GT:
		return value > argument;
	default:
		return -ENOSYS;
	}
}

// The word's old value decides: 1, 0 or -errno.
static int change_word(uintptr_t address, uint32_t operation)
{
	uint32_t old, seen, new;
	int error = user_load32_present(&seen, address);

	do {
		old = seen;
		new = apply(operation, old, &error);
		if (!error)
			error = user_compare_exchange32_present(address, &seen, new);
	} while (!error && seen != old);
	return error ? error : compare(operation, old);
}

// Brings the word's page in for writing. 0 or -EFAULT.
static int touch(uintptr_t address)
{
	uint32_t seen;
	int error = user_load32(&seen, address);

	return error ? error : user_compare_exchange32(address, &seen, seen);
}

static long change_and_wake(const struct futex_pair *pair, const struct futex_key *from,
			    const struct futex_key *to, uint32_t operation)
{
	long result = 0;
	int also;

	lock_two(bucket_of(from), bucket_of(to));
	also = change_word(pair->to, operation);
	if (also >= 0)
		result = wake_some(bucket_of(from), from, pair->wake, FUTEX_BITSET_MATCH_ANY);
	if (also > 0)
		result += wake_some(bucket_of(to), to, pair->other, FUTEX_BITSET_MATCH_ANY);
	unlock_two(bucket_of(from), bucket_of(to));
	return also < 0 ? also : result;
}

long futex_wake_op(const struct futex_pair *pair, uint32_t operation)
{
	struct futex_key from, to;
	long result = find_keys(pair, &from, &to);

	if (result)
		return result;
	do
		result = change_and_wake(pair, &from, &to, operation);
	while (result == -EFAULT && !touch(pair->to));
	return result;
}
