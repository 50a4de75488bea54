// SPDX-License-Identifier: MIT
//
// What all inodes have in common, wherever they come from.
#include "kernel/file/inode.h"
#include "kernel/machine/timer.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/object.h"
#include <asm/errno.h>
#include <linux/stat.h>

#define A_DAY       (24 * 60 * 60) // seconds
#define NANOSECONDS 1000000000ul   // of a second

struct inode *root_inode;
struct spinlock tree_lock;

struct inode *inode_get(struct inode *inode)
{
	__atomic_add_fetch(&inode->references, 1, __ATOMIC_RELAXED);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (!inode || __atomic_sub_fetch(&inode->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (inode->ops->release)
		inode->ops->release(inode);
}

struct inode *inode_parent(struct inode *inode)
{
	struct inode *parent;

	spin_lock(&tree_lock);
	parent = inode_get(inode_uncovered(inode->parent));
	spin_unlock(&tree_lock);
	return parent;
}

// ---- writing against execution ----
// One more on the side of `change` (1: writers, -1: executions), unless the other is there.
static int take_side(struct inode *inode, int32_t change)
{
	int32_t old = __atomic_load_n(&inode->writers, __ATOMIC_RELAXED);

	do
		if (old * change < 0)
			return -ETXTBSY;
	while (!__atomic_compare_exchange_n(&inode->writers, &old, old + change, true,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

int inode_write_begin(struct inode *inode)
{
	return take_side(inode, 1);
}

void inode_write_end(struct inode *inode)
{
	__atomic_sub_fetch(&inode->writers, 1, __ATOMIC_RELEASE);
}

int inode_execute_begin(struct inode *inode)
{
	return take_side(inode, -1);
}

void inode_execute_end(struct inode *inode)
{
	__atomic_add_fetch(&inode->writers, 1, __ATOMIC_RELEASE);
}

// ---- times ----
static struct __kernel_timespec time_now(void)
{
	uint64_t now = clock_realtime();

	return (struct __kernel_timespec){(long long)(now / NANOSECONDS),
					  (long long)(now % NANOSECONDS)};
}

void inode_touch(struct inode *inode, unsigned which)
{
	struct __kernel_timespec now = time_now();

	spin_lock(&inode->lock);
	if (which & TIME_ACCESS)
		inode->times.access = now;
	if (which & TIME_MODIFICATION)
		inode->times.modification = now;
	if (which & TIME_CHANGE)
		inode->times.change = now;
	if (which & TIME_BIRTH)
		inode->times.birth = now;
	spin_unlock(&inode->lock);
}

static bool later(struct __kernel_timespec a, struct __kernel_timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

void inode_accessed(struct inode *inode)
{
	struct __kernel_timespec now = time_now();
	struct inode_times *times = &inode->times;

	spin_lock(&inode->lock);
	if (!later(times->access, times->modification) || !later(times->access, times->change) ||
	    now.tv_sec - times->access.tv_sec >= A_DAY)
		times->access = now;
	spin_unlock(&inode->lock);
}

// ---- what is told of it ----
uint64_t inode_size(const struct inode *inode)
{
	return inode->object ? __atomic_load_n(&inode->object->size, __ATOMIC_RELAXED)
			     : inode->size;
}

// In units of 512 bytes: pages there are, and those that the archive still has.
static long blocks_of(const struct inode *inode)
{
	const struct object *object = inode->object;
	uint64_t pages;

	if (!object)
		return 0;
	pages = (object->source + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (pages < object->cached)
		pages = object->cached;
	return (long)(pages * (PAGE_SIZE / 512));
}

void inode_stat(struct inode *inode, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_dev = inode->device;
	status->st_ino = inode->number;
	status->st_rdev = inode->special;
	status->st_size = (long)inode_size(inode);
	status->st_blksize = PAGE_SIZE;
	status->st_blocks = blocks_of(inode);
	status->st_nlink = inode->links;
	spin_lock(&inode->lock);
	status->st_mode = inode->mode;
	status->st_uid = inode->uid;
	status->st_gid = inode->gid;
	status->st_atime = (unsigned long)inode->times.access.tv_sec;
	status->st_atime_nsec = (unsigned long)inode->times.access.tv_nsec;
	status->st_mtime = (unsigned long)inode->times.modification.tv_sec;
	status->st_mtime_nsec = (unsigned long)inode->times.modification.tv_nsec;
	status->st_ctime = (unsigned long)inode->times.change.tv_sec;
	status->st_ctime_nsec = (unsigned long)inode->times.change.tv_nsec;
	spin_unlock(&inode->lock);
}

// Writes the path backwards from `at` towards the buffer's start; NULL when it does not fit.
static char *write_backwards(const struct inode *inode, char *buffer, char *at)
{
	if (inode->parent == inode)
		*--at = '/';
	for (; inode->parent != inode; inode = inode->parent) {
		size_t length = strlen(inode->name);

		if ((size_t)(at - buffer) < length + 1)
			return NULL;
		at -= length;
		memcpy(at, inode->name, length);
		*--at = '/';
	}
	return at;
}

#define DELETED " (deleted)"

long inode_path(const struct inode *inode, char *buffer, size_t size)
{
	size_t suffix = inode->links ? 0 : strlen(DELETED);
	char *end = buffer + size - 1, *at;
	size_t length;

	if (size < suffix + 2)
		return -ENAMETOOLONG;
	*end = '\0';
	memcpy(end - suffix, DELETED, suffix);
	spin_lock(&tree_lock);
	at = write_backwards(inode, buffer, end - suffix);
	spin_unlock(&tree_lock);
	if (!at)
		return -ENAMETOOLONG;
	length = (size_t)(end - at);
	memmove(buffer, at, length + 1);
	return (long)length;
}
