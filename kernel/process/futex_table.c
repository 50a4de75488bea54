// SPDX-License-Identifier: MIT
//
// Where those who sleep on a futex stand: a hash table by what their word is, in memory shared
// between processes the object and the offset in it, else the address space and the address.
//
// Locks: a bucket's lock guards its list, and the `bucket` and `key` of those on it. The word is
// read with it held, so that nobody can change the word and wake in between. Pages are not brought
// in under it: when the word is not there it is touched without the lock, and all begins anew. It
// is never taken by an interrupt. Two buckets are taken in the order of their addresses. Only the
// lock of the mutexes (futex_pi.c) and the run queue's (task_wake) are taken after it.
//
// A key's object is compared and never followed, so it holds no reference: who sleeps on a word
// that has been unmapped can at worst be woken for a newer object at the same place, and every
// user of futexes has to look at the word again anyway.
#include "kernel/machine/user_copy.h"
#include "kernel/process/futex_internal.h"
#include "kernel/process/task.h"
#include "mm/mm.h"
#include <linux/errno.h>

#define BUCKETS    256 // a power of two
#define SHARED_KEY 1   // in an offset: not FUTEX_PRIVATE_FLAG; words are at multiples of 4

static struct futex_bucket buckets[BUCKETS];

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	uint64_t hash = (uint64_t)key->space >> 6 ^ key->offset >> 2 ^ key->offset >> 12;

	return &buckets[hash % BUCKETS];
}

static void prepare(struct futex_bucket *bucket)
{
	if (!bucket->ready)
		list_init(&bucket->sleepers);
	bucket->ready = true;
}

void futex_lock_bucket(struct futex_bucket *bucket)
{
	spin_lock(&bucket->lock);
	prepare(bucket);
}

// The lock's kind is named after this line when it is the first to take it: the same as above.
static void lock_second(struct futex_bucket *bucket)
{
	spin_lock_nested(&bucket->lock);
	prepare(bucket);
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	struct futex_bucket *first = a < b ? a : b, *second = a < b ? b : a;

	futex_lock_bucket(first);
	if (first != second)
		lock_second(second);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

void futex_enqueue(struct futex_bucket *bucket, struct futex_sleeper *sleeper)
{
	struct list *after = bucket->sleepers.prev;

	while (after != &bucket->sleepers &&
	       task_urgency(container_of(after, struct futex_sleeper, link)->task) <
		       task_urgency(sleeper->task))
		after = after->prev;
	list_add(after, &sleeper->link);
	__atomic_store_n(&sleeper->bucket, bucket, __ATOMIC_RELAXED);
}

bool futex_has_sleeper(const struct futex_key *key)
{
	struct futex_sleeper *sleeper;

	list_for_each_entry (sleeper, &futex_bucket_of(key)->sleepers, link) {
		if (futex_same_key(&sleeper->key, key))
			return true;
	}
	return false;
}

int futex_touch(uintptr_t address)
{
	uint32_t seen;
	int error = user_load32(&seen, address);

	return error ? error : user_compare_exchange32(address, &seen, seen);
}

static int shared_key(struct mm *mm, uintptr_t address, struct futex_key *key)
{
	const struct vma *vma;
	int error = 0;

	spin_lock(&mm->lock);
	vma = mm_find_vma(mm, address);
	if (!vma || address < vma->start || !(vma->flags & VMA_PROTECTION)) {
		error = -EFAULT;
	} else if (!vma->object && !(vma->flags & VMA_WRITE)) {
		error = -EFAULT; // as Linux: nobody could ever change it
	} else if (vma->flags & VMA_SHARED && vma->object) {
		key->space = vma->object;
		key->offset = (vma->page_offset << PAGE_SHIFT) + (address - vma->start);
	}
	spin_unlock(&mm->lock);
	key->offset |= SHARED_KEY;
	return error;
}

int futex_find_key(uintptr_t address, bool is_private, struct futex_key *key)
{
	struct mm *mm = current_task()->mm;

	if (address % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok(address, sizeof(uint32_t)))
		return -EFAULT;
	*key = (struct futex_key){.space = mm, .offset = address};
	return is_private ? 0 : shared_key(mm, address, key);
}
