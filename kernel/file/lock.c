// SPDX-License-Identifier: MIT
//
// Locks on files: see kernel/file/lock.h. All of them are on one list: they are few, and whoever
// closes a file looks at the list only when there are any.
//
// Left out: mandatory locks, leases. Deadlocks are found among who waits for ranges, not where
// open files or flock are part of the circle, as on Linux.
//
// Locks: `lists_lock` guards both lists and what is on them. Nothing is allocated or freed under
// it.
#include "kernel/file/lock.h"
#include "kernel/file/file.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "lib/list.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fs.h>

#define LOCK_END ((uint64_t)INT64_MAX) // the last byte of a range without an end

// A lock that somebody has, or waits for. What `owner` is only matters for being the same.
struct file_lock {
	struct list link;
	const struct inode *inode;
	const void *owner;   // struct files, or struct file
	uint64_t start, end; // bytes, both included
	int pid;             // -1: it belongs to an open file
	short type;          // F_RDLCK or F_WRLCK
	bool whole;          // flock's, which fcntl's do not meet
};

static struct spinlock lists_lock;
static struct list held = LIST_INIT(held);
static struct list waiting = LIST_INIT(waiting);
static uint32_t held_count; // on `held`; atomic, so that it can be looked at without the lock
static struct wait_queue changed = WAIT_QUEUE_INIT(changed); // a lock is gone

// ---- under lists_lock ----
static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->inode == b->inode && a->whole == b->whole && a->start <= b->end &&
	       b->start <= a->end;
}

static struct file_lock *find_conflict(const struct file_lock *wanted)
{
	struct file_lock *lock;

	list_for_each_entry (lock, &held, link)
		if (overlap(lock, wanted) && lock->owner != wanted->owner &&
		    (lock->type == F_WRLCK || wanted->type == F_WRLCK))
			return lock;
	return NULL;
}

// Whether whoever holds `blocker` waits, directly or not, for the owner of `wanted`.
static bool would_deadlock(const struct file_lock *wanted, const struct file_lock *blocker)
{
	for (int steps = 0; blocker && steps < 10; steps++) {
		struct file_lock *waiter, *next = NULL;

		if (blocker->owner == wanted->owner)
			return true;
		list_for_each_entry (waiter, &waiting, link)
			if (waiter->owner == blocker->owner)
				next = find_conflict(waiter);
		blocker = next;
	}
	return false;
}

static void add(struct file_lock *lock)
{
	list_add_tail(&held, &lock->link);
	__atomic_add_fetch(&held_count, 1, __ATOMIC_RELAXED);
}

// Takes it off the list; freed later.
static void drop(struct file_lock *lock, struct list *gone)
{
	list_del(&lock->link);
	list_add_tail(gone, &lock->link);
	__atomic_sub_fetch(&held_count, 1, __ATOMIC_RELAXED);
}

// Takes the range of `wanted` away from its owner's other locks. *spare is used when one becomes
// two.
static void carve(const struct file_lock *wanted, struct file_lock **spare, struct list *gone)
{
	struct file_lock *lock, *next;

	list_for_each_entry_safe (lock, next, &held, link) {
		if (!overlap(lock, wanted) || lock->owner != wanted->owner)
			continue;
		if (lock->start < wanted->start && lock->end > wanted->end) {
			**spare = *lock;
			(*spare)->start = wanted->end + 1;
			add(*spare);
			*spare = NULL;
			lock->end = wanted->start - 1;
		} else if (lock->start < wanted->start) {
			lock->end = wanted->start - 1;
		} else if (lock->end > wanted->end) {
			lock->start = wanted->end + 1;
		} else {
			drop(lock, gone);
		}
	}
}

// Joins `lock` with its owner's locks of the same type that touch it.
static void merge(struct file_lock *lock, struct list *gone)
{
	struct file_lock *other, *next;

	list_for_each_entry_safe (other, next, &held, link) {
		if (other == lock || other->owner != lock->owner || other->inode != lock->inode ||
		    other->type != lock->type || other->whole != lock->whole)
			continue;
		if (other->end + 1 != lock->start && lock->end + 1 != other->start)
			continue;
		if (other->start < lock->start)
			lock->start = other->start;
		if (other->end > lock->end)
			lock->end = other->end;
		drop(other, gone);
	}
}

// ---- waiting ----
static void free_all(struct list *gone)
{
	struct file_lock *lock, *next;
	bool any = !list_empty(gone);

	list_for_each_entry_safe (lock, next, gone, link)
		kfree(lock);
	if (any)
		wake_all(&changed);
}

static bool is_free(void *wanted)
{
	bool result;

	spin_lock(&lists_lock);
	result = !find_conflict(wanted);
	spin_unlock(&lists_lock);
	return result;
}

// What a try needs: the lock itself, and a piece for one that is cut in two.
struct request {
	struct file_lock *lock, *spare;
	bool unlock, wait;
};

// 0: done; 1: to be waited for; or -errno.
static int try_lock(struct request *request, struct list *gone)
{
	struct file_lock *lock = request->lock;
	struct file_lock *blocker;

	// Of flock, one of another kind goes first, and stays away if the new one can not be had.
	if (lock->whole)
		carve(lock, &request->spare, gone);
	blocker = request->unlock ? NULL : find_conflict(lock);
	if (blocker) {
		if (!request->wait)
			return -EAGAIN;
		return !lock->whole && would_deadlock(lock, blocker) ? -EDEADLK : 1;
	}
	carve(lock, &request->spare, gone);
	if (!request->unlock) {
		add(lock);
		merge(lock, gone);
		request->lock = NULL;
	}
	return 0;
}

