// SPDX-License-Identifier: MIT
//
// Users: see kernel/process/user.h. A user is there as long as somebody refers to it: credentials,
// an epoll, files under way. There are few, so they are a list. One that only signals and timers
// still count for stays on the list, and is found and freed when the next user is looked for.
//
// Locks: user_lock is a spin lock that is taken last. `queued` is counted without it, because
// signals are sent by interrupt handlers: it grows only as long as there are references.
#include "kernel/process/user.h"

#include "lib/spinlock.h"
#include "mm/slab.h"
#include <stddef.h>

static struct spinlock user_lock;
static struct list users = {&users, &users};

static bool is_over(const struct user *user)
{
	return !user->references && !__atomic_load_n(&user->queued, __ATOMIC_ACQUIRE);
}

// user_lock is held. With a reference. In *over: another one that nobody needs any more, or NULL.
static struct user *find(uint32_t uid, struct user **over)
{
	struct user *user, *following;

	*over = NULL;
	list_for_each_entry_safe (user, following, &users, link) {
		if (user->uid == uid) {
			user->references++;
			return user;
		}
		if (!*over && is_over(user)) {
			list_del(&user->link);
			*over = user;
		}
	}
	return NULL;
}

struct user *user_find(uint32_t uid)
{
	struct user *new = kzalloc(sizeof(*new)), *found, *over;

	if (!new)
		return NULL;
	*new = (struct user){.uid = uid, .references = 1};
	spin_lock(&user_lock);
	found = find(uid, &over);
	if (!found)
		list_add_tail(&users, &new->link);
	spin_unlock(&user_lock);
	kfree(over);
	if (!found)
		return new;
	kfree(new);
	return found;
}

struct user *user_get(struct user *user)
{
	spin_lock(&user_lock);
	user->references++;
	spin_unlock(&user_lock);
	return user;
}

void user_put(struct user *user)
{
	bool last;

	spin_lock(&user_lock);
	user->references--;
	last = is_over(user);
	if (last)
		list_del(&user->link);
	spin_unlock(&user_lock);
	if (last)
		kfree(user);
}

bool user_queue(struct user *user, uint64_t limit)
{
	if (__atomic_add_fetch(&user->queued, 1, __ATOMIC_RELAXED) <= limit)
		return true;
	user_dequeued(user);
	return false;
}

void user_dequeued(struct user *user)
{
	__atomic_sub_fetch(&user->queued, 1, __ATOMIC_RELEASE);
}
