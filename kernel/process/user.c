// SPDX-License-Identifier: MIT
//
// Users: see kernel/process/user.h. A user is there as long as somebody refers to it: credentials,
// an epoll, files under way. There are few, so they are a list.
//
// Locks: user_lock is a spin lock that is taken last.
#include "kernel/process/user.h"

#include "lib/spinlock.h"
#include "mm/slab.h"
#include <stddef.h>

static struct spinlock user_lock;
static struct list users = {&users, &users};

// user_lock is held. With a reference.
static struct user *find(uint32_t uid)
{
	struct user *user;

	list_for_each_entry (user, &users, link) {
		if (user->uid == uid) {
			user->references++;
			return user;
		}
	}
	return NULL;
}

struct user *user_find(uint32_t uid)
{
	struct user *new = kzalloc(sizeof(*new)), *found;

	if (!new)
		return NULL;
	*new = (struct user){.uid = uid, .references = 1};
	spin_lock(&user_lock);
	found = find(uid);
	if (!found)
		list_add_tail(&users, &new->link);
	spin_unlock(&user_lock);
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
	last = !--user->references;
	if (last)
		list_del(&user->link);
	spin_unlock(&user_lock);
	if (last)
		kfree(user);
}
