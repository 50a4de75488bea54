// SPDX-License-Identifier: MIT
#include "kernel/file/place.h"

#include "kernel/file/inode.h"
#include "kernel/process/task.h"
#include "mm/slab.h"
#include <linux/errno.h>

static struct cache *place_cache;

int place_start(void)
{
	place_cache = cache_create("place", sizeof(struct place));
	return place_cache ? 0 : -ENOMEM;
}

// Takes over the caller's reference to `directory`, on failure too.
static struct place *place_alloc(struct inode *directory, uint32_t umask)
{
	struct place *place = cache_alloc_zeroed(place_cache);

	if (!place) {
		inode_put(directory);
		return NULL;
	}
	place->references = 1;
	place->umask = umask;
	place->directory = directory;
	return place;
}

struct place *place_create(void)
{
	return place_alloc(inode_get(root_inode), 0022);
}

struct place *place_fork(struct place *place)
{
	return place_alloc(place_directory(place), place_umask(place));
}

struct place *place_get(struct place *place)
{
	__atomic_add_fetch(&place->references, 1, __ATOMIC_RELAXED);
	return place;
}

void place_put(struct place *place)
{
	if (!place || __atomic_sub_fetch(&place->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	inode_put(place->directory);
	cache_free(place_cache, place);
}

int place_unshare(void)
{
	struct task *task = current_task();
	struct place *old = task->place, *copy;

	if (__atomic_load_n(&old->references, __ATOMIC_ACQUIRE) == 1)
		return 0;
	copy = place_fork(old);
	if (!copy)
		return -ENOMEM;
	task_set_place(task, copy);
	place_put(old);
	return 0;
}

struct inode *place_directory(struct place *place)
{
	struct inode *directory;

	spin_lock(&place->lock);
	directory = inode_get(place->directory);
	spin_unlock(&place->lock);
	return directory;
}

uint32_t place_umask(const struct place *place)
{
	return __atomic_load_n(&place->umask, __ATOMIC_RELAXED);
}

// While the machine starts there is no task yet.
struct inode *current_directory(void)
{
	struct task *task = current_task();

	return task && task->place ? place_directory(task->place) : inode_get(root_inode);
}

void change_directory(struct inode *directory)
{
	struct place *place = current_task()->place;
	struct inode *old;

	inode_get(directory);
	spin_lock(&place->lock);
	old = place->directory;
	place->directory = directory;
	spin_unlock(&place->lock);
	inode_put(old);
}

uint32_t change_umask(uint32_t umask)
{
	return __atomic_exchange_n(&current_task()->place->umask, umask, __ATOMIC_RELAXED);
}