static int lock_or_wait(struct request *request)
{
	for (;;) {
		struct list gone = LIST_INIT(gone);
		struct file_lock waiter = *request->lock;
		int result;

		spin_lock(&lists_lock);
		result = try_lock(request, &gone);
		if (result == 1)
			list_add_tail(&waiting, &waiter.link);
		spin_unlock(&lists_lock);
		free_all(&gone);
		if (result != 1)
			return result;
		result = wait_until(&changed, is_free, &waiter);
		spin_lock(&lists_lock);
		list_del(&waiter.link);
		spin_unlock(&lists_lock);
		if (result)
			return result;
	}
}

static int apply(const struct file_lock *wanted, bool unlock, bool wait)
{
	struct request request = {kmalloc(sizeof(*wanted)), kmalloc(sizeof(*wanted)), unlock,
				  wait};
	int result = -ENOMEM;

	if (request.lock && request.spare) {
		*request.lock = *wanted;
		result = lock_or_wait(&request);
		// A lock made weaker or smaller may let others in.
		if (result == 0)
			wake_all(&changed);
	}
	kfree(request.lock);
	kfree(request.spare);
	return result;
}

// ---- ranges ----
// The range that l_whence, l_start and l_len say: 0, -EINVAL or -EOVERFLOW.
static int read_range(struct file *file, const struct flock *from, struct file_lock *lock)
{
	int64_t start = from->l_start, base = 0;

	if (from->l_whence == SEEK_CUR)
		base = (int64_t)file->offset;
	else if (from->l_whence == SEEK_END)
		base = (int64_t)inode_size(file->inode);
	else if (from->l_whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(start, base, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	lock->start = (uint64_t)start;
	lock->end = LOCK_END;
	if (from->l_len > 0) {
		if (from->l_len - 1 > INT64_MAX - start)
			return -EOVERFLOW;
		lock->end = (uint64_t)(start + from->l_len - 1);
	} else if (from->l_len < 0) {
		if (start + from->l_len < 0)
			return -EINVAL;
		lock->start = (uint64_t)(start + from->l_len);
		lock->end = (uint64_t)(start - 1);
	}
	return 0;
}

static int read_lock(struct file *file, const struct flock *from, bool of_file,
		     struct file_lock *lock)
{
	*lock = (struct file_lock){.type = from->l_type, .inode = file->inode};
	lock->owner = of_file ? (const void *)file : current_task()->files;
	lock->pid = of_file ? -1 : current_process()->pid;
	if (!file->inode)
		return -EBADF;
	if (of_file && from->l_pid)
		return -EINVAL;
	return read_range(file, from, lock);
}

static bool type_valid(short type)
{
	return type == F_RDLCK || type == F_WRLCK || type == F_UNLCK;
}

long lock_get(struct file *file, struct flock *lock, bool of_file)
{
	struct file_lock wanted, *found;
	int result;

	if (lock->l_type != F_RDLCK && lock->l_type != F_WRLCK)
		return -EINVAL;
	result = read_lock(file, lock, of_file, &wanted);
	if (result)
		return result;
	spin_lock(&lists_lock);
	found = find_conflict(&wanted);
	if (found) {
		lock->l_type = found->type;
		lock->l_whence = SEEK_SET;
		lock->l_start = (int64_t)found->start;
		lock->l_len =
			found->end == LOCK_END ? 0 : (int64_t)(found->end - found->start + 1);
		lock->l_pid = found->pid;
	} else {
		lock->l_type = F_UNLCK;
	}
	spin_unlock(&lists_lock);
	return 0;
}

long lock_set(struct file *file, const struct flock *lock, bool of_file, bool wait)
{
	struct file_lock wanted;
	int result = read_lock(file, lock, of_file, &wanted);

	if (result)
		return result;
	if (!type_valid(lock->l_type))
		return -EINVAL;
	if ((lock->l_type == F_RDLCK && !file_readable(file)) ||
	    (lock->l_type == F_WRLCK && !file_writable(file)))
		return -EBADF;
	return apply(&wanted, lock->l_type == F_UNLCK, wait);
}

// ---- whole files ----
long lock_whole(struct file *file, int operation)
{
	struct file_lock wanted = {
		.inode = file->inode,
		.owner = file,
		.end = LOCK_END,
		.pid = -1,
		.whole = true,
	};

	switch (operation & ~LOCK_NB) {
	case LOCK_SH:
		wanted.type = F_RDLCK;
		break;
	case LOCK_EX:
		wanted.type = F_WRLCK;
		break;
	case LOCK_UN:
		break;
	default:
		return -EINVAL;
	}
	if (!file->inode)
		return 0; // a pipe: nobody else can come by it
	return apply(&wanted, (operation & ~LOCK_NB) == LOCK_UN, !(operation & LOCK_NB));
}

// ---- the end ----
static void drop_locks(const void *owner, const struct inode *inode)
{
	struct list gone = LIST_INIT(gone);
	struct file_lock *lock, *next;

	spin_lock(&lists_lock);
	list_for_each_entry_safe (lock, next, &held, link)
		if (lock->owner == owner && lock->inode == inode)
			drop(lock, &gone);
	spin_unlock(&lists_lock);
	free_all(&gone);
}

void lock_table_closed(const struct files *files, const struct file *file)
{
	if (__atomic_load_n(&held_count, __ATOMIC_RELAXED) && file && file->inode)
		drop_locks(files, file->inode);
}

void lock_file_closed(const struct file *file)
{
	if (__atomic_load_n(&held_count, __ATOMIC_RELAXED) && file->inode)
		drop_locks(file, file->inode);
}
